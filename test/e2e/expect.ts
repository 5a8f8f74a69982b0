// What the scenarios wait for and what must hold in the end, in the words of the resource's status.
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '../../src/api/names.ts';
import type { Condition } from '../../src/api/parse.ts';
import type { DatabaseMigration } from '../../src/operator/sources.ts';
import { APP, MIGRATION, OPERATOR_IMAGE } from './names.ts';
import { kubectl, list, migrationOf, query, read, type Site, until } from './site.ts';

type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Migrated' | 'BackedUp' | 'RolledOut' | 'Validated';

export function conditionOf(migration: DatabaseMigration, type: ConditionType): Condition | undefined {
  return migration.status?.conditions?.find(condition => condition.type === type) as Condition | undefined;
}

/** Waits as a release pipeline does; `Ready` of an older generation does not count. */
export async function waitReady(site: Site, seconds = 150): Promise<void> {
  await kubectl(site, 'wait', '--for=condition=Ready', `databasemigration/${MIGRATION}`, `--timeout=${seconds}s`);
}

/** Waits for the reason of `Ready` at the newest generation of the spec. */
export async function waitForReason(
  site: Site,
  reasons: readonly string[],
  options: { readonly generation?: 'Newest' | 'Any'; readonly patienceMs?: number } = {},
): Promise<{ readonly migration: DatabaseMigration; readonly reason: string; readonly message: string }> {
  const seen = async (): Promise<string> => summary(await migrationOf(site));
  const { patienceMs, generation = 'Newest' } = options;
  return until(
    `Ready with reason ${reasons.join(' or ')}`,
    async () => {
      const migration = await migrationOf(site);
      const ready = conditionOf(migration, 'Ready');
      const isNewest = migration.status?.observedGeneration === migration.metadata?.generation;
      if (ready === undefined || !reasons.includes(ready.reason) || (generation === 'Newest' && !isNewest)) return;
      if (process.env.E2E_VERBOSE) console.error(`# ${site.namespace} ${ready.reason}: ${ready.message}`);
      return { migration, reason: ready.reason, message: ready.message };
    },
    { seen, ...(patienceMs === undefined ? {} : { patienceMs }) },
  );
}

/** One line a condition. */
export function summary(migration: DatabaseMigration): string {
  const conditions = (migration.status?.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status}/${reason}: ${message}`,
  );
  return `\n  ${conditions.join('\n  ')}`;
}

/** Each version is in the ledger once, was applied once by the audit, and nothing is half done. */
export async function expectLedger(site: Site, versions: readonly string[]): Promise<void> {
  const ledger = await query(site, 'SELECT version FROM migrate.ledger ORDER BY number');
  const applied = await query(site, "SELECT version FROM migrate.audit WHERE event = 'applied' ORDER BY version");
  assert.deepEqual(ledger, versions, 'the ledger');
  assert.deepEqual(applied, versions, 'audit rows of the event "applied"');
  assert.deepEqual(await query(site, 'SELECT version FROM migrate.progress'), [], 'half-done files');
}

/** What outlives the run: the status names the last row of the audit, and the ledger the image that applied it all. */
export async function expectRecord(site: Site): Promise<void> {
  const { id, hash } = (await migrationOf(site)).status?.audit ?? {};
  const last = await query(site, "SELECT id || ' ' || hash FROM migrate.audit ORDER BY id DESC LIMIT 1");
  assert.deepEqual([`${id} ${hash}`], last, 'the last row of the audit');
  assert.deepEqual(await query(site, 'SELECT DISTINCT image FROM migrate.ledger'), [OPERATOR_IMAGE]);
}

/** The app stands at its count, every Pod is available, and no mark of ours is left on it. */
export async function expectRunning(
  site: Site,
  replicas: number,
  kind: 'deployments' | 'statefulsets' = 'deployments',
): Promise<void> {
  await until(`${replicas} available Pods`, async () => {
    const app = await read(site, kind, APP);
    return app?.spec?.replicas === replicas && app.status?.availableReplicas === replicas;
  });
  const annotations = (await read(site, kind, APP))?.metadata?.annotations ?? {};
  assert.equal(annotations[ANNOTATIONS.stoppedBy], undefined, 'the app still has the mark of who stopped it');
  assert.equal(annotations[ANNOTATIONS.replicas], undefined, 'the app still has the mark of its count');
}

/** Events of the resource, `Type/Reason`. */
export async function eventReasons(site: Site): Promise<readonly string[]> {
  return (await list(site, 'events')).map(event => `${event.type}/${event.reason}`);
}

export const FIRST_FIVE = [
  '001_users_table',
  '002_user_profiles',
  '003_updated_at',
  '004_groups_tables',
  '005_auth_tables',
] as const;
export const ALL_SIX = [...FIRST_FIVE, '006_ledger_tables'] as const;
