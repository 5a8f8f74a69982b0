// What a World means: the next status, the actions, the events, and when to look again. Pure: no I/O, no clock, no
// randomness. The order of judgement is a run's order: admit, plan, commit, then the steps; test/golden shows it.
import { CONDITION_TYPES } from '../../api/conditions.ts';
import { type MigrationSpec, type MigrationStatus, parseMigrationSpec } from '../../api/parse.ts';
import { type Action, actKey, type EventNote } from './actions.ts';
import { admit } from './admit.ts';
import { beginRun, newRunReason, planInputDigestOf } from './begin.ts';
import { deletion } from './deletion.ts';
import { isChanging, isStopping } from './direction.ts';
import { effectiveSpec } from './effective.ts';
import { end } from './ending.ts';
import { releaseHeld, rest, watchedSentence } from './idle.ts';
import { recover } from './recover.ts';
import { judgeBackUp } from './steps/back-up.ts';
import { judgeCommit } from './steps/commit.ts';
import { judgeMigrate } from './steps/migrate.ts';
import { judgePlan } from './steps/plan.ts';
import { isAwaitingManifest, judgeStart } from './steps/start.ts';
import { judgeStop } from './steps/stop.ts';
import { judgeValidate } from './steps/validate.ts';
import { Turn } from './turn.ts';
import { phrase, sentence } from './wording.ts';
import type { World } from './world.ts';

export interface Decision {
  /** The whole next status; written first, if it differs from what is there. */
  readonly status: MigrationStatus;
  /** `Conditions`: only these are to be written; the rest of the status could not be read. */
  readonly scope: 'Whole' | 'Conditions';
  readonly actions: readonly Action[];
  readonly events: readonly EventNote[];
  /** Look again after this long even if nothing changes. */
  readonly lookAgainMs?: number;
  /** Where it stopped, for the log line. */
  readonly at: string;
}

export function decide(world: World): Decision {
  if (!world.status.ok) return unreadable(world, world.status.mistakes);
  const status = world.status.value;
  if (world.resource.deletionTime !== undefined) return finish(deletion(turnFor(world, status)));
  if (status.run?.committedTime !== undefined && status.run.outcome === undefined) {
    const t = turnFor(world, status);
    if (!isSuperseded(t)) committed(t);
    if (isSuperseded(t)) end(t, 'Superseded');
    return finish(t.run.outcome === undefined ? t : beforeCommit(turnAfter(t), world));
  }
  return finish(beforeCommit(turnFor(world, status), world));
}

/** A run that only awaits manifests is at its end when something new is asked for. */
function isSuperseded(t: Turn): boolean {
  return (
    t.run.outcome === undefined &&
    t.run.failure === undefined &&
    isAwaitingManifest(t) &&
    newRunReason(t) !== undefined &&
    !t.spec.suspend
  );
}

/** The steps after the commit, in order; the first that is not done ends the pass. */
const STEPS = [
  { name: 'Stop', judge: judgeStop, isNeeded: isStopping },
  { name: 'BackUp', judge: judgeBackUp, isNeeded: (t: Turn) => isChanging(t.run.plan) },
  { name: 'Migrate', judge: judgeMigrate, isNeeded: () => true },
  { name: 'Start', judge: judgeStart, isNeeded: () => true },
  { name: 'Validate', judge: judgeValidate, isNeeded: () => true },
] as const;

/** Goes on with a committed run; with its last step, or when a failure has been dealt with, it gets its outcome. */
function committed(t: Turn): void {
  const isThrough = t.run.failure === undefined && runSteps(t);
  if (t.run.failure !== undefined) recover(t);
  else if (isThrough) {
    t.status.stableVersion = t.run.ledger?.version ?? t.run.plan?.target ?? t.status.stableVersion ?? '';
    t.status.replans = 0;
    end(t, 'Succeeded');
  }
}

function runSteps(t: Turn): boolean {
  for (const step of STEPS) {
    if (step.isNeeded(t) && step.judge(t) === 'Waiting') return false;
  }
  return true;
}

