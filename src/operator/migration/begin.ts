// How a run begins: when is a new one due, and what does it start from. Before the commit nothing of it is promised: a
// new generation, a changed source or a new token simply begins another.
import { digestOf } from '../../api/digest.ts';
import type { MigrationSpec } from '../../api/parse.ts';
import { isPermitted } from './downgrade.ts';
import type { Turn } from './turn.ts';
import type { World } from './world.ts';

const REPLAN_LIMIT = 3;

/** All that the operator sees of the source: it never reads what the ConfigMaps hold. */
export function sourceRevisionOf(world: Pick<World, 'sources'>): string {
  return digestOf(world.sources.map(source => [source.name, source.found?.uid, source.found?.resourceVersion]));
}

/** Hash of all that a plan is asked with. */
export function planInputDigestOf(world: World, spec: MigrationSpec): string {
  const { adopts } = world.resource;
  return digestOf({
    ...(adopts === undefined ? {} : { adopts }),
    ...(spec.baseline === undefined ? {} : { baseline: spec.baseline }),
    target: spec.target,
    database: spec.database,
    source: spec.source,
    revision: sourceRevisionOf(world),
  });
}

/** Why a new run is due; undefined when the one that is there is the right one. */
export function newRunReason(
  t: Turn,
): 'First' | 'SpecChanged' | 'SourceChanged' | 'Adopted' | 'Permitted' | 'Retry' | 'Replan' | undefined {
  const { run } = t.status;
  const { generation, retryToken } = t.world.resource;
  if (retryToken !== undefined && retryToken !== t.status.handledTokens?.retry)
    return run === undefined ? 'First' : 'Retry';
  if (run === undefined) return 'First';
  if (run.generation !== generation) return 'SpecChanged';
  if (run.sourceRevision !== sourceRevisionOf(t.world)) return 'SourceChanged';
  if (isAdopted(t)) return 'Adopted';
  if (isPermitted(t)) return 'Permitted';
  if (run.outcome === 'Superseded' && (t.status.replans ?? 0) < REPLAN_LIMIT) return 'Replan';
  return undefined;
}

/** The database was refused as another owner's, and the annotation that lifts this has come or changed since. */
function isAdopted(t: Turn): boolean {
  const { outcome, failure, planInputDigest } = t.run;
  const isOthers = outcome === 'Refused' && failure?.reason === 'OwnedByAnother';
  return isOthers && planInputDigest !== planInputDigestOf(t.world, t.spec);
}

/** Begins a run. All of it reaches the API server in one write with the conditions that speak of it. */
export function beginRun(t: Turn, why: NonNullable<ReturnType<typeof newRunReason>>): void {
  const { world, spec, status } = t;
  const token = world.resource.retryToken;
  t.observeGeneration();
  status.targetVersion ??= spec.target;
  delete status.pending;
  if (world.handedOut !== undefined && world.handedOut.attempt > 0) t.sawEpoch(world.handedOut.attempt);
  status.run = {
    id: Math.max(status.run?.id ?? 0, world.handedOut?.run ?? 0) + 1,
    generation: world.resource.generation,
    startTime: world.now,
    sourceRevision: sourceRevisionOf(world),
    planInputDigest: planInputDigestOf(world, spec),
    environmentDigest: digestOf({ job: spec.job, backup: spec.backup, database: spec.database }),
    ...(why === 'Retry' && token !== undefined ? { retryToken: token } : {}),
  };
  if (token !== undefined) status.handledTokens = { ...status.handledTokens, retry: token };
  if (why !== 'Replan') status.replans = 0;
  if (why === 'SourceChanged') {
    t.reconciling('SourceChanged', 'A ConfigMap of the source changed under the same name; a new plan is made.');
    t.lookIn(0);
  }
}
