// The rules that every status write of a DatabaseMigration keeps, so that kstatus (Flux, `kubectl wait`, Argo CD) is never
// told what is not true: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
import type { Condition } from '../../src/api/parse.ts';
import type { DatabaseMigration } from '../../src/operator/sources.ts';

type Rule = (now: Written, before: Written | undefined) => string | undefined;

interface Written {
  readonly generation: number;
  readonly observed: number;
  readonly conditions: readonly Condition[];
}

/** Each breach with the object and the write's number; empty when all is well. */
export function breaches(writes: readonly DatabaseMigration[]): readonly string[] {
  const last = new Map<string, Written>();
  return writes.flatMap((write, index) => {
    const uid = write.metadata?.uid ?? '';
    const now = {
      generation: write.metadata?.generation ?? 0,
      observed: write.status?.observedGeneration ?? -1,
      conditions: (write.status?.conditions ?? []) as readonly Condition[],
    };
    const before = last.get(uid);
    last.set(uid, now);
    const where = `${write.metadata?.namespace}/${write.metadata?.name}, write ${index}`;
    return Object.entries(RULES).flatMap(([rule, judge]) => {
      const breach = judge(now, before);
      return breach === undefined ? [] : [`${where}: ${rule}: ${breach}`];
    });
  });
}

const RULES: Readonly<Record<string, Rule>> = {
  'conditions are complete': ({ conditions }) =>
    conditions
      .filter(
        one =>
          !/^[A-Z][A-Za-z0-9]+$/.test(one.reason) ||
          one.message.trim() === '' ||
          !['True', 'False', 'Unknown'].includes(one.status) ||
          Number.isNaN(Date.parse(one.lastTransitionTime)) ||
          one.observedGeneration === undefined,
      )
      .map(one => JSON.stringify(one))[0],
  'a type is there once': ({ conditions }) =>
    conditions.map(one => one.type).find((type, index, types) => types.indexOf(type) !== index),
  'Ready is there': ({ conditions }) => (of(conditions, 'Ready') === undefined ? 'it is not' : undefined),
  'Reconciling and Stalled are True or absent': ({ conditions }) => {
    const wrong = [of(conditions, 'Reconciling'), of(conditions, 'Stalled')].find(
      one => one !== undefined && one.status !== 'True',
    );
    return wrong && `${wrong.type}=${wrong.status}`;
  },
  'Reconciling and Stalled exclude each other': ({ conditions }) =>
    of(conditions, 'Reconciling') !== undefined && of(conditions, 'Stalled') !== undefined
      ? 'both are there'
      : undefined,
  'Ready=True stands without them': ({ conditions }) => {
    const other = of(conditions, 'Reconciling') ?? of(conditions, 'Stalled');
    return of(conditions, 'Ready')?.status === 'True' && other !== undefined ? `beside ${other.type}` : undefined;
  },
  'Ready=False says whether it goes on': ({ conditions }) => {
    const ready = of(conditions, 'Ready');
    if (ready?.status !== 'False' || ready.reason === 'Suspended') return undefined;
    const outlook = of(conditions, 'Reconciling') ?? of(conditions, 'Stalled');
    return outlook === undefined ? `${ready.reason}: neither Reconciling nor Stalled` : undefined;
  },
  'the summary has one reason and one message': ({ conditions }) => {
    const ready = of(conditions, 'Ready');
    const outlook = of(conditions, 'Reconciling') ?? of(conditions, 'Stalled');
    if (outlook === undefined || outlook.reason === 'Queued') return undefined;
    const isSame = outlook.reason === ready?.reason && outlook.message === ready.message;
    return isSame ? undefined : `Ready is ${ready?.reason}, ${outlook.type} is ${outlook.reason}`;
  },
  'observedGeneration is not ahead': ({ observed, generation }) =>
    observed > generation ? `${observed} of ${generation}` : undefined,
  'observedGeneration never falls': ({ observed }, before) =>
    before !== undefined && observed < before.observed ? `${before.observed} to ${observed}` : undefined,
  'the summary speaks of observedGeneration': ({ conditions, observed }) =>
    conditions
      .filter(one => ['Ready', 'Reconciling', 'Stalled'].includes(one.type) && one.observedGeneration !== observed)
      .map(one => `${one.type} of ${one.observedGeneration}, status of ${observed}`)[0],
  'no condition is of a later generation': ({ conditions, observed }) =>
    conditions
      .filter(one => (one.observedGeneration ?? 0) > observed)
      .map(one => `${one.type} of ${one.observedGeneration}, status of ${observed}`)[0],
  'a generation that was just seen is not Ready yet': ({ conditions, observed }, before) => {
    const isNew = before === undefined || observed > before.observed;
    const ready = of(conditions, 'Ready');
    return isNew && ready?.status === 'True' ? `generation ${observed} is ${ready.reason} at once` : undefined;
  },
  'lastTransitionTime moves with the status': ({ conditions }, before) =>
    conditions.flatMap(one => {
      const former = before && of(before.conditions, one.type);
      if (former === undefined) return [];
      const [hasChanged, hasMoved] = [
        former.status !== one.status,
        former.lastTransitionTime !== one.lastTransitionTime,
      ];
      return !hasChanged && hasMoved ? [`${one.type} was ${former.status} and is, but its time moved`] : [];
    })[0],
};

function of(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find(one => one.type === type);
}
