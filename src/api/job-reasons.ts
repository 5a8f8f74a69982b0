// Reasons that a Job gives: the codes of the engine's error catalogue (src/engine/errors.ts), with what they mean and what
// to do. They appear on Ready, on Reconciling (what is tried again) or Stalled, and on the condition of the step. A code
// that is in one of the two files and not in the other fails test/unit/api/conditions.test.ts.

interface JobReason {
  readonly meaning: string;
  readonly remedy: string;
}

const MEND_FILES = 'Mend the files; the changed source is planned by itself.';

export const JOB_REASONS = {
  BadInput: {
    meaning: 'The Job was asked something that it does not understand.',
    remedy: 'Report it: operator and runner image do not fit.',
  },
  BadConnectionUrl: {
    meaning: 'The connection URL in the Secret cannot be read.',
    remedy: 'Correct the Secret, then ask for a retry.',
  },
  NoMigrations: { meaning: 'The source holds no migration file.', remedy: 'Name the files like `001_users.up.sql`.' },
  BadFileName: { meaning: "A file's name is not a migration's.", remedy: MEND_FILES },
  VersionTooLong: {
    meaning: "A migration's name has more than 120 characters, the most that the status of a resource can hold.",
    remedy: 'Give its files a shorter name; where it is applied already, the message says what to do.',
  },
  FileTooDeep: { meaning: 'What is named like a migration lies two folders deep.', remedy: MEND_FILES },
  NoFile: { meaning: 'What is named like a migration is a directory, or a link to nothing.', remedy: MEND_FILES },
  SourceUnreadable: {
    meaning: 'A file or folder of migrations may not be read.',
    remedy: 'Let everybody read what the image or the volume holds.',
  },
  BadFileText: { meaning: 'A file is not plain UTF-8.', remedy: MEND_FILES },
  DuplicateNumber: { meaning: 'Two migrations have one number.', remedy: MEND_FILES },
  DuplicateFile: { meaning: 'Two ConfigMaps hold a file of one name.', remedy: MEND_FILES },
  LayoutMixed: { meaning: 'The folder holds the files of two tools.', remedy: MEND_FILES },
  BadMarker: { meaning: "A migration of another tool's layout cannot be read.", remedy: MEND_FILES },
  DownWithoutUp: { meaning: 'A `.down.sql` has no `.up.sql` beside it.', remedy: MEND_FILES },
  BadBundle: { meaning: 'A bundle of migrations cannot be read.', remedy: 'Make it again with `migrate bundle`.' },
  SourceTooLarge: {
    meaning: 'All bundles of the source together unpack to more than 64 MiB.',
    remedy: 'Take bulk data out of the migrations.',
  },
  SiblingOfNothing: { meaning: 'A file for SQLite replaces one that is not there.', remedy: MEND_FILES },
  UnknownTarget: {
    meaning: 'No migration has the name of `spec.target`.',
    remedy: 'Set one that exists; the message lists near ones.',
  },
  OutOfOrder: {
    meaning: 'A new migration sorts before one that is applied.',
    remedy: 'Rename its files as the message says.',
  },
  AppliedRenamed: {
    meaning: 'A file that is not applied has the number or the text of an applied version whose file is gone.',
    remedy: 'Give the file its old name back: a rename does not change what the database has.',
  },
  SyntaxError: { meaning: 'A file is not valid SQL.', remedy: MEND_FILES },
  StatementRefused: { meaning: 'A file has a statement that must not be in a migration.', remedy: MEND_FILES },
  BadDirective: { meaning: "A file's settings cannot be used.", remedy: MEND_FILES },
  BaselineNeeded: {
    meaning: 'The database has tables, but no record of any migration.',
    remedy: 'Name the last migration that it has in `spec.baseline.version`, or use an empty database.',
  },
  LedgerElsewhere: {
    meaning: 'The database has a ledger, but in another schema than the resource says.',
    remedy: 'Correct `spec.database.ledgerSchema`; if a second ledger is meant, make its schema first.',
  },
  RecordMissing: {
    meaning:
      'The resource has migrated a database before, and the one of the Secret has tables and no record: it is another.',
    remedy: 'Correct the Secret, then ask for a retry; to adopt this database, delete the resource and apply it again.',
  },
  UnknownBaseline: {
    meaning: 'No migration has the name of `spec.baseline.version`.',
    remedy: 'Set one that exists; the message lists near ones.',
  },
  BackupVolumeNotWritable: {
    meaning: 'The backup volume cannot be written.',
    remedy: "Check the volume claim's access mode and file system group.",
  },
  FileReadOnly: {
    meaning: 'A SQLite file cannot be written (the command line alone has one).',
    remedy: 'Run it as its owner, or get the right.',
  },
  ClientMajorMismatch: {
    meaning: "The image's pg_dump is of another PostgreSQL than the server.",
    remedy: 'Use the image whose tag ends in the major of the server.',
  },
  ServerTooOld: { meaning: 'The server is older than PostgreSQL 11.', remedy: 'Upgrade it.' },
  LedgerFormatUnknown: { meaning: 'A newer release wrote the ledger.', remedy: 'Use that release, or a newer one.' },
  HistoryMissing: {
    meaning: 'A baseline was to come from the history of another tool, and there is none.',
    remedy: 'Name the version instead.',
  },
  HistoryUnsound: {
    meaning: 'The history of another tool cannot be taken over.',
    remedy: 'Mend it with that tool, or name the version instead.',
  },
  HistoryUnmatched: {
    meaning: 'The history of another tool does not fit the files.',
    remedy: 'Bring the two together; the message names what differs.',
  },
  LedgerNotEmpty: {
    meaning: 'A baseline was asked for, but migrations are recorded already.',
    remedy: 'Set the target instead.',
  },
  KeyUnreadable: { meaning: 'A signing key cannot be read.', remedy: 'Correct the key.' },
  IrreversibleMigration: {
    meaning: 'A migration that would have to be undone has no down script.',
    remedy: 'Write the down script that the message names, or restore a backup.',
  },
  DowngradeWouldLoseData: {
    meaning: 'Going down would drop what holds data.',
    remedy: 'Set the target back, or accept the loss with the annotation that the message names.',
  },
  DatabaseUnreachable: {
    meaning: 'The database cannot be reached.',
    remedy: 'Bring it up, or correct the URL; it is tried again.',
  },
  CredentialsRefused: {
    meaning: 'The server refused the login.',
    remedy: 'Correct the Secret or pg_hba.conf; it is tried again.',
  },
  RoleMissing: {
    meaning: 'A role of `spec.database.appRoles` does not exist, so whether the app is off could not be seen.',
    remedy: 'Correct its name, or create it; it is tried again by itself.',
  },
  DatabaseMissing: {
    meaning: 'The server has no database of that name.',
    remedy: 'Create it, or correct the URL; it is tried again.',
  },
  ServerReadOnly: {
    meaning: 'The server takes no writes: a standby.',
    remedy: 'Connect to the primary, or wait for the failover.',
  },
  ConnectionLost: {
    meaning: 'The connection broke during the work.',
    remedy: 'Wait; what was not committed is rolled back, and it goes on from the ledger.',
  },
  ServerInTrouble: {
    meaning: 'The server is out of a resource, or is shutting down.',
    remedy: 'Help the server; it is tried again.',
  },
  LockTimeout: {
    meaning: 'A lock was not to be had in time.',
    remedy: 'End the session that the message names, or raise `spec.execution.lockRetrySeconds`.',
  },
  FenceHeld: {
    meaning: 'Another session is still at work on this database.',
    remedy: 'Wait; end that session if it hangs.',
  },
  Interrupted: {
    meaning: 'The Pod was told to stop; its open transaction was rolled back.',
    remedy: 'Wait; it is tried again.',
  },
  SessionsRemain: {
    meaning: 'Sessions of the app are still connected although it is stopped.',
    remedy: 'End what connects, a connection pooler too.',
  },
  ValidationFailed: {
    meaning: 'A check of `spec.validation` did not say yes in time.',
    remedy: 'The message has each answer. Release what mends it, or ask for a retry.',
  },
  MigrationFailed: {
    meaning: 'A statement of a migration failed; the message has its place and the words of PostgreSQL.',
    remedy: 'Mend the migration and release it.',
  },
  UncountedLoss: {
    meaning:
      'A down took away what was not among the losses that were counted, by something that its statements do not show.',
    remedy: 'Write what it does into the down script, or take away what does it; then release it.',
  },
  InvalidIndex: {
    meaning: 'An index that a failed build left is in the way.',
    remedy: 'Drop it, then ask for a retry.',
  },
  TransactionBroken: {
    meaning: 'A statement ended the transaction that protects the migration.',
    remedy: 'Remove COMMIT, ROLLBACK and pg_advisory_unlock from it.',
  },
  BackupFailed: {
    meaning: 'The backup failed.',
    remedy: 'The message has the words of pg_dump; mend it, then ask for a retry.',
  },
  BackupVolumeFull: {
    meaning: 'The backup volume is full.',
    remedy: 'Enlarge it or remove old backups, then ask for a retry.',
  },
  RestoreRefused: {
    meaning: 'A restore could not be begun: something stands in its way on the server.',
    remedy: 'The message names each obstacle and what removes it.',
  },
  RestoreFailed: {
    meaning: 'What was restored is not what was backed up, or could not be put in place; the database is as it was.',
    remedy: 'The message has the reason; mend it, or restore another backup.',
  },
  FileChanged: {
    meaning: 'A file was changed after it was applied.',
    remedy: 'Put the old text back and write the change as a new migration.',
  },
  HalfDoneFileChanged: {
    meaning: 'Of a migration that is half done, a statement that was run has changed.',
    remedy: 'Put its old text back; only what follows may change.',
  },
  HalfDoneFileMissing: {
    meaning: 'A migration that is half done is not the next to run.',
    remedy: 'Put its file back, so that it is brought to its end.',
  },
  HalfDoneUpgrade: {
    meaning: 'The target is below a migration that is half done.',
    remedy:
      'Set the target to that migration, so that it is brought to its end, and go down then; or [take back by hand what it has done](downgrade.md#a-migration-that-is-half-done).',
  },
  HalfDoneDowngrade: {
    meaning: 'A downgrade is half done.',
    remedy: 'Bring it to its end first: set the target below it.',
  },
  NotSigned: { meaning: 'The migrations are not signed by a trusted key.', remedy: 'Sign them.' },
  RightMissing: {
    meaning: 'The role of the URL lacks a right.',
    remedy: 'Grant what the message names, then ask for a retry.',
  },
  OwnedByAnother: {
    meaning: 'The database belongs to another DatabaseMigration.',
    remedy: 'Give each its own database; or take it over with the annotation that the message names.',
  },
  PoolerDetected: {
    meaning: 'The URL leads to a connection pooler, under which locks do not hold.',
    remedy: 'Connect to PostgreSQL itself.',
  },
  LedgerDamaged: {
    meaning: 'The record of applied migrations cannot be believed.',
    remedy: 'Look at it; docs/formats.md has its tables.',
  },
  StaleAttempt: { meaning: 'A later attempt has begun in this database.', remedy: 'Wait; the later one counts.' },
  PlanOutdated: {
    meaning: 'The database or the files are not what the plan was made for.',
    remedy: 'Wait; it is planned again, up to three times.',
  },
  OutcomeUnknown: {
    meaning: 'A statement was begun, and whether it was done cannot be found out.',
    remedy: 'Look at the database, then mark it in the table "progress" (docs/formats.md).',
  },
  InternalError: { meaning: 'A mistake of ours.', remedy: 'Report it with the message.' },
} as const satisfies Readonly<Record<string, JobReason>>;
