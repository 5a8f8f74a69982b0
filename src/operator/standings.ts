// How every DatabaseMigration stands, read from the caches when Prometheus asks. A resource that is deleted is not in the
// cache, so its series end. Only who leads is asked, or two replicas would tell everything twice.
import type { Condition, MigrationStatus, RunStep } from '../api/parse.ts';
import type { Standing } from './measurements.ts';
import { blockedSince, labelOf, repeatReason } from './migration/measure.ts';
import type { Caches, DatabaseBackup } from './sources.ts';

export function standings(caches: Pick<Caches, 'migrations' | 'backups'>): readonly Standing[] {
  const backups = lastBackups(caches.backups.list());
  return caches.migrations.list().map(({ metadata, status }) => {
    const { namespace = '', name = '' } = metadata ?? {};
    const backup = backups.get(`${namespace}/${name}`);
    return { ...standingOf(namespace, name, status ?? {}), ...(backup === undefined ? {} : { backup }) };
  });
}

function standingOf(namespace: string, name: string, status: MigrationStatus): Standing {
  const condition = (type: string): Condition | undefined => status.conditions?.find(one => one.type === type);
  const isTrue = (type: string): boolean => condition(type)?.status === 'True';
  const pending = status.pending?.count;
  const blocked = blockedStep(status);
  return {
    namespace,
    name,
    conditions: { Ready: isTrue('Ready'), Reconciling: isTrue('Reconciling'), Stalled: isTrue('Stalled') },
    reason: labelOf(condition('Ready')?.reason ?? 'None'),
    ...(pending === undefined ? {} : { pending }),
    ...(blocked === undefined ? {} : { blocked }),
  };
}

/** Between two attempts only: one that is under way may well be at work. */
function blockedStep({ run }: MigrationStatus): Standing['blocked'] {
  if (run === undefined || run.outcome !== undefined) return undefined;
  const step = run.steps?.findLast((one: RunStep) => one.state === 'Waiting' && blockedSince(one) !== undefined);
  const since = step === undefined ? undefined : blockedSince(step);
  if (step === undefined || since === undefined) return undefined;
  return { step: step.name, reason: repeatReason(step.reason), since: toSeconds(since) };
}

/** By `<namespace>/<name>` of the DatabaseMigration. */
function lastBackups(all: readonly DatabaseBackup[]): ReadonlyMap<string, NonNullable<Standing['backup']>> {
  const last = new Map<string, NonNullable<Standing['backup']>>();
  for (const { metadata, spec, status } of all) {
    const isComplete = status?.conditions?.some(one => one.type === 'Complete' && one.status === 'True') === true;
    if (!isComplete || status.completionTime === undefined) continue;
    const key = `${metadata?.namespace}/${spec.run.migration}`;
    const time = toSeconds(status.completionTime);
    if (time >= (last.get(key)?.time ?? 0)) last.set(key, { time, sizeBytes: status.sizeBytes ?? 0 });
  }
  return last;
}

function toSeconds(time: string): number {
  return Date.parse(time) / 1000;
}
