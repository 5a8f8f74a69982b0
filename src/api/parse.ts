// Untrusted to complete: what the API server holds becomes a value with every default filled in, or a list of all that
// is wrong with it. Defaults stand in the CRD too (a test compares); an object written under an older CRD lacks them.
import { z } from 'zod';
import type { DatabaseBackupSpec as BackupSpecWire, DatabaseBackupStatus } from './database-backup.gen.ts';
import type {
  DatabaseMigrationSpec as SpecWire,
  DatabaseMigrationStatus as StatusWire,
} from './database-migration.gen.ts';

const secretRef = z.object({ name: z.string(), key: z.string() });
const volumeStorage = z.object({ volumeClaim: z.object({ name: z.string() }) });
const quantities = z.record(z.string(), z.union([z.string(), z.number()]));

const job = z
  .object({
    serviceAccountName: z.string().optional(),
    resources: z.object({ requests: quantities.optional(), limits: quantities.optional() }).optional(),
    nodeSelector: z.record(z.string(), z.string()).optional(),
    tolerations: z
      .array(
        z.object({
          key: z.string().optional(),
          operator: z.enum(['Exists', 'Equal']).optional(),
          value: z.string().optional(),
          effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
          tolerationSeconds: z.int().optional(),
        }),
      )
      .optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    timeoutSeconds: z.int().optional(),
    startDeadlineSeconds: z.int().default(120),
  })
  .prefault({});

const workload = z.object({
  apiGroup: z.literal('apps').default('apps'),
  kind: z.enum(['Deployment', 'StatefulSet']),
  name: z.string(),
  replicas: z.int().optional(),
});

const migrationSpec = z.object({
  suspend: z.boolean().default(false),
  database: z.object({
    urlSecretRef: secretRef,
    ledgerSchema: z.string().default('migrate'),
    appRoles: z.array(z.string()).default([]),
  }),
  source: z.object({ configMapRefs: z.array(z.object({ name: z.string() })).min(1) }),
  target: z.string(),
  baseline: z.object({ version: z.string() }).optional(),
  safety: z.object({ downgrade: z.enum(['Forbid', 'WhenLossless', 'Allow']).default('WhenLossless') }).prefault({}),
  backup: z
    .object({ policy: z.enum(['Always', 'Never']).default('Always'), storage: volumeStorage.optional() })
    .prefault({}),
  rollout: z.object({
    strategy: z.enum(['Recreate', 'Rolling', 'None']),
    workloads: z.array(workload).default([]),
    drainSeconds: z.int().default(60),
    progressDeadlineSeconds: z.int().default(600),
    maxStoppedSeconds: z.int().default(900),
    manifestDeadlineSeconds: z.int().default(600),
  }),
  validation: z
    .object({
      http: z.array(z.object({ name: z.string(), url: z.string(), expectedStatus: z.int().default(200) })).default([]),
      timeoutSeconds: z.int().default(120),
    })
    .prefault({}),
  execution: z
    .object({
      transaction: z.enum(['Auto', 'PerRun', 'PerMigration']).default('Auto'),
      lockTimeoutMilliseconds: z.int().default(5000),
      lockRetrySeconds: z.int().default(60),
    })
    .prefault({}),
  job,
});

/** A DatabaseMigration's spec, complete. */
export type MigrationSpec = z.output<typeof migrationSpec>;
export type JobSpec = MigrationSpec['job'];
/** The status as it is stored; `parseStatus` has checked the parts that decisions rest on. */
export type MigrationStatus = StatusWire;
export type Run = NonNullable<MigrationStatus['run']>;
export type RunStep = NonNullable<Run['steps']>[number];
export type RunWorkload = NonNullable<Run['workloads']>[number];
export type RunFailure = NonNullable<Run['failure']>;
export type HistoryEntry = NonNullable<MigrationStatus['history']>[number];
export type Condition = NonNullable<MigrationStatus['conditions']>[number];

/** Either a complete value or everything that is wrong with it, a line a mistake: `field: what is wrong`. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistakes: readonly string[] };

export function parseMigrationSpec(spec: SpecWire | unknown): Parsed<MigrationSpec> {
  return parsed(migrationSpec.safeParse(spec), 'spec');
}

/** What decisions tell apart in a run; a word that is not here is a newer operator's, and what it means is not guessed. */
const step = z.looseObject({
  name: z.enum(['Plan', 'Stop', 'BackUp', 'Migrate', 'Settle', 'Start', 'Validate']),
  state: z.enum(['Active', 'Waiting', 'Done', 'Failed']),
  startTime: z.string(),
});
/** What the schema demands of the live spec by a rule that a copy in status is not held to. */
const frozenSpec = migrationSpec.refine(({ backup }) => backup.policy === 'Never' || backup.storage !== undefined, {
  path: ['backup', 'storage'],
  message: 'is missing, although a backup is to be taken',
});
const runFields = z.looseObject({
  id: z.int(),
  generation: z.int(),
  startTime: z.string(),
  sourceRevision: z.string(),
  planInputDigest: z.string(),
  spec: frozenSpec.optional(),
  steps: z.array(step).optional(),
  workloads: z.array(z.looseObject({ state: z.enum(['Seen', 'Stopped', 'Starting', 'Started']) })).optional(),
  failure: z
    .looseObject({ kind: z.enum(['Migration', 'Environment', 'Application', 'Superseded', 'Deleted']) })
    .optional(),
  outcome: z.enum(['Succeeded', 'UpToDate', 'Failed', 'Refused', 'Superseded']).optional(),
  committedTime: z.string().optional(),
  plan: z.looseObject({}).optional(),
});
const runShape = runFields.refine(run => run.committedTime === undefined || run.plan !== undefined, {
  path: ['plan'],
  message: 'is missing, although the run is committed',
});
const statusShape = z.looseObject({
  attempt: z.int().nonnegative().optional(),
  audit: z
    .looseObject({ id: z.int().positive(), hash: z.string().regex(/^[0-9a-f]{64}$/), seenTime: z.string() })
    .optional(),
  run: runShape.optional(),
  conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
});

/** The status as the operator left it; a hand-edited one that decisions cannot rest on is refused with its mistakes. */
export function parseStatus(status: StatusWire | undefined): Parsed<MigrationStatus> {
  const value = status ?? { observedGeneration: -1 };
  const result = parsed(statusShape.safeParse(value), 'status');
  return result.ok ? { ok: true, value } : result;
}

const backupSpec = z.object({
  run: z.object({ migration: z.string(), uid: z.string(), id: z.int(), attempt: z.int() }),
  database: z.object({ urlSecretRef: secretRef, ledgerSchema: z.string() }),
  storage: volumeStorage,
  sessionCheck: z.object({ appRoles: z.array(z.string()), drainSeconds: z.int() }).optional(),
  job,
  deadline: z.string(),
});
export type BackupSpec = z.output<typeof backupSpec>;
export type BackupStatus = DatabaseBackupStatus;

export function parseBackupSpec(spec: BackupSpecWire | unknown): Parsed<BackupSpec> {
  return parsed(backupSpec.safeParse(spec), 'spec');
}

function parsed<T>(result: z.ZodSafeParseResult<T>, root: string): Parsed<T> {
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    mistakes: result.error.issues.map(issue => `${[root, ...issue.path].join('.')}: ${inWords(issue.message)}`),
  };
}

/** The library's words for what a person calls missing. */
function inWords(message: string): string {
  return message.replace(/^Invalid input: (expected .*), received undefined$/, 'is missing ($1)');
}
