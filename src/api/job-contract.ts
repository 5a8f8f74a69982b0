// What the operator tells a Job and what the Job answers: the only words that the operator and the runner exchange.
// The input is JSON in the environment variable MIGRATE_JOB (never a secret in it: the URL comes by DATABASE_URL from
// a secretKeyRef). The answer is JSON in the container's termination message, at most 4,096 bytes, without credentials
// or row data; it is parsed with these schemas before a word of it is believed.
import { z } from 'zod';
import { charactersOf, MOST_VERSION_CHARACTERS } from './versions.ts';

/** Raised when a field changes its meaning; a runner refuses an input of another version with exit code 2. */
export const CONTRACT_VERSION = 1;
/** Kubernetes keeps at most this many bytes of a termination message. */
export const TERMINATION_MESSAGE_BYTES = 4096;
/** Where ConfigMap number i of `source.configMapRefs` is mounted: `/migrations/<i>`. */
export const MIGRATIONS_DIRECTORY = '/migrations';
/** Where the backup volume claim is mounted. */
export const BACKUPS_DIRECTORY = '/backups';

export const STEPS = ['plan', 'backup', 'migrate', 'settle', 'validate'] as const;
export type StepName = (typeof STEPS)[number];

const version = z.literal(CONTRACT_VERSION);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const migrationVersion = z.string().refine(version => charactersOf(version) <= MOST_VERSION_CHARACTERS);

const common = {
  contract: version,
  /** `<namespace>/<name>` of the DatabaseMigration, for messages. */
  resource: z.string(),
  /** Hash of (uid of kube-system, namespace, name), 16 hex digits: who owns the database. */
  owner: z.string().regex(/^[0-9a-f]{16}$/),
  /** Uid of the resource: tells its runs from those of an earlier resource of the same name, whose ids began at 1 too. */
  resourceUid: z.string().max(64).optional(),
  /** Id of another owner whose database becomes this one's. */
  adopts: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  attempt: z.int().positive(),
  runId: z.int().nonnegative(),
  /** Name of this Job, written to the ledger. */
  job: z.string(),
  ledgerSchema: z.string(),
  /** Image of this Job's container, noted in the ledger. */
  image: z.string().max(512).optional(),
};

const execution = z.object({
  transaction: z.enum(['Auto', 'PerRun', 'PerMigration']),
  lockTimeoutMilliseconds: z.int(),
  lockRetrySeconds: z.int(),
});

/** How a database that has tables and no record of any migration is adopted; of no effect on any other. */
const baseline = z.object({ version: migrationVersion });

/** Asks the first act of a Job to wait until no session of these roles is left. An empty list means the URL's own role. */
const sessionCheck = z.object({ appRoles: z.array(z.string()), drainSeconds: z.int() });

/** A row of the audit chain. */
const auditRow = z.object({ id: z.int().positive(), hash: sha256 });

const planInput = z.object({
  step: z.literal('plan'),
  ...common,
  target: z.string(),
  /** The row that status names: what became of it is `plan.audit`. */
  auditSeen: auditRow.optional(),
  baseline: baseline.optional(),
  /** `status.version`: a database without a record cannot be the one that this resource has migrated, and is not adopted. */
  knownVersion: migrationVersion.optional(),
  strategy: z.enum(['Recreate', 'Rolling', 'None']),
  execution,
  appRoles: z.array(z.string()),
  /** Whether the backup volume is mounted, to be proven writable now rather than after the app was stopped. */
  backups: z.enum(['Mounted', 'NotMounted']),
});

const backupInput = z.object({
  step: z.literal('backup'),
  ...common,
  /** Directory below `/backups` for this backup; the name of the DatabaseBackup and its uid make it unique. */
  directory: z.string(),
  sessionCheck: sessionCheck.optional(),
});

