// Between runs: say how the last one ended, keep watch over workloads that are still held at zero, let the finalizer go.
import type { Run, RunFailure } from '../../api/parse.ts';
import { bringUp, isFullyUp } from './bring-up.ts';
import { countOf, isChanging, migrations, versionOf } from './direction.ts';
import { stoppedSeconds } from './ending.ts';
import { isMarked } from './live.ts';
import { fittingOf } from './recover.ts';
import type { Turn } from './turn.ts';
import { phrase, RETRY, sentence } from './wording.ts';
import type { WorkloadView } from './world.ts';

const HELD_POLL_SECONDS = 10;

/** The resting state of an ended run. */
export function rest(t: Turn): void {
  t.observeGeneration();
  const held = releaseHeld(t);
  const { run } = t;
  if (run.outcome === 'Failed' || run.outcome === 'Refused') sayFailure(t, held);
  else if (run.outcome === 'Superseded') {
    saySuperseded(t);
  } else sayUpToDate(t);
  const hasMarks = t.world.workloads.some(({ found }) => found !== undefined && isMarked(t, found));
  if (!hasMarks && t.world.resource.finalizer === 'Present') t.do({ do: 'RemoveFinalizer' });
}

interface Held {
  readonly note: string;
  /** What must change for it to start: its manifest, the database, or the API server's mind; `Nothing`: it is being started. */
  readonly needs: 'Manifest' | 'Database' | 'Permission' | 'Nothing';
}

/** A mark outlives its run: what we hold starts as soon as its template fits what the database is at. */
export function releaseHeld(t: Turn): readonly Held[] {
  const watched = t.world.workloads.flatMap(workload => watch(t, workload));
  const isRolledOut = t.conditionOf('RolledOut')?.status === 'True';
  if (!isRolledOut && watched.length > 0 && watched.every(one => one.needs === 'Nothing'))
    t.condition('RolledOut', 'False', 'Restored', appSentence(t, watched));
  return watched;
}

function watch(t: Turn, workload: WorkloadView): Held[] {
  const live = workload.found;
  if (live === undefined || !isMarked(t, live)) return [];
  t.lookIn(HELD_POLL_SECONDS);
  const fitting = t.status.run === undefined ? 'Hold' : fittingOf(t, live);
  if (fitting === 'Hold' && live.replicas === 0)
    return [
      {
        note: `${workload.kind} ${workload.name}, until the database is at a whole version that it is known to run on`,
        needs: 'Database',
      },
    ];
  const one = bringUp(t, workload, fitting === 'Hold' ? { version: null, unannotated: 'Hold' } : fitting);
  const start = `ScaleWorkload ${workload.kind}/${workload.name}`;
  const refusal = t.world.refusals.find(known => known.act === start);
  if (one.state === 'ComingUp' && live.replicas === 0 && refusal !== undefined) {
    const note = `${workload.kind} ${workload.name}, whose start the API server refuses (${phrase(refusal.message)}); it is tried again by itself`;
    return [{ note, needs: 'Permission' }];
  }
  if (one.state === 'ComingUp' && live.replicas === 0)
    t.tell('Normal', 'Restored', `${one.note}: it was held at zero, and fits the database now.`);
  if (one.state !== 'AwaitingManifest') return [{ note: one.note, needs: 'Nothing' }];
  return one.held ? [{ note: one.note, needs: 'Manifest' }] : [];
}

/** The plan was outdated when it ran, several times in a row. */
function saySuperseded(t: Turn): void {
  const message = t.run.failure?.message ?? '';
  t.stalled(
    'PlanKeepsChanging',
    `The database changed under ${t.status.replans ?? 0} plans in a row. ${message} Find out who else migrates it, then ${RETRY}.`,
  );
}