function beforeCommit(t: Turn, world: World): Turn {
  const hadRun = t.status.run;
  if (hadRun === undefined && world.resource.retryToken !== undefined && t.status.handledTokens === undefined) {
    t.status.handledTokens = { retry: world.resource.retryToken };
  }
  if (!world.spec.ok) {
    t.observeGeneration();
    t.stalled(
      'InvalidSpec',
      `The spec cannot be used: ${world.spec.mistakes.join('; ')}. Mend it; nothing was started.`,
    );
    return t;
  }
  if (t.spec.suspend) return suspend(t);
  if (admit(t) === 'Waiting') return watched(t);
  const why = newRunReason(t);
  if (why !== undefined && !isSameRefusedPlan(t, why)) beginRun(t, why);
  if (why === 'SourceChanged') return watched(t);
  if (t.run.outcome !== undefined) {
    rest(t);
    return t;
  }
  return plan(t);
}

/** A plan that failed for good is not asked for again until what it was asked with changes, or by a token. */
function isSameRefusedPlan(t: Turn, why: string): boolean {
  const { run } = t.status;
  if (run?.outcome !== 'Refused' || why !== 'SpecChanged' || run.failure?.kind === 'Environment') return false;
  if (run.plan !== undefined || run.planInputDigest !== planInputDigestOf(t.world, t.spec)) return false;
  run.generation = t.world.resource.generation;
  return true;
}

function plan(t: Turn): Turn {
  if (judgePlan(t) === 'Waiting') {
    if (t.run.outcome === undefined) return watched(t);
    rest(t);
    return t;
  }
  const commit = judgeCommit(t);
  if (commit === 'Committed') {
    committed(t);
    return t;
  }
  if (commit === 'NothingToDo') {
    t.status.version = t.run.plan?.target ?? t.status.version ?? '';
    t.status.replans = 0;
    end(t, 'UpToDate');
  }
  if (t.run.outcome !== undefined) rest(t);
  return t;
}

/** Suspended before the commit: nothing was promised, so the run is dropped; observedGeneration stays as it was. */
function suspend(t: Turn): Turn {
  const { run } = t.status;
  if (run !== undefined && run.outcome === undefined) end(t, 'Superseded');
  const message = 'spec.suspend is true: no run begins. Set it to false to go on.';
  const failed = run?.outcome === 'Failed' ? [`Run ${run.id} failed: ${sentence(run.failure?.message ?? '')}`] : [];
  if (t.conditionOf('Planned')?.status === 'False') t.condition('Planned', 'False', 'Suspended', message);
  const held = releaseHeld(t);
  const sentences = [message, ...failed, watchedSentence(held)].filter(one => one !== '');
  t.summary('False', 'Resting', 'Suspended', sentences.join(' '));
  return t;
}

/** Before the commit too, an app that an earlier run holds at zero is started as soon as its manifest fits. */
function watched(t: Turn): Turn {
  releaseHeld(t);
  return t;
}

function turnFor(world: World, status: MigrationStatus): Turn {
  const live = world.spec.ok ? world.spec.value : undefined;
  const frozen =
    status.run?.committedTime === undefined || status.run.outcome !== undefined ? undefined : status.run.spec;
  const parsed = frozen === undefined ? undefined : parseMigrationSpec(frozen);
  const kept = parsed?.ok === true ? parsed.value : undefined;
  const spec = kept === undefined ? live : live === undefined ? kept : effectiveSpec(kept, live);
  return new Turn(world, spec ?? emptySpec(), status);
}

/** The rest of a pass in which a run ended: what is new begins in the same write, with the spec as it is now. */
function turnAfter(t: Turn): Turn {
  const next = turnFor(t.world, { ...t.status, conditions: t.conditions(CONDITION_TYPES) });
  next.goOnFrom(t);
  return next;
}

/** Stands in for a spec that cannot be read; no step is judged with it. */
function emptySpec(): MigrationSpec {
  const parsed = parseMigrationSpec({
    suspend: true,
    database: { urlSecretRef: { name: '', key: '' } },
    source: { configMapRefs: [{ name: '' }] },
    target: 'latest',
    rollout: { strategy: 'None' },
  });
  if (!parsed.ok) throw new Error(parsed.mistakes.join('; '));
  return parsed.value;
}

/** Steps whose Jobs leave nothing in the database, so that nobody has to know whether they ran. */
const READ_ONLY: ReadonlySet<string> = new Set(['plan', 'validate']);

/**
 * A finished Job whose answer was taken is handed to the garbage collector. One that only reads, is asked no more and has
 * not started is deleted: its Pod may be waiting for what will never come.
 */
