// One pass over one World: the draft of the next status and of what to do, that the steps fill in. Created by decide.ts,
// gone after it; nothing here touches the outside, so the same World gives the same Decision.
import { isDeepStrictEqual } from 'node:util';
import type { ConditionType, Outlook } from '../../api/conditions.ts';
import type { Condition, MigrationSpec, MigrationStatus, Run, RunStep } from '../../api/parse.ts';
import type { Action, EventNote } from './actions.ts';
import { cut } from './wording.ts';
import type { WorkloadView, World } from './world.ts';

/** For so long an app that stops or starts is looked at closely. */
const CLOSE_LOOK_SECONDS = 10;

export type StepName = RunStep['name'];
type ConditionStatus = Condition['status'];

export class Turn {
  readonly world: World;
  /** The spec that this pass works with: the live one, or in a committed run the frozen one. */
  readonly spec: MigrationSpec;
  readonly status: MigrationStatus;
  readonly actions: Action[] = [];
  readonly events: EventNote[] = [];
  #lookAgainMs: number | undefined;
  #conditions: Map<string, Condition>;
  readonly #nowMs: number;

  constructor(world: World, spec: MigrationSpec, status: MigrationStatus) {
    this.world = world;
    this.spec = spec;
    this.status = structuredClone(status);
    this.#conditions = new Map((this.status.conditions ?? []).map(condition => [condition.type, condition]));
    this.#nowMs = Date.parse(world.now);
  }

  /** The run under way or ended; call only where there is one. */
  get run(): Run {
    const run = this.status.run;
    if (run === undefined) throw new Error('a step was judged without a run');
    return run;
  }

  get lookAgainMs(): number | undefined {
    return this.#lookAgainMs;
  }

  step(name: StepName): RunStep | undefined {
    return this.run.steps?.find(step => step.name === name);
  }

  isDone(name: StepName): boolean {
    return this.step(name)?.state === 'Done';
  }

  /** Begins a step, or goes on with it. */
  begin(name: StepName): RunStep {
    const existing = this.step(name);
    if (existing !== undefined) return existing;
    const step: RunStep = { name, state: 'Active', startTime: this.world.now };
    this.run.steps = [...(this.run.steps ?? []), step];
    return step;
  }

  /** Latches a step: from now on it is not judged again in this run. */
  finish(name: StepName, message: string): void {
    const step = this.begin(name);
    step.state = 'Done';
    step.endTime = this.world.now;
    step.message = message;
    delete step.reason;
    delete step.retryTime;
    delete step.blockedSince;
  }

  /** Hands out the next attempt number of this resource. */
  nextAttempt(): number {
    const attempt = (this.status.attempt ?? 0) + 1;
    this.status.attempt = attempt;
    return attempt;
  }

  /** No attempt number may be below one that the database has already seen. */
  sawEpoch(attempt: number): void {
    this.status.attempt = Math.max(this.status.attempt ?? 0, attempt);
  }

  /** Asked twice in a pass, by the end of one run and by the watch over held apps, it is done once. */
  do(action: Action): void {
    if (!this.actions.some(known => isDeepStrictEqual(known, action))) this.actions.push(action);
  }

  tell(type: EventNote['type'], reason: string, message: string): void {
    this.events.push({ type, reason, message: cut(message) });
  }

  /** Tells it on a workload, for whom the resource may be gone when it is read. */
  tellOn(workload: WorkloadView, type: EventNote['type'], reason: string, message: string): void {
    const { kind, name, found } = workload;
    if (found !== undefined)
      this.events.push({ type, reason, message: cut(message), workload: { kind, name, uid: found.uid } });
  }

  /** Seconds since a time of the status. */
  since(time: string): number {
    return (this.#nowMs - Date.parse(time)) / 1000;
  }

  after(seconds: number): string {
    return toTime(this.#nowMs + seconds * 1000);
  }

  /** The conditions of this pass speak of the spec as it is now. */
  observeGeneration(): void {
    const { target } = this.spec;
    this.status.observedGeneration = this.world.resource.generation;
    if (this.world.spec.ok && target !== 'latest') this.status.targetVersion = target;
  }

  /** Takes over what an earlier turn of the same pass wants done, told and looked at again. */
  goOnFrom(earlier: Turn): void {
    this.actions.push(...earlier.actions);
    this.events.push(...earlier.events);
    if (earlier.lookAgainMs !== undefined) this.lookIn(earlier.lookAgainMs / 1000);
  }

  /** Asks for another pass; the earliest wish wins. */
  lookIn(seconds: number): void {
    const ms = Math.max(250, Math.ceil(seconds * 1000));
    this.#lookAgainMs = Math.min(this.#lookAgainMs ?? Number.POSITIVE_INFINITY, ms);
  }

  /**
   * No watch of ours tells of the app's Pods. While it is stopped or started each moment is downtime, so it is looked at
   * closely at first; one that takes long is asked after less often.
   */
  lookAtApp(since: string): void {
    this.lookIn(this.since(since) < CLOSE_LOOK_SECONDS ? 0.5 : 2);
  }

  lookAt(time: string): void {
    this.lookIn((Date.parse(time) - this.#nowMs) / 1000);
  }

  /** Sets a step's condition; its transition time changes only with its status. */
  condition(type: ConditionType, status: ConditionStatus, reason: string, message: string): void {
    const before = this.#conditions.get(type);
    this.#conditions.set(type, {
      type,
      status,
      reason,
      message,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : this.world.now,
      observedGeneration: this.status.observedGeneration ?? -1,
    });
  }

  /** Takes a condition away that is there only while it is True. */
  drop(type: ConditionType): void {
    this.#conditions.delete(type);
  }

  conditionOf(type: ConditionType): Condition | undefined {
    return this.#conditions.get(type);
  }

  /** Sets Ready, and Reconciling or Stalled with the same reason, or neither. */
  summary(ready: ConditionStatus, outlook: Outlook, reason: string, message: string): void {
    this.condition('Ready', ready, reason, message);
    for (const type of ['Reconciling', 'Stalled'] as const) {
      if (type !== outlook) this.#conditions.delete(type);
      else if (type === 'Reconciling' && this.#isQueued())
        this.condition(type, 'True', 'Queued', `${message} The edit of the spec waits for the end of this run.`);
      else this.condition(type, 'True', reason, message);
    }
  }

  /** Work in progress or a wait that time may end. */
  reconciling(reason: string, message: string): void {
    this.summary('False', 'Reconciling', reason, message);
  }

  stalled(reason: string, message: string): void {
    this.summary('False', 'Stalled', reason, message);
  }

  conditions(order: readonly string[]): Condition[] {
    return order.flatMap(type => this.#conditions.get(type) ?? []);
  }

  #isQueued(): boolean {
    return this.status.run?.committedTime !== undefined && this.#isEditWaiting();
  }

  /** An edit waits if it changes more than what counts from the next attempt on, which `spec` has already. */
  #isEditWaiting(): boolean {
    const { spec } = this.world;
    const run = this.status.run;
    return run !== undefined && run.outcome === undefined && !(spec.ok && isDeepStrictEqual(spec.value, this.spec));
  }
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
