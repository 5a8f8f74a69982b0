// What the Jobs of the story answer: results as the runner writes them, made from a small model of the database. A case
// says only what is different; with another exit code than 0 the payload of success is left out.
import { digestOf } from '../../src/api/digest.ts';
import {
  CONTRACT_VERSION,
  type JobInput,
  type JobResult,
  type JobResultOf,
  RESULT_KIND,
} from '../../src/api/job-contract.ts';
import type { BackupStatus } from '../../src/api/parse.ts';
import { compareVersions } from '../../src/api/versions.ts';

/** The versions that the source has. */
export const VERSIONS: readonly string[] = [
  '001_accounts',
  '002_sessions',
  '003_roles',
  '004_groups_tables',
  '005_auth_tables',
  '006_ledger_tables',
  '007_reports',
];

const REPEATABLE = 'R__views';

export interface DatabaseModel {
  /** Null: nothing is applied. */
  version: string | null;
  progressRows: number;
  /** Of the last attempt to migrate that began. */
  epochRunId: number | null;
  epochAttempt: number;
  /** Version when that run began. */
  epochVersion: string | null;
  /** Whether there are tables that no migration is recorded for. */
  unrecorded?: boolean;
  /** What a downgrade would lose; nothing when absent. */
  losses?: NonNullable<Downgrade['losses']>;
  /** The source has one repeatable migration; absent: it has none. */
  repeatable?: 'Pending' | 'Ran';
  /** The run that ran it last. */
  repeatedBy?: number;
}

type Downgrade = NonNullable<NonNullable<JobResultOf<'PlanResult'>['plan']>['downgrade']>;

export type Answer = Partial<Pick<JobResult, 'exitCode' | 'error' | 'notes'>> & {
  readonly plan?: object;
  readonly ledger?: object;
  readonly wrote?: boolean;
  readonly checks?: readonly object[];
};

/** The termination message of a Job that did what it was asked, but for what `different` says. */
export function answerTo(input: JobInput, database: DatabaseModel, different: Answer): JobResult {
  const exitCode = different.exitCode ?? 0;
  const base = { kind: RESULT_KIND[input.step], contract: CONTRACT_VERSION, exitCode, notes: [] };
  const payload = payloadOf(input, database, exitCode);
  return { ...base, ...mergeOne(payload, different) } as JobResult;
}

function mergeOne(payload: Record<string, unknown>, different: Answer): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...payload };
  for (const [key, value] of Object.entries(different)) {
    const before = payload[key];
    const isObject = (one: unknown) => typeof one === 'object' && one !== null && !Array.isArray(one);
    merged[key] = isObject(before) && isObject(value) ? { ...(before as object), ...(value as object) } : value;
  }
  return merged;
}

function payloadOf(input: JobInput, database: DatabaseModel, exitCode: number): Record<string, unknown> {
  const isDone = exitCode === 0;
  switch (input.step) {
    case 'plan':
      return isDone
        ? {
            plan: { ...planOf(input.target, adopted(database, input.baseline)), ...auditOf(database, input.auditSeen) },
          }
        : {};
    case 'migrate':
      return isDone
        ? {
            wrote: true,
            ledger: {
              ...stateOf(database),
              appliedNow: appliedBetween(input.from, database).length + repeatedBy(input.runId, database).length,
              revertedNow: revertedBetween(input.from, database).length,
              progressRows: 0,
              auditHead: auditHeadOf(database),
            },
          }
        : { wrote: true };
    case 'settle':
      return isDone ? { ledger: settledLedger(input.runId, database) } : {};
    case 'validate': {
      const answer = isDone ? 'Passed' : 'Failed';
      const message = isDone ? 'answered 200' : 'answered 503, wanted 200';
      return { checks: input.http.map(({ name }) => ({ name, answer, message })) };
    }
    case 'backup':
      return isDone ? { backup: backupOf(input.directory) } : {};
  }
}

export function stateOf(database: DatabaseModel) {
  const { version, progressRows, repeatable } = database;
  return {
    version,
    appliedCount: version === null ? 0 : VERSIONS.indexOf(version) + 1,
    ledgerDigest: digestOf({ version, progressRows, ...(repeatable === undefined ? {} : { repeatable }) }),
    epochAttempt: database.epochAttempt,
    serverVersion: '17.4',
    database: { systemIdentifier: '7461000000000000001', name: 'truledgr', host: 'truledgr-db' },
  };
}