function sweep(t: Turn): void {
  const active = new Set(
    (t.status.run?.outcome === undefined ? (t.status.run?.steps ?? []) : []).flatMap(step =>
      step.state === 'Active' && step.job !== undefined ? [step.job.name] : [],
    ),
  );
  // What the run still names was made for it, or was not ours to begin with.
  const named = new Set((t.status.run?.steps ?? []).map(step => step.job?.name));
  for (const job of t.world.jobs) {
    if (job.adopted || job.deleting || active.has(job.name)) continue;
    const isIdle =
      READ_ONLY.has(job.step) && !named.has(job.name) && job.pods.every(pod => pod.container === 'Waiting');
    if (job.finished !== undefined) t.do({ do: 'AdoptJob', name: job.name, uid: job.uid });
    else if (isIdle) t.do({ do: 'DeleteJob', name: job.name, uid: job.uid });
  }
}

/** That a person is needed is told once; of a failure that was told when it happened it is no news. */
function tellStalled(t: Turn): void {
  const before = t.world.status.ok ? t.world.status.value.conditions?.find(one => one.type === 'Stalled') : undefined;
  const stalled = t.conditionOf('Stalled');
  if (stalled === undefined || stalled.reason === before?.reason) return;
  if (t.status.run?.failure?.reason !== stalled.reason) t.tell('Warning', stalled.reason, stalled.message);
  else if (t.conditionOf('RolledOut')?.reason === 'Held') t.tell('Warning', 'Held', stalled.message);
}

/** What the API server would not take when it was last tried. */
function sayRefused(t: Turn): void {
  const ready = t.conditionOf('Ready');
  const acts = new Set(t.actions.map(actKey));
  const refusal = t.world.refusals.find(one => acts.has(one.act));
  if (refusal === undefined || ready === undefined || ready.reason === 'RequestRefused') return;
  const words = phrase(refusal.message);
  const [verb = ''] = refusal.act.split(' ');
  const isTidyingUp = t.conditionOf('Reconciling') === undefined || NEVER_AWAITED.has(verb);
  if (isTidyingUp) return sayRefusedAside(t, verb, words);
  const app = t.status.run?.committedTime === undefined ? ' Nothing is stopped.' : '';
  t.reconciling(
    'RequestRefused',
    `${sentence(ready.message)} The API server refuses it: ${words}.${app} It is tried again by itself.`,
  );
}

/** What goes on, or what a run has ended with, stays said; only something is not tidied up. */
function sayRefusedAside(t: Turn, verb: string, words: string): void {
  const what = TIDYING[verb];
  if (what === undefined) return;
  const said = `The API server refuses ${what}: ${words}. It is tried again by itself.`;
  if (t.world.resource.deletionTime !== undefined) {
    // Nothing sets the conditions of a deleted resource anew, so that a sentence would be added in each pass.
    if (verb === 'RemoveFinalizer') t.reconciling('RequestRefused', said);
    return;
  }
  for (const type of ['Ready', 'Reconciling', 'Stalled'] as const) {
    const before = t.conditionOf(type);
    if (before !== undefined) t.condition(type, before.status, before.reason, `${sentence(before.message)} ${said}`);
  }
}

/** No step waits for these. */
const NEVER_AWAITED: ReadonlySet<string> = new Set(['AdoptJob', 'RemoveFinalizer']);
/** Acts that a resource at rest may still have, in words. What is said of a held workload says its own refusal (idle.ts). */
const TIDYING: Readonly<Record<string, string>> = {
  AdoptJob: 'to hand over a finished Job',
  DeleteJob: 'to delete a Job that is not needed',
  RemoveFinalizer: 'to take the finalizer off this resource',
  UnmarkWorkload: 'to take the marks off a workload',
};

function finish(t: Turn): Decision {
  sweep(t);
  sayRefused(t);
  tellStalled(t);
  const ready = t.conditionOf('Ready');
  return {
    scope: 'Whole',
    status: { ...t.status, conditions: t.conditions(CONDITION_TYPES) },
    actions: t.actions,
    events: t.events,
    ...(t.lookAgainMs === undefined ? {} : { lookAgainMs: t.lookAgainMs }),
    at: ready?.reason ?? 'None',
  };
}

/** Nothing of a status that cannot be read is believed or overwritten; only the conditions say so. */
function unreadable(world: World, mistakes: readonly string[]): Decision {
  const t = new Turn(world, emptySpec(), { observedGeneration: world.resource.generation });
  t.stalled(
    'StatusUnreadable',
    `The status was edited, or written by a newer operator: ${mistakes.join('; ')}. Nothing is done until it can be read: undo the edit, or if no run is under way delete and recreate the resource.`,
  );
  return { ...finish(t), actions: [], events: [], scope: 'Conditions' };
}
