// What holds for every decision, whatever the world: the rules of kstatus, of the schema, of the action table. Each answers
// with what is wrong, so that the golden files and the model test can name the world in which it is.
import { isDeepStrictEqual } from 'node:util';
import { parseStatus } from '../../src/api/parse.ts';
import { type Decision, decide } from '../../src/operator/migration/decide.ts';
import type { World } from '../../src/operator/migration/world.ts';
import type { Pass } from './builder.ts';
import { mistakesIn, schemaOf } from './schema.ts';

const STATUS = schemaOf('databasemigrations', 'status');
const SPEC = schemaOf('databasemigrations', 'spec');

export function wrongIn(pass: Pass): readonly string[] {
  return [...kstatus(pass), ...shape(pass), ...purity(pass), ...acts(pass), ...history(pass)];
}

/** https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus, and section 3 of the design. */
function kstatus({ world, decision }: Pass): readonly string[] {
  const { conditions = [], observedGeneration } = decision.status;
  const status = (type: string): string | undefined => conditions.find(one => one.type === type)?.status;
  const isSuspended = world.spec.ok && world.spec.value.suspend;
  const isStale = world.resource.generation !== observedGeneration && world.resource.deletionTime === undefined;
  return [
    ...(status('Reconciling') !== undefined && status('Stalled') !== undefined ? ['Reconciling beside Stalled'] : []),
    ...(status('Ready') === 'True' && (status('Reconciling') ?? status('Stalled')) !== undefined
      ? ['Ready=True beside Reconciling or Stalled']
      : []),
    ...['Reconciling', 'Stalled']
      .filter(type => (status(type) ?? 'True') !== 'True')
      .map(type => `${type} is not True`),
    ...(world.resource.deletionTime === undefined && conditions.length === 0 ? ['no condition at all'] : []),
    ...(world.resource.deletionTime === undefined && status('Ready') === undefined ? ['no Ready'] : []),
    ...(status('Ready') === 'True' && isStale && !isSuspended
      ? ['Ready=True for a spec that is not the resource’s']
      : []),
    ...conditions.filter(one => !/^[A-Z][A-Za-z0-9]*$/.test(one.reason)).map(one => `reason ${one.reason}`),
    ...conditions.filter(one => one.message.trim() === '').map(one => `${one.type} without message`),
    ...conditions.filter(one => /undefined|null|\[object|\.\.|NaN| {2}/.test(one.message)).map(one => one.message),
  ];
}

/** The status that is written passes the schema, with the spec it froze. */
function shape({ decision }: Pass): readonly string[] {
  const { run } = decision.status;
  return [
    ...mistakesIn(decision.status, STATUS, 'status'),
    ...(run?.spec === undefined ? [] : mistakesIn(run.spec, SPEC, 'status.run.spec')),
  ];
}

/** Deciding twice is deciding once. */
function purity({ world, decision }: Pass): readonly string[] {
  const frozen = freeze(structuredClone(world));
  const again = decide(frozen);
  return isDeepStrictEqual(again, decision) ? [] : ['another decision for the same world'];
}

function acts({ world, decision }: Pass): readonly string[] {
  const { actions, events } = decision;
  const workloads = actions.flatMap(action =>
    'workload' in action ? [`${action.workload.kind}/${action.workload.name}`] : [],
  );
  const written = decision.status;
  const created = actions.flatMap(action => (action.do === 'CreateJob' ? [action.request] : []));
  const named = new Set((written.run?.steps ?? []).flatMap(step => (step.job === undefined ? [] : [step.job.name])));
  const working = created.filter(request => request.step === 'migrate' || request.step === 'settle');
  return [
    ...(new Set(workloads).size < workloads.length ? ['two writes to one workload: the second is a conflict'] : []),
    ...created
      .filter(request => !named.has(request.name))
      .map(request => `${request.name} is created, and not in status`),
    ...created.filter(request => request.input.attempt > (written.attempt ?? 0)).map(() => 'an attempt not handed out'),
    ...created.filter(request => request.name.length > 63).map(request => `${request.name} is too long`),
    ...(working.length > 1 ? ['two attempts at once'] : []),
    ...stopsUnrecorded(world, decision),
    ...events.filter(event => event.message.trim() === '' || event.message.length > 1024).map(event => event.reason),
  ];
}

/** What exists nowhere else is in status or on the workload before it is acted on. */
function stopsUnrecorded(world: World, { actions, status }: Decision): readonly string[] {
  return actions.flatMap(action => {
    if (action.do !== 'ScaleWorkload') return [];
    const { kind, name } = action.workload;
    const live = world.workloads.find(one => one.kind === kind && one.name === name)?.found;
    if (action.replicas > 0) return status.run?.workloads?.some(one => one.name === name) ? [] : ['a start unrecorded'];
    return live?.mark?.uid === world.resource.uid && live.mark.replicas > 0 ? [] : ['scaled to zero without a mark'];
  });
}

/** Numbers never go back. */
function history({ world, decision }: Pass): readonly string[] {
  const before = parseStatus(world.status.ok ? world.status.value : undefined);
  const then = before.ok ? before.value : {};
  if (decision.scope === 'Conditions') return [];
  const { attempt = 0, run } = decision.status;
  return [
    ...(attempt < (then.attempt ?? 0) ? ['an attempt number goes back'] : []),
    ...((run?.id ?? 0) < (then.run?.id ?? 0) ? ['a run number goes back'] : []),
    ...((decision.status.observedGeneration ?? -1) < (then.observedGeneration ?? -1)
      ? ['observedGeneration goes back']
      : []),
  ];
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  }
  return value;
}
