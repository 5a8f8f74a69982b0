// Between runs: say how the last one ended, keep watch over workloads that are still held at zero, let the finalizer go.
import { newRunReason } from './begin.ts';
import { bringUp } from './bring-up.ts';
import { stoppedSeconds } from './ending.ts';
import { isMarked } from './live.ts';
import { fittingOf } from './recover.ts';
import type { Turn } from './turn.ts';

const HELD_POLL_SECONDS = 10;

/** The resting state of an ended run. */
export function rest(t: Turn): void {
  t.status.observedGeneration = t.world.resource.generation;
  const held = releaseHeld(t);
  const { run } = t;
  if (run.outcome === 'Failed' || run.outcome === 'Refused') sayFailure(t, held);
  else if (run.outcome === 'Superseded') {
    saySuperseded(t);
  } else sayUpToDate(t);
  const hasMarks = t.world.workloads.some(({ found }) => found !== undefined && isMarked(t, found));
  if (!hasMarks && t.world.resource.finalizer === 'Present') t.do({ do: 'RemoveFinalizer' });
}

/** A mark outlives its run: what we hold starts as soon as its template fits what the database is at. */
export function releaseHeld(t: Turn): readonly string[] {
  const marked = t.world.workloads.filter(({ found }) => found !== undefined && isMarked(t, found));
  if (marked.length === 0) return [];
  t.lookIn(HELD_POLL_SECONDS);
  const fitting = fittingOf(t);
  if (fitting === 'Hold') return marked.map(({ kind, name }) => `${kind} ${name} is held at zero`);
  return marked.flatMap(workload => {
    const one = bringUp(t, workload, fitting);
    return one.state === 'AwaitingManifest' ? [one.note] : [];
  });
}

/** The plan was outdated when it ran: it is made afresh, a few times. */
function saySuperseded(t: Turn): void {
  const message = t.run.failure?.message ?? '';
  if (newRunReason(t) !== undefined) {
    t.lookIn(0);
    t.reconciling('Planning', `${message} A new plan is made.`.trim());
    return;
  }
  t.stalled(
    'PlanKeepsChanging',
    `The database changed under ${t.status.replans ?? 0} plans in a row. ${message} Find out who else migrates it, then ask for a retry with the annotation migrations.truledgr.app/retry=<any new value>.`,
  );
}

function sayUpToDate(t: Turn): void {
  const { run, status } = t;
  const version = status.version ?? run.plan?.target;
  const count = run.plan?.pendingCount ?? 0;
  const seconds = run.committedTime === undefined ? 0 : (status.history?.[0]?.stoppedSeconds ?? stoppedSeconds(t));
  const did =
    count === 0
      ? 'nothing was pending'
      : `run ${run.id} applied ${count} ${count === 1 ? 'migration' : 'migrations'}${seconds > 0 ? `, the app was stopped for ${seconds} s` : ''}`;
  t.summary('True', 'Resting', 'UpToDate', `The database is at ${version}: ${did}.`);
}

function sayFailure(t: Turn, held: readonly string[]): void {
  const { failure, ledger } = t.run;
  if (failure === undefined) return;
  if (t.run.outcome === 'Refused') {
    t.stalled(failure.reason, `${failure.message} The app was not touched.`);
    return;
  }
  const isAhead = held.length > 0 && fittingOf(t) !== 'Hold';
  const reason = isAhead ? 'ManifestAhead' : failure.reason;
  t.stalled(reason, [failure.message, databaseSentence(t), appSentence(t, held), remedySentence(t, isAhead)].join(' '));
  if (t.step('Migrate') !== undefined && !t.isDone('Migrate')) {
    t.condition('Migrated', 'False', failure.reason, `${failure.message} ${databaseSentence(t)}`);
  }
  if (failure.step === 'BackUp') t.condition('BackedUp', 'False', failure.reason, failure.message);
  if (failure.step === 'Start' || held.length > 0) {
    t.condition(
      'RolledOut',
      'False',
      held.length > 0 ? 'Held' : failure.reason,
      `${failure.message} ${appSentence(t, held)}`,
    );
  }
  if (ledger === undefined && failure.step === 'Stop')
    t.condition('Migrated', 'False', 'Pending', 'Nothing was migrated.');
}

function databaseSentence(t: Turn): string {
  const { ledger, plan } = t.run;
  if (ledger === undefined) return `The database was not touched: it is at ${plan?.from ?? 'the start'}.`;
  const at = ledger.version ?? 'the start, with nothing applied';
  if (t.isDone('Migrate')) return `The database is at ${at}.`;
  if (ledger.unchanged) return `The database is unchanged, at ${at}.`;
  const applied = ledger.appliedByRun ?? [];
  const half = ledger.progressRows > 0 ? ` and ${ledger.progressRows} half done` : '';
  return `The database is at ${at}: this run applied ${applied.join(', ') || 'nothing whole'}${half}.`;
}

function appSentence(t: Turn, held: readonly string[]): string {
  if (held.length > 0) return `The app is held at zero: ${held.join('; ')}.`;
  if (t.run.failure?.kind === 'Application') return '';
  if (t.step('Stop') === undefined) return 'The app was not stopped.';
  const running = t.world.workloads.flatMap(({ kind, name, found }) =>
    found !== undefined && found.replicas > 0 ? [`${kind} ${name} with ${found.replicas}`] : [],
  );
  return running.length > 0 ? `The app was started again: ${running.join(', ')}.` : 'No workload of it runs.';
}

function remedySentence(t: Turn, isAhead: boolean): string {
  const retry = 'annotate the resource with migrations.truledgr.app/retry=<any new value>';
  if (isAhead)
    return `Apply the manifest for ${t.run.ledger?.version ?? t.run.plan?.from ?? 'the old version'}; the app then starts by itself.`;
  if (t.run.failure?.kind === 'Application')
    return `Release a manifest that works on this version, or ${retry} to check again.`;
  if (t.run.failure?.kind === 'Deleted') return '';
  const backup = t.run.backup?.digest === undefined ? '' : ` The backup is DatabaseBackup ${t.run.backup.name}.`;
  return `Mend the cause and release it (a changed migration or target runs by itself), or ${retry}.${backup}`;
}
