// A decision as a person reads it: what `kubectl get` shows, the conditions, what is done, what else changes in status.
// Digests are cut short, and what every Job has alike is left out; invariants.test.ts looks at the whole.
import { stringify } from 'yaml';
import type { Condition } from '../../src/api/parse.ts';
import type { Action, EventNote, JobRequest } from '../../src/operator/migration/actions.ts';
import type { World } from '../../src/operator/migration/world.ts';
import type { BackupPass } from './backup-scenes.ts';
import type { Pass } from './builder.ts';
import { difference, type Tree } from './merge.ts';

export function picture(passes: readonly Pass[]): string {
  return passes.map(pass => stringify(shorten(frame(pass)), { lineWidth: 120 })).join('---\n');
}

export function backupPicture(passes: readonly BackupPass[]): string {
  return passes.map(pass => stringify(shorten(backupFrame(pass)), { lineWidth: 120 })).join('---\n');
}

function backupFrame({ world, decision }: BackupPass): Tree {
  const { conditions = [], ...rest } = decision.status;
  const { conditions: _, ...before } = world.status;
  const changed = difference(byName(before), byName(rest));
  return { conditions: conditionLines(conditions, 'Complete'), ...doings(decision, changed) };
}

function frame({ world, decision }: Pass): Tree {
  const before = world.status.ok ? world.status.value : {};
  const { conditions = [], ...rest } = decision.status;
  const { conditions: _, ...restBefore } = before as Tree;
  const changed = decision.scope === 'Whole' ? statusChanges(restBefore, rest, world) : 'only conditions are written';
  return {
    kubectl: columns(decision.scope === 'Whole' ? decision.status : { ...before, ...decision.status }),
    conditions: conditionLines(conditions, 'Ready'),
    ...doings(decision, changed),
  };
}

function doings(decision: Pass['decision'] | BackupPass['decision'], changed: unknown): Tree {
  return {
    ...(decision.actions.length === 0 ? {} : { actions: decision.actions.map(actionPicture) }),
    ...(decision.events.length === 0 ? {} : { events: decision.events.map(eventLine) }),
    ...(decision.lookAgainMs === undefined ? {} : { lookAgainSeconds: decision.lookAgainMs / 1000 }),
    ...(changed === undefined ? {} : { statusChanges: changed }),
  };
}

function columns(status: Pass['decision']['status']): string {
  const ready = status.conditions?.find(condition => condition.type === 'Ready');
  const cells = {
    VERSION: status.version,
    TARGET: status.targetVersion,
    PENDING: status.pending?.count,
    READY: ready?.status,
    STATUS: ready?.reason,
  };
  return Object.entries(cells)
    .map(([name, value]) => `${name} ${value ?? '-'}`)
    .join('  ');
}

function conditionLines(conditions: readonly Condition[], summary: 'Ready' | 'Complete'): Tree {
  const ready = conditions.find(condition => condition.type === summary);
  const lines = conditions.map(condition => {
    const { type, status, reason, message, observedGeneration } = condition;
    const isSaidAbove = condition !== ready && message === ready?.message;
    return [type, `${status} ${reason} (generation ${observedGeneration}): ${isSaidAbove ? `as ${summary}` : message}`];
  });
  return Object.fromEntries(lines);
}

/** The frozen spec is shown only where it is not the resource's. */
function statusChanges(before: Tree, after: Tree, world: World): unknown {
  const changes = difference(byName(before), byName(after)) as { run?: Tree } | undefined;
  const spec = world.spec.ok ? byName(world.spec.value) : undefined;
  if (changes?.run?.spec === undefined || difference(spec, changes.run.spec) !== undefined) return changes;
  return { ...changes, run: { ...changes.run, spec: 'as the resource has it' } };
}

function eventLine(event: EventNote): string {
  const on = event.workload === undefined ? '' : ` on ${event.workload.kind} ${event.workload.name}`;
  return `${event.type} ${event.reason}${on}: ${event.message}`;
}

function actionPicture(action: Action): unknown {
  if (action.do === 'CreateJob') return { CreateJob: requestPicture(action.request) };
  if ('workload' in action) {
    const { do: name, workload, ...rest } = action;
    return { [name]: { workload: `${workload.kind} ${workload.name}`, ...rest } };
  }
  const { do: name, ...rest } = action;
  return Object.keys(rest).length === 0 ? name : { [name]: rest };
}

function requestPicture(request: JobRequest): Tree {
  const { input, madeFor: _, job: __, ...rest } = request;
  const { contract: _contract, owner: _owner, job: _job, step: _step, ...asked } = input;
  return { ...rest, input: asked };
}

/** Lists of named things as maps, so that a difference shows the one that changed. */
function byName(value: unknown): unknown {
  if (Array.isArray(value)) {
    const isNamed = value.length > 0 && value.every(item => typeof item?.name === 'string');
    const items = value.map(byName);
    return isNamed ? Object.fromEntries(items.map(item => [(item as Tree).name, omitName(item as Tree)])) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, byName(item)]));
}

function omitName({ name: _, ...rest }: Tree): Tree {
  return rest;
}

function shorten(value: unknown): unknown {
  if (typeof value === 'string') return /^[0-9a-f]{32,}$/.test(value) ? `${value.slice(0, 8)}…` : value;
  if (Array.isArray(value)) return value.map(shorten);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shorten(item)]));
}