function sayUpToDate(t: Turn): void {
  const { run, status } = t;
  // From the run's evidence, not from what the status says: that may have been edited.
  const version = run.ledger?.version ?? run.plan?.target ?? status.version;
  if (version !== undefined) status.version = version;
  const seconds = run.committedTime === undefined ? 0 : (status.history?.[0]?.stoppedSeconds ?? stoppedSeconds(t));
  const did = !isChanging(run.plan)
    ? `nothing was pending${run.outcome === 'Succeeded' ? `, and run ${run.id} saw to the app` : ''}`
    : `run ${run.id} ${didSentence(run.plan)}${seconds > 0 ? `, the app was stopped for ${seconds} s` : ''}`;
  t.summary('True', 'Resting', 'UpToDate', `The database is at ${version}: ${did}.`);
  if (run.outcome === 'UpToDate') sayNothingPending(t, `The database is at ${version}.`);
}

function didSentence(plan: Run['plan']): string {
  const what = migrations(countOf(plan));
  if (plan?.direction === 'Down') return `downgraded it from ${plan.from} (${what} taken back)`;
  if (plan?.baseline === undefined) return `applied ${what}`;
  return `adopted it at ${plan.baseline.version}${countOf(plan) === 0 ? '' : ` and applied ${what}`}`;
}

/** What an earlier failure had said of the steps is over: the database is where it should be, and the app is looked at. */
function sayNothingPending(t: Turn, message: string): void {
  t.condition('Migrated', 'True', 'AtTarget', message);
  if (t.conditionOf('RolledOut')?.status !== 'False') return;
  const isUp = t.world.workloads.every(({ found }) => found !== undefined && isFullyUp(found));
  if (isUp) t.condition('RolledOut', 'True', 'Started', 'The app is up.');
  else t.lookIn(HELD_POLL_SECONDS);
}

function sayFailure(t: Turn, watched: readonly Held[]): void {
  const { failure, ledger } = t.run;
  if (failure === undefined) return;
  const held = watched.filter(one => one.needs !== 'Nothing');
  if (t.run.outcome === 'Refused') {
    const app = watched.length > 0 ? appSentence(t, watched) : 'The app was not touched.';
    if (failure.reason === 'VersionAnnotationMissing') t.lookIn(HELD_POLL_SECONDS);
    t.stalled(failure.reason, `${sentence(failure.message)} ${app} ${againSentence(failure)}`);
    return;
  }
  const isAhead = held.some(one => one.needs === 'Manifest') && !t.isDone('Migrate') && ledger?.unchanged !== false;
  const reason = isAhead ? 'ManifestAhead' : failure.reason;
  const sentences = [
    sentence(failure.message),
    databaseSentence(t),
    appSentence(t, watched),
    remedySentence(t, held, isAhead),
  ];
  t.stalled(reason, sentences.filter(one => one !== '').join(' '));
  if (t.step('Migrate') !== undefined && !t.isDone('Migrate')) {
    t.condition('Migrated', 'False', failure.reason, `${sentence(failure.message)} ${databaseSentence(t)}`);
  }
  if (failure.step === 'BackUp') t.condition('BackedUp', 'False', failure.reason, failure.message);
  if (held.length > 0) t.condition('RolledOut', 'False', 'Held', `${sentence(failure.message)} ${heldSentence(held)}`);
  else if (failure.step === 'Start') t.condition('RolledOut', 'False', failure.reason, failure.message);
  else if (['Held', 'Restored'].includes(t.conditionOf('RolledOut')?.reason ?? ''))
    t.condition('RolledOut', 'False', 'Restored', appSentence(t, watched));
}

/** What makes a refused run be planned afresh. */
function againSentence({ kind, reason }: RunFailure): string {
  if (reason === 'VersionAnnotationMissing') return 'It goes on by itself once that is there.';
  const change = kind === 'Environment' ? 'the spec or the source' : 'the target, the database or the source';
  return `It is planned afresh when ${change} changes, or when you ${RETRY}.`;
}

