// How a run ends: the outcome, what history keeps of it, and the two plan keys by which a failure is remembered.
import { digestOf } from '../../api/digest.ts';
import type { HistoryEntry, Run, RunFailure } from '../../api/parse.ts';
import type { StepName, Turn } from './turn.ts';

const HISTORY_LENGTH = 10;
/** What a commit sets to Pending. */
export const OF_STEPS = ['BackedUp', 'Migrated', 'RolledOut', 'Validated'] as const;

/** Says that this run cannot succeed. The app is brought back first; only then has the run an outcome. */
export function fail(t: Turn, step: StepName, kind: RunFailure['kind'], reason: string, message: string): void {
  if (t.run.failure !== undefined) return;
  t.run.failure = { step, reason, message: message.slice(0, 4000), kind, time: t.world.now };
  const record = t.step(step);
  if (record !== undefined && record.state !== 'Done') {
    record.state = 'Failed';
    record.endTime = t.world.now;
    record.reason = reason;
    record.message = message.slice(0, 4000);
  }
  if (kind !== 'Superseded') t.tell('Warning', reason, message);
}

/** Ends the run and writes its line of history; `Repeat`: history has the run that this one would have repeated. */
export function end(t: Turn, outcome: NonNullable<Run['outcome']>, news: 'News' | 'Repeat' = 'News'): void {
  const { run } = t;
  run.outcome = outcome;
  run.endTime = t.world.now;
  // A run that has ended is judged by nothing any more, and forty lines of it would hide the rest from a person.
  delete run.spec;
  if (outcome === 'Failed') sayNotReached(t);
  if (outcome === 'UpToDate' || news === 'Repeat') return;
  t.status.history = withoutOldest([historyEntry(t, outcome), ...(t.status.history ?? [])]);
}

/** Whose turn had not come when the run failed will not have one. */
function sayNotReached(t: Turn): void {
  for (const type of OF_STEPS) {
    if (t.conditionOf(type)?.reason === 'Pending')
      t.condition(type, 'False', 'NotReached', `Run ${t.run.id} failed before its turn came.`);
  }
}

/** History is also the memory of what failed: runs that did nothing leave it first, however many of them come after. */
function withoutOldest(history: readonly HistoryEntry[]): HistoryEntry[] {
  if (history.length <= HISTORY_LENGTH) return [...history];
  const idle = history.findLastIndex(
    ({ outcome }, index) => index > 0 && (outcome === 'Refused' || outcome === 'Superseded'),
  );
  return withoutOldest(history.toSpliced(idle === -1 ? -1 : idle, 1));
}

/** Key of a plan: what would be done to which state. */
export function planKey(
  plan: { target: string; direction: string; sourceDigest: string },
  ledgerDigest: string,
): string {
  return digestOf({
    target: plan.target,
    direction: plan.direction,
    source: plan.sourceDigest,
    tool: 'SQL',
    ledger: ledgerDigest,
  });
}

/** The failed run that this run would repeat; undefined when nothing forbids it. */
export function remembered(t: Turn, key: string): HistoryEntry | undefined {
  if (t.run.retryToken !== undefined) return undefined;
  // The oldest is the run itself; an operator of before 0.1.0 also noted the refusals to repeat it.
  return t.status.history?.findLast(
    entry =>
      entry.planKeys?.includes(key) &&
      (entry.kind !== 'Environment' || entry.environmentDigest === t.run.environmentDigest),
  );
}

/** Whole seconds from the stop of the app to its start, 0 when it was not stopped. */
export function stoppedSeconds(t: Turn): number {
  const stop = t.step('Stop');
  const wasUp = (t.run.workloads ?? []).some(workload => (workload.replicas ?? 0) > 0);
  if (stop === undefined || !wasUp) return 0;
  const starts = (t.run.workloads ?? []).flatMap(workload =>
    workload.state === 'Started' && workload.since !== undefined ? [Date.parse(workload.since)] : [],
  );
  const until = starts.length > 0 ? Math.max(...starts) : Date.parse(t.world.now);
  return Math.max(0, Math.round((until - Date.parse(stop.startTime)) / 1000));
}

function historyEntry(t: Turn, outcome: NonNullable<Run['outcome']>): HistoryEntry {
  const { run, status } = t;
  const { failure, plan } = run;
  // Before the commit nothing was tried: what refused the run there is asked again by the next.
  const hasTried = run.committedTime !== undefined && plan !== undefined;
  const remember = failure !== undefined && failure.kind !== 'Superseded' && failure.kind !== 'Deleted' && hasTried;
  const keys = remember
    ? [...new Set([plan.key, ...(run.ledger === undefined ? [] : [planKey(plan, run.ledger.ledgerDigest)])])]
    : undefined;
  const note = t.conditionOf('AuditDiffers')?.message;
  return {
    id: run.id,
    outcome,
    startTime: run.startTime,
    endTime: t.world.now,
    ...(plan?.from === undefined ? {} : { from: plan.from }),
    ...(plan === undefined ? {} : { target: plan.target }),
    ...(status.version === undefined ? {} : { version: status.version }),
    ...(failure === undefined
      ? {}
      : { reason: failure.reason, message: failure.message.slice(0, 1000), kind: failure.kind }),
    ...(failure === undefined || run.committedTime === undefined ? {} : { unchanged: run.ledger?.unchanged ?? true }),
    ...(keys === undefined ? {} : { planKeys: keys }),
    ...(run.environmentDigest === undefined ? {} : { environmentDigest: run.environmentDigest }),
    ...(run.backup?.uid === undefined ? {} : { backup: run.backup.name }),
    ...(note === undefined ? {} : { note: note.slice(0, 1000) }),
    ...(run.committedTime === undefined ? {} : { stoppedSeconds: stoppedSeconds(t) }),
  };
}