function planOf(wanted: string, database: DatabaseModel) {
  const target = wanted === 'latest' ? (VERSIONS.at(-1) ?? '') : wanted;
  const order = compareVersions(database.version, target);
  const again = database.repeatable === 'Pending' ? [REPEATABLE] : [];
  const pending = [...(order < 0 ? between(database.version, target) : []), ...again];
  const done = { ...database, version: target, progressRows: 0, repeatable: 'Ran' } as const;
  return {
    ...stateOf(database),
    target,
    direction: order > 0 ? 'Down' : pending.length > 0 ? 'Up' : 'None',
    ...(again.length === 0 ? {} : { goalDigest: stateOf(done).ledgerDigest }),
    pendingCount: pending.length,
    pendingFirst: pending.slice(0, 20),
    sourceDigest: digestOf('source'),
    transaction: 'PerRun',
    ...(database.unrecorded === true && database.version !== null
      ? {
          baseline: {
            version: database.version,
            count: between(null, database.version).length,
            tables: { count: 5, first: ['public.groups', 'public.roles', 'public.users'] },
          },
        }
      : {}),
    ...(order > 0 ? { downgrade: downgradeOf(target, database) } : {}),
  };
}

/** As the plan sees a database that it is to adopt. */
function adopted(database: DatabaseModel, baseline: { readonly version: string } | undefined): DatabaseModel {
  const isAdopted = database.unrecorded === true && baseline !== undefined;
  return isAdopted ? { ...database, version: baseline.version } : database;
}

function downgradeOf(target: string, database: DatabaseModel): Downgrade {
  const reverts = between(target, database.version ?? '').toReversed();
  const { losses = [] } = database;
  return {
    digest: digestOf({ target, version: database.version, names: losses.map(loss => loss.name) }),
    reverts: reverts.map(version => ({ version, origin: 'Ledger', checksum: digestOf(version) })),
    revertCount: reverts.length,
    lossCount: losses.length,
    losses,
  };
}

function settledLedger(runId: number, database: DatabaseModel) {
  const applied = database.epochRunId === runId ? appliedBetween(database.epochVersion, database) : [];
  const reverted = database.epochRunId === runId ? revertedBetween(database.epochVersion, database) : [];
  const repeated = repeatedBy(runId, database);
  const isSame = [...applied, ...reverted, ...repeated].length === 0 && database.progressRows === 0;
  return {
    ...stateOf(database),
    progressRows: database.progressRows,
    epochRunId: database.epochRunId,
    schemaSinceEpoch: isSame ? 'Same' : 'Changed',
    unchanged: isSame,
    appliedByRun: [...applied, ...repeated],
    revertedByRun: reverted,
    auditHead: auditHeadOf(database),
  };
}

/** Each attempt leaves a row. */
function auditHeadOf({ epochAttempt }: DatabaseModel) {
  return { id: epochAttempt, hash: digestOf(['audit', epochAttempt]) };
}

function auditOf({ epochAttempt }: DatabaseModel, seen: { readonly id: number } | undefined) {
  const isMissing = seen !== undefined && seen.id > epochAttempt;
  return isMissing ? { audit: { kind: 'RowsMissing', lastId: epochAttempt } } : {};
}

function repeatedBy(runId: number, database: DatabaseModel): readonly string[] {
  return database.repeatable === 'Ran' && database.repeatedBy === runId ? [REPEATABLE] : [];
}

function appliedBetween(from: string | null, database: DatabaseModel): readonly string[] {
  return database.version === null ? [] : between(from, database.version);
}

function revertedBetween(from: string | null, database: DatabaseModel): readonly string[] {
  return from === null ? [] : between(database.version, from).toReversed();
}

function between(from: string | null, to: string): readonly string[] {
  return VERSIONS.filter(version => compareVersions(from, version) < 0 && compareVersions(version, to) <= 0);
}

export function backupOf(location: string) {
  return {
    digest: digestOf('backup'),
    location,
    sizeBytes: 48_213,
    tableCount: 9,
    rowCount: 1_204,
    serverVersion: '17.4',
  };
}

/** The status of a backup that is complete. */
export function completeBackup(now: string): BackupStatus {
  const message = '1204 rows in 9 tables, 48213 bytes; read back to the end.';
  return {
    observedGeneration: 1,
    ...backupOf('shop/truledgr-restore-point'),
    completionTime: now,
    conditions: [
      { type: 'Complete', status: 'True', reason: 'Complete', message, lastTransitionTime: now, observedGeneration: 1 },
    ],
  };
}
