// What a status write of a DatabaseMigration says that the one before did not: runs and steps that ended, attempts that
// are made again. Pure but for the counting. Called by reconcile.ts after the write was accepted, so each thing is counted
// once; a crash in between loses a count and nothing else.
import { REASONS } from '../../api/conditions.ts';
import { JOB_REASONS } from '../../api/job-reasons.ts';
import type { MigrationStatus, Run, RunStep } from '../../api/parse.ts';
import type { ProductMetrics } from '../measurements.ts';
import type { World } from './world.ts';

/** A step that only says its own name was lost without an answer. */
const LOST: ReadonlySet<string> = new Set(['Planning', 'BackingUp', 'Migrating', 'Settling', 'Validating']);

export function measure(to: ProductMetrics, before: MigrationStatus | undefined, after: MigrationStatus): void {
  measureRuns(to, before, after);
  const earlier = before?.run?.id === after.run?.id ? (before?.run?.steps ?? []) : [];
  for (const step of after.run?.steps ?? []) {
    measureStep(
      to,
      earlier.find(one => one.name === step.name),
      step,
    );
  }
}

/** Whether a workload is at zero with our mark on it: what conditions say of the app is about the run, not about that. */
export function measureStopped(to: ProductMetrics, { resource, workloads, now }: World, status: MigrationStatus): void {
  const isHeld = workloads.some(({ found }) => found?.mark?.uid === resource.uid && found.replicas === 0);
  const rolledOut = status.conditions?.find(condition => condition.type === 'RolledOut');
  const since = rolledOut?.status === 'False' ? rolledOut.lastTransitionTime : now;
  to.appIsStopped(resource.namespace, resource.name, isHeld ? Date.parse(since) / 1000 : undefined);
}

/** Why an attempt is made again, for a label. */
export function repeatReason(reason: string | undefined): string {
  return reason === undefined || LOST.has(reason) ? 'JobCrashed' : labelOf(reason);
}

/** A reason that is documented, or `Other`: Jobs give reasons too, and a label must not have values without end. */
export function labelOf(reason: string): string {
  return Object.hasOwn(REASONS, reason) || Object.hasOwn(JOB_REASONS, reason) ? reason : 'Other';
}

/** Since when attempts of this step decide nothing; settle puts its own record forward at each warning. */
export function blockedSince(step: RunStep): string | undefined {
  if (step.blockedSince === undefined) return undefined;
  return step.name === 'Settle' ? step.startTime : step.blockedSince;
}

function measureRuns(to: ProductMetrics, before: MigrationStatus | undefined, after: MigrationStatus): void {
  const was = before?.run;
  const is = after.run;
  if (was !== undefined && was.outcome === undefined && is !== undefined && is.id !== was.id) {
    const entry = after.history?.find(one => one.id === was.id);
    to.runEnded(entry?.outcome ?? 'Abandoned', seconds(was.startTime, entry?.endTime ?? is.startTime));
    measureDowntime(to, after, was);
  }
  const isNews = is?.outcome !== undefined && (was?.id !== is.id || was.outcome === undefined);
  if (!isNews || is.outcome === undefined) return;
  to.runEnded(is.outcome, seconds(is.startTime, is.endTime));
  measureDowntime(to, after, is);
}

function measureDowntime(to: ProductMetrics, status: MigrationStatus, run: Run): void {
  const stopped = status.history?.find(entry => entry.id === run.id)?.stoppedSeconds ?? 0;
  if (stopped > 0) to.appWasStopped(stopped);
}

function measureStep(to: ProductMetrics, before: RunStep | undefined, after: RunStep): void {
  const hasEnded = after.endTime !== undefined && (after.state === 'Done' || after.state === 'Failed');
  if (hasEnded && before?.endTime !== after.endTime) {
    to.stepEnded(after.name, after.state === 'Done' ? 'Done' : 'Failed', seconds(after.startTime, after.endTime));
    const since = before === undefined ? undefined : blockedSince(before);
    if (since !== undefined) to.stepWasBlocked(after.name, seconds(since, after.endTime));
  }
  if (after.retryTime !== undefined && after.retryTime !== before?.retryTime)
    to.attemptRepeated(after.name, repeatReason(after.reason));
}

function seconds(from: string, to: string | undefined): number {
  return to === undefined ? 0 : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