function databaseSentence(t: Turn): string {
  const { ledger, plan } = t.run;
  if (t.step('Settle')?.state === 'Failed') return 'What state the database is in is not known.';
  if (ledger === undefined) return `The database was not touched: it is at ${plan?.from ?? 'the start'}.`;
  const at = versionOf(t.run) ?? 'the start, with nothing applied';
  if (t.isDone('Migrate')) return `The database is at ${at}.`;
  if (ledger.unchanged) return `The database is unchanged, at ${at}.`;
  const isDown = plan?.direction === 'Down';
  const changed = (isDown ? ledger.revertedByRun : ledger.appliedByRun) ?? [];
  const half = ledger.progressRows > 0 ? `, and left ${ledger.progressRows} half done` : '';
  return `The database is at ${at}: this run ${isDown ? 'took back' : 'applied'} ${changed.join(', ') || 'nothing whole'}${half}.`;
}

function heldSentence(held: readonly Held[]): string {
  return `The app is held at zero: ${held.map(one => one.note).join('; ')}.`;
}

/** What is with the workloads that are held; of none there is nothing to say. */
export function watchedSentence(watched: readonly Held[]): string {
  const held = watched.filter(one => one.needs !== 'Nothing');
  if (held.length > 0) return heldSentence(held);
  return watched.length === 0 ? '' : `The app is started again: ${watched.map(one => one.note).join('; ')}.`;
}

function appSentence(t: Turn, watched: readonly Held[]): string {
  if (watched.length > 0) return watchedSentence(watched);
  if (t.run.failure?.kind === 'Application') return 'The app is left as it is.';
  if (t.step('Stop') === undefined) return 'The app was not stopped.';
  const running = t.world.workloads.flatMap(({ kind, name, found }) =>
    found !== undefined && found.replicas > 0 ? [`${kind} ${name} with ${found.replicas}`] : [],
  );
  return running.length > 0 ? `The app runs again: ${running.join(', ')}.` : 'No workload of the app runs.';
}

function remedySentence(t: Turn, held: readonly Held[], isAhead: boolean): string {
  const { failure, ledger, plan, backup } = t.run;
  if (isAhead)
    return `Apply the manifest for ${ledger?.version ?? plan?.from ?? 'the old version'}; the app then starts by itself.`;
  if (failure?.kind === 'Application')
    return `Release a manifest that works on this version, or ${RETRY} to check again.`;
  if (failure?.kind === 'Deleted') return '';
  if (ledger?.unchanged === false) return waysOut(t, held);
  const restorePoint = backup?.digest === undefined ? '' : ` The backup is DatabaseBackup ${backup.name}.`;
  const again =
    failure?.kind === 'Environment'
      ? `Mend the cause, then ${RETRY}; a change of spec.job, spec.backup or spec.database runs it again by itself.`
      : `Mend the cause and release it (a changed migration or target runs by itself), or ${RETRY}.`;
  return `${again}${restorePoint}`;
}

/** The database is neither as it was nor at the target: no way is the right one for everybody. */
function waysOut(t: Turn, held: readonly Held[]): string {
  const { ledger, plan, backup } = t.run;
  const isDown = plan?.direction === 'Down';
  const mend = `mend the ${isDown ? 'down script' : 'migration'} and release it, and it goes on from where the database is`;
  const isWhole = isDown && ledger?.progressRows === 0;
  const back = isWhole ? [`set spec.target back to ${plan.from}, and what was taken back is applied again`] : [];
  const mayStart = held.some(one => one.needs === 'Manifest');
  const start = mayStart
    ? [`apply a manifest that fits ${ledger?.version ?? 'an empty database'}, and the app starts`]
    : [];
  const restore = backup?.digest === undefined ? [] : [`restore DatabaseBackup ${backup.name} by hand`];
  return `Ways out: ${[mend, ...back, ...start, ...restore].join('; or ')}. To try the same once more, ${RETRY}.`;
}