const migrateInput = z.object({
  step: z.literal('migrate'),
  ...common,
  strategy: z.enum(['Recreate', 'Rolling', 'None']),
  execution,
  appRoles: z.array(z.string()),
  /** The plan's answers: the ledger must be at `from` (null: nothing applied), the files must have this digest. */
  from: migrationVersion.nullable(),
  to: migrationVersion,
  sourceDigest: sha256,
  ledgerDigest: sha256,
  /** Present when the plan said that the database is to be adopted: `from` is then this version. */
  baseline: baseline.optional(),
  /** The plan's direction; without it, up. */
  direction: z.enum(['Up', 'Down']).optional(),
  /** `plan.downgrade.digest`, once a person has accepted what that downgrade loses. */
  confirmedLoss: sha256.optional(),
  sessionCheck: sessionCheck.optional(),
});

const settleInput = z.object({ step: z.literal('settle'), ...common, appRoles: z.array(z.string()) });

const validateInput = z.object({
  step: z.literal('validate'),
  ...common,
  http: z.array(z.object({ name: z.string(), url: z.string(), expectedStatus: z.int() })),
  timeoutSeconds: z.int(),
});

export const jobInput = z.discriminatedUnion('step', [
  planInput,
  backupInput,
  migrateInput,
  settleInput,
  validateInput,
]);
export type JobInput = z.infer<typeof jobInput>;
export type JobInputOf<S extends StepName> = Extract<JobInput, { step: S }>;

/** Why a Job did not do what it was asked, for a person: the fact, then the remedy; at most 1,500 bytes in all. */
export const jobError = z.object({
  /** A key of the error catalogue, PascalCase; used as the condition's reason. */
  code: z.string().regex(/^[A-Z][A-Za-z0-9]{1,59}$/),
  message: z.string(),
  migration: z.string().optional(),
  /** 1-based number of the failed statement in its file. */
  statement: z.int().optional(),
  sqlstate: z.string().optional(),
  /** 1-based line in the file. */
  line: z.int().optional(),
});
export type JobError = z.infer<typeof jobError>;

const databaseIdentity = z.object({
  /** `system_identifier` of pg_control_system where readable, else the empty string. */
  systemIdentifier: z.string(),
  name: z.string(),
  host: z.string(),
});

/** The last row of the audit chain: noted in status, so that a tail that is cut off in the database shows. */
const auditHead = auditRow.nullable().optional();

/** Where the audit is not the one that status knows. */
const auditDifference = z.object({
  /** `RowsMissing`: it ends before the row that was seen. `RowReplaced`: another row has its number. */
  kind: z.enum(['RowsMissing', 'RowReplaced']),
  /** Its last row; 0: it has none, or there is no audit. */
  lastId: z.int().nonnegative(),
});

/** A downgrade as planned. */
const downgrade = z.object({
  /** SHA-256 over scripts, ledger and the names of what is lost: what a confirmation names. */
  digest: sha256,
  /** Versions to be taken back, highest first, at most the first 20. */
  reverts: z
    .array(z.object({ version: migrationVersion, origin: z.enum(['Source', 'Ledger']), checksum: sha256 }))
    .max(20),
  revertCount: z.int().nonnegative(),
  /** 0: nothing is lost. */
  lossCount: z.int().nonnegative(),
  /** The first of them; `rows` is null where it cannot be counted. Names of objects, never data. */
  losses: z
    .array(
      z.object({
        kind: z.enum(['Table', 'Column', 'Narrowing', 'Statement']),
        name: z.string(),
        rows: z.int().nonnegative().nullable(),
      }),
    )
    .max(20),
});

/** The ledger as one attempt saw it. */
const ledgerState = {
  /** Highest applied version, null when nothing is applied. */
  version: migrationVersion.nullable(),
  appliedCount: z.int().nonnegative(),
  /** SHA-256 over versions, checksums, progress rows and repeatable migrations. */
  ledgerDigest: sha256,
  epochAttempt: z.int().nonnegative(),
  serverVersion: z.string(),
  database: databaseIdentity,
};

const failure = {
  error: jobError.optional(),
  exitCode: z.int(),
  notes: z.array(z.string()).default([]),
};

