// The engine's errors in the words of a terminal: where the catalogue speaks to whoever runs a cluster (a Secret, an image, a
// setting of the spec), the same fact with what a person at a command line can do about it. Every other error is said as the
// catalogue has it; test/unit/cli/words.test.ts reads them all. Called by failure.ts.
import { type EngineError, ERRORS, type ErrorCode, type Facts, standingOf } from '../engine/errors.ts';

const q = (text: string) => JSON.stringify(text);
const list = (names: readonly string[]) => names.slice(0, 10).join(', ');
const URL_REMEDY =
  'Correct the URL in the environment variable that holds it (DATABASE_URL, unless migrate.yaml says another)';

type Words = { readonly [C in ErrorCode]?: (facts: Facts<C>) => string };

const WORDS: Words = {
  BadInput: f => `This cannot be done: ${f.reason}.`,
  BadConnectionUrl: f =>
    `The connection URL cannot be read: ${f.reason}. ${URL_REMEDY}; it is not shown here because it may hold a password.`,
  VersionTooLong: f =>
    `The name ${q(f.version)} has ${f.characters} characters, and a version may have at most ${f.most}. Give it a shorter name.`,
  DuplicateFile: f => `The file ${f.file} comes twice: from ${f.first} and from ${f.second}. Remove one of the two.`,
  BaselineNeeded: f =>
    `The database has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} (${list(f.first)}) but no record of any migration. Which migrations they come from cannot be known, so nothing is run. To adopt it: migrate baseline <version>, the last one that it already has, or --from auto for the history of another tool; else use an empty database.`,
  LedgerElsewhere: f =>
    `There is no ledger in schema ${q(f.schema)}, but this database has one in schema ${list(f.others.map(q))}. A second one would know nothing of what the first has applied, so nothing was done. Correct ledgerSchema in migrate.yaml; if a second ledger is meant, make its schema first: CREATE SCHEMA ${q(f.schema)}.`,
  RecordMissing: f =>
    `A database was migrated to ${f.version} before, but the one that the URL names now has ${f.count} tables (${list(f.first)}) and no record of any migration in schema ${q(f.schema)}. It is another database, or its record was dropped; nothing is run. ${URL_REMEDY}, or restore the record; if this database is meant: migrate baseline <version>.`,
  BackupVolumeNotWritable: f =>
    `The backup cannot be written to ${f.directory}: ${f.reason}. Name a directory in a place that can be written.`,
  BackupVolumeFull: f =>
    `The disk of ${f.directory} is full${f.room === undefined ? '' : `: ${f.room}`}. Remove old backups, or name a directory on another disk; nothing incomplete was kept.`,
  ClientMajorMismatch: f =>
    `The server is PostgreSQL ${f.server}, and pg_dump ${/^\d+$/.test(f.client) ? `is of ${f.client}` : 'cannot be run'}. Install the client programs of PostgreSQL ${f.server} (Debian: postgresql-client-${f.server}), or name their directory in MIGRATE_POSTGRES_BINARIES.`,
  CredentialsRefused: f =>
    `The server refused the login to database ${q(f.database)} on ${f.host}:${f.port} as role ${q(f.user)}. ${URL_REMEDY}, or pg_hba.conf on the server.`,
  RoleMissing: f =>
    `There is no role ${list(f.roles.map(q))} on the server of database ${q(f.database)}, nor does a pending migration make one. ${f.near.length > 0 ? `Did you mean ${list(f.near)}? ` : ''}Correct appRoles in migrate.yaml, or create the role.`,
  DatabaseMissing: f =>
    `There is no database ${q(f.database)} on ${f.host}:${f.port} as role ${q(f.user)}. Create it (createdb ${f.database}), or correct the URL.`,
  ConnectionLost: f =>
    `The connection to the database was lost ${f.during}: ${f.reason}. What was not committed was rolled back; run the command again, and it goes on from the ledger.`,
  LockTimeout: f =>
    `${f.where === undefined ? 'A lock' : `${f.where}: a lock`} was not to be had within ${f.waited}. ${f.blockers.length > 0 ? `It is held by ${f.blockers.slice(0, 3).join(', ')}.` : 'Who holds it is not visible.'} End that session, or wait for it, and run the command again.`,
  Interrupted: f => `Interrupted ${f.during}; what was open was rolled back.`,
  RestoreRefused: f =>
    `${ERRORS.RestoreRefused.message(f)}${f.losesReplication === true ? ' To accept that replication stays behind: --lose-replication.' : ''}`,
  SessionsRemain: f =>
    `${f.count} ${f.count === 1 ? 'session is' : 'sessions are'} still connected${f.wanted === 'End' ? ' and could not be ended' : ''}: ${list(f.sessions)}. Stop what connects, a connection pooler too${f.wanted === 'Refuse' ? '; or run it again with --end-sessions, which ends what is left' : ''}.`,
  MigrationFailed: f => {
    const failed = ERRORS.MigrationFailed.message({ where: f.where, reason: f.reason });
    if (f.halfDone === undefined) return failed;
    const again = `migrate ${f.halfDone.direction === 'Down' ? 'downgrade' : 'upgrade'}`;
    return `${failed} ${standingOf(f.halfDone)}, and run ${again} again. How to go back: docs/downgrade.md.`;
  },
  HalfDoneUpgrade: f =>
    `The migration ${f.version} is half done, so nothing below it can be taken back; nothing was run. Bring it to its end first (migrate upgrade ${f.version}) and go down then; where it cannot be brought to its end, docs/downgrade.md tells the ways back.`,
  HalfDoneDowngrade: f =>
    `The downgrade of ${f.version} is half done. Bring it to its end first: migrate downgrade <the version below it>.`,
  DowngradeWouldLoseData: f =>
    `The downgrade would lose data: ${list(f.losses)}. Nothing was run. If that is meant, run it again: it asks, or takes --yes.`,
  OwnedByAnother: f =>
    `This database belongs to another owner: ${f.resource} (id ${f.owner}); this is ${f.mine}. Two owners would migrate it against each other, so nothing was run. Give each its own database; or, if the other is gone for good, run it again with --adopt ${f.owner}.`,
  PoolerDetected: f =>
    `The server behind ${f.host} is reached through a connection pooler, under which locks and session settings do not hold. Let the URL name PostgreSQL itself.`,
  StaleAttempt: f =>
    `Another run of the same owner has begun in this database meanwhile (its number is ${f.epoch}, this one's ${f.mine}). Nothing more is run by this one; run the command again.`,
};

/** The message of an error of the catalogue, for a person at a terminal. */
export function terminalMessage(error: EngineError): string {
  if (error.parts.length > 1) {
    const shown = error.parts.slice(0, 5).map(terminalMessage);
    return [...shown, ...(error.parts.length > 5 ? [`And ${error.parts.length - 5} more.`] : [])].join(' ');
  }
  const words = WORDS[error.code] as ((facts: unknown) => string) | undefined;
  return words === undefined || error.facts === undefined ? error.message : words(error.facts);
}
