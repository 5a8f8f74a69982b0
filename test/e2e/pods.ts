// Hitting things in the middle of their work: waiting until a step's Pod runs or a migration sleeps, and killing.
import type { StepName } from '../../src/api/job-contract.ts';
import { LABELS } from '../../src/api/names.ts';
import type { Pod } from '../../src/kubernetes/resources.ts';
import { killProcessesOf } from './processes.ts';
import { kill, list, query, read, type Site, until } from './site.ts';

/**
 * Waits until the Pod of a step runs, kills its process and then the Pod without grace, and waits until it is gone. The
 * process first: a Pod that is deleted may still answer that it was told to stop.
 */
export async function killPodOf(site: Site, step: StepName, run: number): Promise<void> {
  const selector = `${LABELS.step}=${step},${LABELS.run}=${run}`;
  const pod = await until(`a running Pod of ${step}`, async () => (await list(site, 'pods', selector)).find(isRunning));
  const name = pod.metadata?.name ?? '';
  killProcessesOf(pod);
  await kill(site, pod);
  await until(`Pod ${name} gone`, async () => (await read(site, 'pods', name)) === undefined);
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
