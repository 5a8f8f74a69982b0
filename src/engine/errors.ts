// Every way in which the engine can refuse or fail: code (it becomes a condition's reason), exit code, and a message
// for a person: the fact, then the remedy, with the offending value. No message may hold a credential or row data.
// Thrown everywhere below src/engine, src/database and src/backup; turned into a Job's result by src/runner/result.ts.
import type { ExitCode } from '../api/exit-codes.ts';

interface Server {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

const at = (s: Server) => `database ${q(s.database)} on ${s.host}:${s.port} as role ${q(s.user)}`;
const q = (text: string) => JSON.stringify(text);
/** As the end of a sentence: what the server says may end in a full stop of its own. */
const ended = (reason: string) => `${reason.replace(/(?<![.\s])[.\s]+$/, '')}.`;
const list = (names: readonly string[], most = 10) =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;

/** How far a file has come that is no transaction as a whole. */
export interface HalfDone {
  readonly direction: 'Up' | 'Down' | 'Repeat';
  /** So many of its statements, from the first, are done and stay. */
  readonly done: number;
}

/** `The migration is half done: …`, with what a person may do, to be gone on with by how to run it again. */
export function standingOf({ direction, done }: HalfDone): string {
  const what = direction === 'Down' ? 'The way down is' : 'The migration is';
  const stay = done === 1 ? 'its first statement is done and stays' : `its first ${done} statements are done and stay`;
  return `${what} half done: ${stay}. Mend the cause, or change the file behind statement ${done}`;
}

/** Input: the files, the target, the settings. Nothing was touched; a person edits something. */
const INPUT_ERRORS = {
  BadInput: { exitCode: 2, message: (f: { reason: string }) => `The input of this Job cannot be used: ${f.reason}.` },
  BadConnectionUrl: {
    exitCode: 2,
    message: (f: { reason: string }) =>
      `The connection URL cannot be read: ${f.reason}. Correct it where it is kept (the Secret, or DATABASE_URL); it is not shown here because it may hold a password.`,
  },
  NoMigrations: {
    exitCode: 2,
    message: (f: { directory: string; ignored: number }) =>
      `There is no migration file in ${f.directory}${f.ignored === 0 ? '' : `, only ${f.ignored} of other kinds`}. Name them like 001_users.up.sql.`,
  },
  BadFileName: {
    exitCode: 2,
    message: (f: { file: string; rename?: string | undefined }) =>
      `The file name ${q(f.file)} is not a migration's. ${
        f.rename === undefined
          ? "It must be <number>_<name>.up.sql or .down.sql: up to 18 digits, then a-z, 0-9 and _ (up to 100). Files of golang-migrate, Diesel, dbmate, goose and Flyway are read too, one tool's in a folder."
          : `Rename it to ${q(f.rename)}.`
      }`,
  },
  VersionTooLong: {
    exitCode: 2,
    /** `at`: where it is; of the ledger it is applied, by the command line or an earlier release. */
    message: (f: { version: string; characters: number; most: number; at: 'Files' | 'Ledger' }) =>
      f.at === 'Files'
        ? `The name ${q(f.version)} has ${f.characters} characters, and the status of a resource holds at most ${f.most}. Give it a shorter name.`
        : `The ledger has ${q(f.version)}, a name of ${f.characters} characters, and the status of a resource holds at most ${f.most}: neither can the database be said to be at it, nor can it be taken back from here. Do it with the command line: upgrade to a later migration, or take it back and give it a shorter name.`,
  },
  FileTooDeep: {
    exitCode: 2,
    message: (f: { file: string }) =>
      `${f.file} is named like a migration and lies where none is read: in a folder two below that of the migrations. Move it up, or take the folder out.`,
  },
  NoFile: {
    exitCode: 2,
    message: (f: { file: string; what: string }) =>
      `${f.file} is named like a migration, but it is ${f.what}. Put a file in its place, or remove it.`,
  },
  SourceUnreadable: {
    exitCode: 2,
    message: (f: { place: string; reason: string }) =>
      `${f.place} cannot be read: ${f.reason}. Who runs this must be able to read every migration.`,
  },
  BadFileText: {
    exitCode: 2,
    message: (f: { file: string; reason: string }) => `The file ${f.file} ${f.reason}. Save it as plain UTF-8.`,
  },
  DuplicateNumber: {
    exitCode: 2,
    message: (f: { number: string; first: string; second: string }) =>
      `The number ${f.number} is used twice: by ${f.first} and by ${f.second}. Give one of them the next free number.`,
  },
  DuplicateFile: {
    exitCode: 2,
    message: (f: { file: string; first: string; second: string }) =>
      `The file ${f.file} comes twice: from ${f.first} and from ${f.second}. Remove it from one of the ConfigMaps.`,
  },
  LayoutMixed: {
    exitCode: 2,
    message: (f: { first: string; firstLayout: string; second: string; secondLayout: string }) =>
      `The folder fits two layouts: ${f.first} is of ${f.firstLayout}, ${f.second} of ${f.secondLayout}. Keep the files of one tool in a folder.`,
  },
  BadMarker: {
    exitCode: 2,
    message: (f: { file: string; layout: string; reason: string }) =>
      `The ${f.layout} migration ${f.file} cannot be run: ${f.reason}.`,
  },
  HistoryMissing: {
    exitCode: 2,
    message: (f: { tables: readonly string[] }) =>
      `No history of another tool is in this database: there is none of ${list(f.tables)}. Use "baseline <version>" without --from.`,
  },
  HistoryUnsound: {
    exitCode: 2,
    message: (f: { tool: string; table: string; reason: string }) =>
      `The history of ${f.tool} in ${f.table} cannot be taken over: ${f.reason}.`,
  },
  HistoryUnmatched: {
    exitCode: 2,
    message: (f: { tool: string; table: string; strangers: readonly string[]; passedOver: readonly string[] }) =>
      [
        `The history of ${f.tool} in ${f.table} does not fit the files.`,
        ...(f.strangers.length > 0 ? [`Applied, but not among the files: ${list(f.strangers)}.`] : []),
        ...(f.passedOver.length > 0
          ? [`Among the files below the highest, but never applied: ${list(f.passedOver)}.`]
          : []),
        'Bring both together with that tool first.',
      ].join(' '),
  },
  DownWithoutUp: {
    exitCode: 2,
    message: (f: { file: string; up: string }) =>
      `The file ${f.file} has no ${f.up} beside it. Add the missing file or remove this one.`,
  },
  BadBundle: {
    exitCode: 2,
    message: (f: { file: string; reason: string }) =>
      `The bundle ${f.file} cannot be read: ${f.reason}. Make it again with \`migrate bundle\`.`,
  },
  SourceTooLarge: {
    exitCode: 2,
    message: (f: { file: string; most: string }) =>
      `The bundles of migrations unpack to more than ${f.most} in all; the one too many is ${f.file}. Take bulk data out of the migrations.`,
  },
  SiblingOfNothing: {
    exitCode: 2,
    message: (f: { file: string; plain: string }) =>
      `The file ${f.file} replaces ${f.plain} on SQLite, but there is no ${f.plain}. Add it, or give this one its name.`,
  },
  UnknownTarget: {
    exitCode: 2,
    message: (f: { target: string; near: readonly string[]; highest: string }) =>
      `The target ${q(f.target)} is not among the migrations. ${f.near.length > 0 ? `Did you mean ${list(f.near)}?` : `Set one that is there (the highest is ${f.highest}), or add its files.`}`,
  },
  OutOfOrder: {
    exitCode: 2,
    message: (f: { version: string; applied: string; rename: string }) =>
      `The migration ${f.version} is new but sorts before ${f.applied}, which is applied. Rename its files to ${f.rename}.`,
  },
  AppliedRenamed: {
    exitCode: 2,
    /** `was`: what the applied one's file was called. `same`: by what the new file is taken for it. */
    message: (f: { version: string; applied: string; was: string; same: 'Number' | 'Text' }) =>
      `${f.applied} is applied and its file is gone, while ${f.version}, which is not applied, has its very ${f.same === 'Text' ? 'text' : 'number'}. ${
        f.same === 'Text'
          ? `It was renamed, and would be run twice: give it its name back (${f.was}). If it is to be run once more on purpose, put the old file back as well.`
          : `If it was renamed, it would be run twice: give it its name back (${f.was}). If it is another migration, put the old file back first.`
      }`,
  },
  SyntaxError: {
    exitCode: 2,
    message: (f: { file: string; reason: string; hint?: string | undefined }) =>
      `The file ${f.file} is not valid SQL: ${f.reason}. ${f.hint ?? ''}`.trimEnd(),
  },
  StatementRefused: {
    exitCode: 2,
    message: (f: { file: string; what: string; remedy: string }) => `The file ${f.file} has ${f.what}. ${f.remedy}`,
  },
  BadDirective: {
    exitCode: 2,
    message: (f: { file: string; directive: string; remedy: string }) =>
      `The file ${f.file} has the setting ${q(f.directive)}. ${f.remedy}`,
  },
  BaselineNeeded: {
    exitCode: 2,
    message: (f: { tables: number; first: readonly string[] }) =>
      `The database has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} (${list(f.first, 3)}) but no record of any migration. Which migrations they come from cannot be known, so nothing is run. To adopt it, name the last migration that it already has (in a cluster: spec.baseline.version); else use an empty database.`,
  },
  LedgerElsewhere: {
    exitCode: 2,
    message: (f: { schema: string; others: readonly string[] }) =>
      `There is no ledger in schema ${q(f.schema)}, but this database has one in schema ${list(f.others.map(q), 3)}. A second one would know nothing of what the first has applied, so nothing is run. Correct spec.database.ledgerSchema; if a second ledger is meant, make its schema first: CREATE SCHEMA ${q(f.schema)}.`,
  },
  RecordMissing: {
    exitCode: 2,
    message: (f: { version: string; schema: string; count: number; first: readonly string[] }) =>
      `A database was migrated to ${f.version} before, but the one that the URL names now has ${f.count} ${f.count === 1 ? 'table' : 'tables'} (${list(f.first, 3)}${f.count > f.first.length ? ', …' : ''}) and no record of any migration in schema ${q(f.schema)}. It is another database, or its record was dropped; so it is not adopted, and nothing is run. Correct the URL, or restore the record; if this database is meant, delete this resource and apply it again with spec.baseline.`,
  },
  UnknownBaseline: {
    exitCode: 2,
    message: (f: { baseline: string; near: readonly string[]; highest: string }) =>
      `The baseline ${q(f.baseline)} is not among the migrations. ${f.near.length > 0 ? `Did you mean ${list(f.near)}?` : `Set one that is there (the highest is ${f.highest}), or add its files.`}`,
  },
  BackupVolumeNotWritable: {
    exitCode: 2,
    message: (f: { directory: string; reason: string }) =>
      `The backup volume at ${f.directory} cannot be written: ${f.reason}. Check the volume claim, its access mode and its file system group.`,
  },
  FileReadOnly: {
    exitCode: 2,
    message: (f: { path: string; reason: string }) =>
      `The database ${f.path} cannot be written: ${f.reason}. Run it as the file's owner, have that one give you the right (chmod, chown), or correct the URL.`,
  },
  ClientMajorMismatch: {
    exitCode: 2,
    message: (f: { client: string; server: string }) =>
      `pg_dump is of PostgreSQL ${f.client}, the server of ${f.server}. Use the image whose tag ends in -pg${f.server}.`,
  },
  ServerTooOld: {
    exitCode: 2,
    message: (f: { server: string }) => `The server is PostgreSQL ${f.server}. The oldest that works is 11.`,
  },
  LedgerFormatUnknown: {
    exitCode: 2,
    message: (f: { format: string; known: number | string }) =>
      `The ledger has format ${f.format}; this program knows ${f.known}. Use the release that wrote it, or a newer one.`,
  },
  LedgerNotEmpty: {
    exitCode: 2,
    message: (f: { schema: string; applied: number }) =>
      `The ledger in schema ${q(f.schema)} has ${f.applied} versions already: the database needs no baseline. Set the target instead.`,
  },
  KeyUnreadable: {
    exitCode: 2,
    message: (f: { file: string; reason: string }) =>
      `The key in ${f.file} cannot be used: ${f.reason}. Make one with "openssl genpkey -algorithm ed25519" or "ssh-keygen -t ed25519 -N ''".`,
  },
} as const;

/** The surroundings: time may heal these, and a later attempt tries again. */
const RETRYABLE_ERRORS = {
  DatabaseUnreachable: {
    exitCode: 10,
    message: (f: Server & { reason: string }) => `The ${at(f)} cannot be reached: ${f.reason}.`,
  },
  CredentialsRefused: {
    exitCode: 10,
    message: (f: Server) =>
      `The server refused the login to ${at(f)}. Correct the URL (in the Secret, or DATABASE_URL), or pg_hba.conf on the server.`,
  },
  RoleMissing: {
    exitCode: 10,
    message: (f: { roles: readonly string[]; near: readonly string[]; database: string }) =>
      `There is no role ${list(f.roles.map(q))} on the server of database ${q(f.database)}, nor does a pending migration make one, so whether the app is off could not be seen. ${f.near.length > 0 ? `Did you mean ${list(f.near)}? ` : ''}Correct spec.database.appRoles, or create the role.`,
  },
  DatabaseMissing: {
    exitCode: 10,
    message: (f: Server) => `There is no ${at(f)}. Create it, or correct the URL (in the Secret, or DATABASE_URL).`,
  },
  ServerReadOnly: {
    exitCode: 10,
    message: (f: { host: string; reason: string }) =>
      `The server ${f.host} takes no writes (${f.reason}). Connect to the primary, or wait for the failover to end.`,
  },
  ConnectionLost: {
    exitCode: 10,
    message: (f: { during: string; reason: string }) =>
      `The connection to the database was lost ${f.during}: ${f.reason}. What was not committed was rolled back; the next attempt goes on from the ledger.`,
  },
  ServerInTrouble: {
    exitCode: 10,
    message: (f: { reason: string }) => `The database is in trouble: ${ended(f.reason)}`,
  },
  LockTimeout: {
    exitCode: 11,
    /** `setting`: what lengthens the wait; null: nothing does. */
    message: (f: { where?: string; waited: string; blockers: readonly string[]; setting?: string | null }) =>
      `${f.where === undefined ? 'A lock' : `${f.where}: a lock`} was not to be had within ${f.waited}. ${f.blockers.length > 0 ? `It is held by ${list(f.blockers, 3)}.` : 'Who holds it is not visible.'} End that session${f.setting === null ? '' : `, or raise ${f.setting ?? 'execution.lockRetrySeconds'}`}.`,
  },
  FenceHeld: {
    exitCode: 12,
    message: (f: { waited: string; holder: string }) =>
      `Another session is still at work on this database after ${f.waited}: ${f.holder}. Nothing was run; end that session if it hangs.`,
  },
  Interrupted: {
    exitCode: 12,
    message: (f: { during: string }) =>
      `This attempt was told to stop ${f.during}; its open transaction was rolled back.`,
  },
  SessionsRemain: {
    exitCode: 13,
    /** `wanted`: of a restore, what it was to do about them. */
    message: (f: { count: number; waited: string; sessions: readonly string[]; wanted?: 'Refuse' | 'End' }) =>
      `${f.count} ${f.count === 1 ? 'session' : 'sessions'} of the application ${f.count === 1 ? 'is' : 'are'} still connected after ${f.waited}: ${list(f.sessions, 5)}. Stop what connects; a connection pooler must be stopped or paused too.`,
  },
} as const;

/** Last words: a person, or a fresh plan, has to decide. */
const FINAL_ERRORS = {
  ValidationFailed: {
    exitCode: 1,
    message: (f: { failed: number; of: number; first: string }) => `${f.failed} of ${f.of} checks failed; ${f.first}.`,
  },
  MigrationFailed: {
    exitCode: 20,
    /** `halfDone`: of a file in pieces, how much of it stays. */
    message: (f: { where: string; reason: string; halfDone?: HalfDone | undefined }) =>
      `${f.where} failed: ${ended(f.reason)}${f.halfDone === undefined ? '' : ` ${standingOf(f.halfDone)}, and ask for a retry. How to go back: docs/downgrade.md.`}`,
  },
  UncountedLoss: {
    exitCode: 20,
    message: (f: { versions: readonly string[]; gone: readonly string[] }) =>
      `The down of ${list(f.versions, 5)} took away what nobody had counted: ${list(f.gone, 5)}. It was rolled back. Something that its statements do not show did it: a trigger, an event trigger, a function behind a view or an operator, or what came after the count. If it is meant, write it into the down script, so that it is asked about; if not, take it out.`,
  },
  InvalidIndex: {
    exitCode: 20,
    message: (f: { file: string; index: string }) =>
      `${f.file} makes the index ${f.index} IF NOT EXISTS, but an invalid one of that name is there, left by somebody's failed build. Drop it, or make it without IF NOT EXISTS under another name.`,
  },
  TransactionBroken: {
    exitCode: 20,
    message: (f: { where: string }) =>
      `${f.where} ended the transaction or released the lock that protects it, by a way the grammar does not show. Remove COMMIT, ROLLBACK and pg_advisory_unlock from it.`,
  },
  BackupFailed: { exitCode: 20, message: (f: { reason: string }) => `The backup failed: ${ended(f.reason)}` },
  BackupVolumeFull: {
    exitCode: 20,
    message: (f: { directory: string; room?: string }) =>
      `The backup volume at ${f.directory} is full${f.room === undefined ? '' : `: ${f.room}`}. Enlarge the volume or remove old backups; nothing incomplete was kept.`,
  },
  RestoreRefused: {
    exitCode: 2,
    message: (f: { database: string; reasons: readonly string[]; losesReplication?: boolean }) =>
      `The database ${q(f.database)} cannot be restored: ${f.reasons.join('; ')}. Nothing was changed.`,
  },
  RestoreFailed: {
    exitCode: 20,
    message: (f: { reason: string }) => `The restore failed: ${ended(f.reason)} The database is as it was before.`,
  },
  FileChanged: {
    exitCode: 21,
    /** `lineEnds`: what they are now, where nothing else differs. */
    message: (f: { file: string; applied: string; found: string; lineEnds?: 'LF' | 'CRLF' | undefined }) =>
      `The file ${f.file} was changed after it was applied (checksum ${f.applied.slice(0, 12)}, now ${f.found.slice(0, 12)}). ${
        f.lineEnds === undefined
          ? 'Put the old text back and write the change as a new migration.'
          : `Only its line ends differ: they are ${f.lineEnds} now and were ${f.lineEnds === 'LF' ? 'CRLF' : 'LF'}. Put those back; in Git by "*.sql text eol=${f.lineEnds === 'LF' ? 'crlf' : 'lf'}" in .gitattributes and a fresh checkout.`
      }`,
  },
  HalfDoneFileChanged: {
    exitCode: 21,
    message: (f: { file: string; statement: number }) =>
      `The file ${f.file} is half done, and statement ${f.statement}, which was run, has changed. Put its old text back; only what follows the last statement run may change.`,
  },
  HalfDoneFileMissing: {
    exitCode: 21,
    message: (f: { version: string; next: string }) =>
      `The migration ${f.version} is half done, but the next to run would be ${f.next}. Put its file back among the others, so that it is brought to its end first.`,
  },
  HalfDoneUpgrade: {
    exitCode: 2,
    message: (f: { version: string }) =>
      `The migration ${f.version} is half done, so nothing below it can be taken back; nothing was run. Bring it to its end first, and go down then: set the target to it; where it cannot be brought to its end, docs/downgrade.md tells the ways back.`,
  },
  HalfDoneDowngrade: {
    exitCode: 2,
    message: (f: { version: string }) =>
      `The downgrade of ${f.version} is half done. Bring it to its end first: set the target below it.`,
  },
  IrreversibleMigration: {
    exitCode: 2,
    /** `missing`: where each one's down script would be. */
    message: (f: { versions: readonly string[]; missing: readonly string[] }) =>
      `There is no way down from ${list(f.versions)}: there is no ${list(f.missing)}. Write what is missing, or restore a backup.`,
  },
  DowngradeWouldLoseData: {
    exitCode: 2,
    message: (f: { losses: readonly string[]; digest: string }) =>
      `The downgrade would lose data: ${list(f.losses, 8)}. Nothing was run. If that is meant, confirm this plan: ${f.digest}.`,
  },
  NotSigned: {
    exitCode: 23,
    message: (f: { reason: string }) => `The migrations are not signed by a trusted key: ${f.reason}. Nothing was run.`,
  },
  RightMissing: {
    exitCode: 22,
    /** Without a role: that of the URL, whose name is not known where it fails. */
    message: (f: { role: string | undefined; right: string; remedy: string }) =>
      `The role ${f.role === undefined ? 'of the URL' : q(f.role)} lacks a right: ${f.right}. ${f.remedy}`.trimEnd(),
  },
  OwnedByAnother: {
    exitCode: 22,
    message: (f: { owner: string; resource: string; mine: string }) =>
      `This database belongs to another owner: ${f.resource} (id ${f.owner}); this is ${f.mine}. Two owners would migrate it against each other, so nothing was run. Give each its own database; or, if the other is gone for good, annotate this resource with migrations.truledgr.app/adopt=${f.owner}.`,
  },
  PoolerDetected: {
    exitCode: 22,
    message: (f: { host: string }) =>
      `The server behind ${f.host} is reached through a connection pooler, under which locks and session settings do not hold. Let the URL (in the Secret, or DATABASE_URL) name PostgreSQL itself.`,
  },
  LedgerDamaged: {
    exitCode: 22,
    message: (f: { schema: string; reason: string }) =>
      `The ledger in schema ${q(f.schema)} cannot be believed: ${f.reason}. Nothing was run; a person has to look at it.`,
  },
  StaleAttempt: {
    exitCode: 24,
    message: (f: { mine: string; epoch: string }) =>
      `Attempt ${f.mine} is stale: attempt ${f.epoch} has begun in this database. Nothing more is run by this one.`,
  },
  PlanOutdated: {
    exitCode: 24,
    message: (f: { what: string; planned: string; found: string }) =>
      `The plan is outdated: ${f.what} was ${f.planned} and is now ${f.found}. Nothing was run; it has to be planned again.`,
  },
  OutcomeUnknown: {
    exitCode: 30,
    message: (f: { where: string; reason: string }) =>
      `${f.where} was begun and whether it was done cannot be found out: ${f.reason}. Look at the database, then mark it as done or undone in the table "progress" of the ledger's schema (docs/formats.md).`,
  },
} as const;

export const ERRORS = { ...INPUT_ERRORS, ...RETRYABLE_ERRORS, ...FINAL_ERRORS } as const satisfies Record<
  string,
  { exitCode: ExitCode; message: (facts: never) => string }
>;

export type ErrorCode = keyof typeof ERRORS;
export type Facts<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** Where in the migrations an error arose. */
export interface ErrorPlace {
  readonly migration?: string;
  /** 1-based number of the statement in its file. */
  readonly statement?: number;
  readonly sqlstate?: string;
  /** 1-based line in the file. */
  readonly line?: number;
}

interface EngineErrorOptions extends ErrorOptions {
  readonly facts?: unknown;
  readonly parts?: readonly EngineError[];
}

/** An expected failure: one entry of the catalogue with its facts. Anything else that is thrown is a bug. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;
  readonly place: ErrorPlace;
  /** What its message was made of, to be said in other words; undefined where it was not made by `failure`. */
  readonly facts: unknown;
  /** Of several mistakes that became one error: each. Else none. */
  readonly parts: readonly EngineError[];
  constructor(code: ErrorCode, message: string, place: ErrorPlace, options: EngineErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.facts = options.facts;
    this.parts = options.parts ?? [];
    this.exitCode = ERRORS[code].exitCode;
    this.place = place;
  }
}

/** Makes the error of a code from its facts. */
export function failure<C extends ErrorCode>(
  code: C,
  facts: Facts<C>,
  place: ErrorPlace = {},
  options?: ErrorOptions,
): EngineError {
  const message = ERRORS[code].message as (facts: Facts<C>) => string;
  return new EngineError(code, message(facts), place, { ...options, facts });
}

/** Several mistakes found at once become one error: the first one's code and place, all their messages. */
export function gathered(errors: readonly EngineError[]): EngineError {
  const [first] = errors;
  if (first === undefined) throw new Error('no error to gather');
  if (errors.length === 1) return first;
  const shown = errors.slice(0, 5).map(error => error.message);
  const more = errors.length > 5 ? ` And ${errors.length - 5} more.` : '';
  return new EngineError(first.code, `${shown.join(' ')}${more}`, first.place, { parts: errors });
}
