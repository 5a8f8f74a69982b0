// Hitting things in the middle of their work: waiting until a step's Pod runs or a migration sleeps, and killing.
import { LABELS } from '../../src/api/names.ts';
import type { Pod } from '../../src/kubernetes/resources.ts';
import { kill, list, query, type Site, until } from './site.ts';

/** Waits until the Pod of a step runs, and kills it without grace. Answers its name. */
export async function killPodOf(
  site: Site,
  step: 'plan' | 'backup' | 'migrate' | 'validate',
  run?: number,
): Promise<string> {
  const selector = `${LABELS.step}=${step}${run === undefined ? '' : `,${LABELS.run}=${run}`}`;
  const pod = await until(`a running Pod of ${step}`, async () => (await list(site, 'pods', selector)).find(isRunning));
  await kill(site, pod);
  return pod.metadata?.name ?? '';
}

/** Waits until a migration is at its `pg_sleep`. */
export async function waitUntilAsleep(site: Site): Promise<void> {
  const asleep = `SELECT count(*) FROM pg_stat_activity
    WHERE datname = '${site.database.name}' AND usename = '${site.database.owner.name}' AND wait_event = 'PgSleep'`;
  await until('a migration at its pg_sleep', async () => !(await query(site, asleep)).includes('0'));
}

function isRunning(pod: Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp === undefined && pod.status?.containerStatuses?.[0]?.state?.running !== undefined
  );
}
