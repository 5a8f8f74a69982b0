// One pass for one DatabaseMigration: observe, decide, act, report.
//
// Order of effects: (1) status, with the resourceVersion that was decided on, (2) the actions, (3) events. What exists
// nowhere else is in status before it is acted on; a crash after 1 leaves actions that the next pass finds undone, after
// 2 events that are never told.
import { isDeepStrictEqual } from 'node:util';
import { splitKey } from '../../kubernetes/object.ts';
import type { Logger } from '../controller/collaborators.ts';
import type { Reconcile, ReconcileResult } from '../controller/reconcile.ts';
import { tellEvents } from '../events.ts';
import { handOverOrphans } from '../jobs/orphans.ts';
import { nextLook } from '../jobs/pod-refusals.ts';
import type { ProductMetrics } from '../measurements.ts';
import { actInOrder } from '../refusals.ts';
import { type DatabaseMigration, MIGRATIONS } from '../sources.ts';
import { type Actor, act } from './act.ts';
import { actKey, isFreeOf } from './actions.ts';
import { type Decision, decide } from './decide.ts';
import { measure, measureStopped } from './measure.ts';
import { type Observer, observe } from './observe.ts';

export interface MigrationReconciler extends Observer, Actor {
  readonly logger: Logger;
  readonly measurements: ProductMetrics;
}

export function reconcileMigrations(parts: MigrationReconciler): Reconcile {
  return async (key, _why, signal): Promise<ReconcileResult> => {
    const object = parts.caches.migrations.get(key);
    const { namespace = '', name } = splitKey(key);
    const owner = { kind: 'DatabaseMigration', namespace, name, uid: object?.metadata?.uid };
    const orphans = await handOverOrphans(parts, owner);
    if (object === undefined) {
      parts.measurements.appIsStopped(namespace, name, undefined);
      parts.refusals.keepOnly(() => parts.caches.migrations.list());
      return { summary: { at: 'Gone', orphans } };
    }
    const world = await observe(parts, object);
    const decision = decide(world);
    const current = await report(parts, key, object, decision);
    measureStopped(parts.measurements, world, decision.status);
    const refused = await actInOrder(decision.actions, {
      uid: current.metadata?.uid ?? '',
      refusals: parts.refusals,
      keyOf: actKey,
      now: world.now,
      signal,
      act: action => act(parts, current, action),
      isFreeOf,
    });
    await tellEvents(parts.api, parts.logger, 'DatabaseMigration', current, decision.events, world.now);
    return {
      ...nextLook(decision.lookAgainMs, refused, world.jobs),
      summary: { ...summaryOf(decision), ...(refused === undefined ? {} : { refused: refused.refused }) },
    };
  };
}

/** For the pass's log line: the run and its step under way, the reason of Ready, what was done. */
function summaryOf({ status, at, actions }: Decision): NonNullable<ReconcileResult['summary']> {
  const { run } = status;
  const step = run?.outcome === undefined ? run?.steps?.findLast(one => one.state !== 'Done')?.name : undefined;
  return {
    ...(run === undefined ? {} : { run: run.id }),
    ...(step === undefined ? {} : { step }),
    at,
    ...(actions.length === 0 ? {} : { actions: actions.map(action => action.do).join(', ') }),
  };
}

/** Writes the status if it differs; the answer is the object to act on. */
async function report(
  parts: MigrationReconciler,
  key: string,
  object: DatabaseMigration,
  decision: Decision,
): Promise<DatabaseMigration> {
  const status =
    decision.scope === 'Whole' ? decision.status : { ...object.status, conditions: decision.status.conditions ?? [] };
  if (isDeepStrictEqual(status, object.status)) return object;
  const written = await parts.api.replace(MIGRATIONS, { ...object, status }, 'status');
  parts.expectations.wrote(key, 'databasemigrations', parts.caches.migrations, written);
  if (decision.scope === 'Whole') measure(parts.measurements, object.status, decision.status);
  return written;
}