const planResult = z.object({
  kind: z.literal('PlanResult'),
  contract: version,
  ...failure,
  plan: z
    .object({
      ...ledgerState,
      target: migrationVersion,
      /** `Up` too where the version stays and only repeatable migrations are to be run. */
      direction: z.enum(['Up', 'None', 'Down']),
      /** To apply: versions, and after them repeatable migrations, which come after a way down too. */
      pendingCount: z.int().nonnegative(),
      pendingFirst: z.array(z.string()).max(20),
      /** Ledger digest when all is done; present when repeatable migrations are to be run, of which no version tells. */
      goalDigest: sha256.optional(),
      sourceDigest: sha256,
      transaction: z.enum(['PerRun', 'PerMigration']),
      /** Present when the database is to be adopted first: all above is as it will be then; `count` versions are not run. */
      baseline: z
        .object({
          version: migrationVersion,
          count: z.int().positive(),
          /** What is adopted, for a person to see whether it is the right database. */
          tables: z.object({ count: z.int().positive(), first: z.array(z.string()).max(10) }).optional(),
        })
        .optional(),
      /** Present when the direction is Down. */
      downgrade: downgrade.optional(),
      /** Present when the audit does not have the row that it was asked about. */
      audit: auditDifference.optional(),
    })
    .optional(),
});

const backupResult = z.object({
  kind: z.literal('BackupResult'),
  contract: version,
  ...failure,
  backup: z
    .object({
      /** SHA-256 of the manifest, which names the digest of every file. */
      digest: sha256,
      /** Directory below the volume's root. */
      location: z.string(),
      sizeBytes: z.int().nonnegative(),
      tableCount: z.int().nonnegative(),
      rowCount: z.int().nonnegative(),
      serverVersion: z.string(),
    })
    .optional(),
});

const migrateResult = z.object({
  kind: z.literal('MigrateResult'),
  contract: version,
  ...failure,
  /** Whether this attempt may have written to the database: its ledger, its epoch or a migration. */
  wrote: z.boolean(),
  /** Present when the ledger was read under the fence after the last write. */
  ledger: z
    .object({
      ...ledgerState,
      appliedNow: z.int().nonnegative(),
      revertedNow: z.int().nonnegative().optional(),
      progressRows: z.int().nonnegative(),
      auditHead,
    })
    .optional(),
});

const settleResult = z.object({
  kind: z.literal('SettleResult'),
  contract: version,
  ...failure,
  ledger: z
    .object({
      ...ledgerState,
      /** Rows of files that are half done. */
      progressRows: z.int().nonnegative(),
      /** Whether `epoch` names this run: if not, no `migrate` of it ever began in the database. */
      epochRunId: z.int().nullable(),
      /** Whether the schema is the one that `epoch` recorded before the run's first statement. */
      schemaSinceEpoch: z.enum(['Same', 'Changed', 'Unknown']),
      /** The ledger is as the run found it: the same version, no progress row, and the schema is the same or never touched. */
      unchanged: z.boolean(),
      /** Versions that this run applied, then repeatable migrations that it ran; at most the first 20. */
      appliedByRun: z.array(z.string()).max(20),
      /** Versions that this run took back, at most the first 20. */
      revertedByRun: z.array(z.string()).max(20).optional(),
      auditHead,
    })
    .optional(),
});

const validateResult = z.object({
  kind: z.literal('ValidateResult'),
  contract: version,
  ...failure,
  checks: z.array(z.object({ name: z.string(), answer: z.enum(['Passed', 'Failed']), message: z.string() })),
});

export const jobResult = z.discriminatedUnion('kind', [
  planResult,
  backupResult,
  migrateResult,
  settleResult,
  validateResult,
]);
export type JobResult = z.infer<typeof jobResult>;
export type JobResultOf<K extends JobResult['kind']> = Extract<JobResult, { kind: K }>;

/** The result kind that a step answers with. */
export const RESULT_KIND = {
  plan: 'PlanResult',
  backup: 'BackupResult',
  migrate: 'MigrateResult',
  settle: 'SettleResult',
  validate: 'ValidateResult',
} as const satisfies Record<StepName, JobResult['kind']>;

/** Reads a termination message; undefined when it is anything but a complete result of this contract. */
export function parseJobResult(message: string): JobResult | undefined {
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    return undefined;
  }
  const parsed = jobResult.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}
