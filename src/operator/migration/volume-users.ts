// Who else wants the backup volume claim of a run that is about to commit. Two runs could pass each other if each asked
// its cache: both would see nobody. So a run first writes to its status that it is planned, and only then asks the API
// server itself: of two that do so, one at least sees the other, and of two that are both planned the older resource goes
// first. Pure but for the list that observe.ts gives it.
import type { DatabaseMigration } from '../sources.ts';
import { isChanging } from './direction.ts';

/** Whether the status says that this run is planned, has something to back up, and has not begun. */
export function isWaitingToBegin({ status }: Pick<DatabaseMigration, 'status'>): boolean {
  const run = status?.run;
  const isPlanned = run?.steps?.some(step => step.name === 'Plan' && step.state === 'Done') === true;
  const isOpen = run?.committedTime === undefined && run?.outcome === undefined;
  return isPlanned && isOpen && isChanging(run?.plan);
}

/** Names of the others in the namespace that go before this one; the list must be live when it waits to begin. */
export function volumeUsersOf(others: readonly DatabaseMigration[], object: DatabaseMigration): readonly string[] {
  const claim = claimOf(object);
  if (claim === undefined) return [];
  return others
    .filter(
      other =>
        other.metadata?.uid !== object.metadata?.uid &&
        other.metadata?.namespace === object.metadata?.namespace &&
        claimOf(other) === claim &&
        (usesVolume(other) || (mayBegin(other) && isBefore(other, object))),
    )
    .map(other => other.metadata?.name ?? '')
    .toSorted();
}

function claimOf({ spec }: DatabaseMigration): string | undefined {
  return spec.backup?.policy === 'Never' ? undefined : spec.backup?.storage?.volumeClaim.name;
}

/** From the commit until its restore point is complete or it was given up. */
function usesVolume({ status }: DatabaseMigration): boolean {
  const run = status?.run;
  const isBeforeBackup = run?.backup?.digest === undefined && run?.failure === undefined;
  return run?.committedTime !== undefined && run.outcome === undefined && isBeforeBackup && isChanging(run.plan);
}

/** One that will not begin by itself holds nobody up. */
function mayBegin(other: DatabaseMigration): boolean {
  const isHeld = other.spec.suspend === true || other.metadata?.deletionTimestamp !== undefined;
  return isWaitingToBegin(other) && !isHeld && other.status?.run?.generation === other.metadata?.generation;
}

function isBefore(one: DatabaseMigration, other: DatabaseMigration): boolean {
  const order = ({ metadata }: DatabaseMigration): string => `${metadata?.creationTimestamp} ${metadata?.uid}`;
  return order(one) < order(other);
}
