// What a BackupWorld means: a backup is made by one Job at a time, tried again until its deadline, and never again once
// it is complete or given up. Pure.
//
// Order of effects: (1) the Job's name goes to status, (2) the Job is created, (3) its answer goes to status, (4) the Job
// is handed to the garbage collector. A crash after any leaves the next pass what it needs.
import type { JobResultOf } from '../../api/job-contract.ts';
import type { BackupSpec, BackupStatus, Condition } from '../../api/parse.ts';
import { jobRetrySeconds } from '../controller/backoff.ts';
import type { EventNote } from '../migration/actions.ts';
import { NODE_LOST_SECONDS, readAttempt } from '../migration/attempt.ts';
import { toTime } from '../migration/turn.ts';
import { cut, phrase, sentence } from '../migration/wording.ts';
import { jobName, madeFor, requestFor } from './request.ts';
import { type BackupAction, type BackupWorld, backupActKey } from './world.ts';

export interface BackupDecision {
  readonly status: BackupStatus;
  readonly actions: readonly BackupAction[];
  readonly events: readonly EventNote[];
  readonly lookAgainMs?: number;
  readonly at: string;
}

type Step = NonNullable<BackupStatus['steps']>[number];

const CRASH_LIMIT = 3;
const REFUSED = ' The API server refuses to let go of its Job: ';

export function decideBackup(world: BackupWorld): BackupDecision {
  return new Judgement(world).decide();
}

class Judgement {
  readonly #world: BackupWorld;
  readonly #status: BackupStatus;
  readonly #actions: BackupAction[] = [];
  readonly #events: EventNote[] = [];
  #lookAgainMs: number | undefined;

  constructor(world: BackupWorld) {
    this.#world = world;
    this.#status = structuredClone(world.status);
  }

  decide(): BackupDecision {
    if (!this.#isEnded()) this.#judge();
    if (this.#isEnded()) this.#sweep();
    const complete = this.#condition('Complete');
    return {
      status: this.#status,
      actions: this.#actions,
      events: this.#events,
      ...(this.#lookAgainMs === undefined ? {} : { lookAgainMs: this.#lookAgainMs }),
      at: complete?.reason ?? 'None',
    };
  }

  #judge(): void {
    const { spec, asked } = this.#world;
    if (!spec.ok) return this.#stall('InvalidSpec', `The spec cannot be used: ${spec.mistakes.join('; ')}.`);
    if (asked === 'NotAsked') {
      return this.#stall(
        'NotRequested',
        `The run ${spec.value.run.id} of DatabaseMigration ${spec.value.run.migration} does not ask for this backup. Backups are made by the operator in a run; delete this one.`,
      );
    }
    this.#pursue(spec.value);
  }

  #pursue(spec: BackupSpec): void {
    const step = this.#step();
    if (step.job === undefined || (step.retryTime !== undefined && this.#since(step.retryTime) >= 0))
      return this.#newJob(spec, step);
    if (step.retryTime !== undefined) return this.#wait(-this.#since(step.retryTime), step.message ?? '');
    const run = { name: 'BackUp' as never, state: 'Active' as const, startTime: this.#world.now, job: step.job };
    const attempt = readAttempt(this.#world, run, madeFor(this.#world, step.tries));
    switch (attempt.state) {
      case 'Missing':
        return this.#createUnlessRefused(spec, step, step.job.name);
      case 'NotOurs':
        return this.#nameTaken(step.job.name);
      case 'Running':
        step.job = { name: step.job.name, uid: attempt.job.uid };
        for (const { notReadySince } of attempt.job.pods)
          if (notReadySince !== undefined) this.#lookIn(NODE_LOST_SECONDS - this.#since(notReadySince));
        return this.#progress('BackingUp', `The backup is being taken.${drain(spec)}`);
      case 'Starting': {
        step.job = { name: step.job.name, uid: attempt.job.uid };
        const left = spec.job.startDeadlineSeconds - this.#since(attempt.job.createdTime);
        const isRefused = attempt.waiting.reason === 'RequestRefused';
        this.#progress(
          isRefused ? 'RequestRefused' : 'BackingUp',
          `The Job that backs up is starting: ${attempt.waiting.message}.`,
        );
        if (left > 0) return this.#lookIn(left);
        return this.#stall(
          'PodNotStarted',
          `The Pod of Job ${attempt.job.name} did not start in ${spec.job.startDeadlineSeconds} s: ${attempt.waiting.message}.`,
        );
      }
      case 'Lost':
        return this.#lost(spec, step, attempt.cause, attempt.message);
      case 'Answered':
        if (attempt.result.kind !== 'BackupResult')
          return this.#lost(spec, step, 'Crashed', 'its answer was of another kind');
        return this.#answered(spec, step, attempt.exitCode, attempt.result);
    }
  }

  #answered(spec: BackupSpec, step: Step, exitCode: number, result: JobResultOf<'BackupResult'>): void {
    if (exitCode === 0 && result.backup !== undefined) return this.#complete(result.backup);
    const { code, message } = result.error ?? { code: 'JobCrashed', message: `exit code ${exitCode}` };
    if (exitCode >= 10 && exitCode <= 13) this.#again(spec, step, code, message);
    else this.#stall(code, message);
  }

  #lost(spec: BackupSpec, step: Step, cause: string, message: string): void {
    const reason = cause === 'Crashed' || cause === 'Gone' ? 'JobCrashed' : cause;
    if (step.tries >= CRASH_LIMIT || cause === 'OutOfMemory' || cause === 'DeadlineExceeded')
      return this.#stall(reason, `The backup could not be taken: ${message}.`);
    this.#again(spec, step, 'BackingUp', `The attempt was lost: ${message}.`);
  }

  #complete(backup: NonNullable<JobResultOf<'BackupResult'>['backup']>): void {
    Object.assign(this.#status, backup);
    this.#status.completionTime = this.#world.now;
    const message = `${backup.rowCount} rows in ${backup.tableCount} tables, ${backup.sizeBytes} bytes, at ${backup.location} on the volume; read back to the end.`;
    this.#set('Complete', 'True', 'Complete', message);
    this.#clear('Reconciling');
    this.#events.push({ type: 'Normal', reason: 'Complete', message });
  }

  #again(spec: BackupSpec, step: Step, reason: string, message: string): void {
    if (this.#since(spec.deadline) >= 0) return this.#stall(reason, `No backup by ${spec.deadline}: ${message}`);
    step.reason = reason;
    step.message = message.slice(0, 4000);
    step.retryTime = toTime(Date.parse(this.#world.now) + jobRetrySeconds(step.tries) * 1000);
    this.#wait(jobRetrySeconds(step.tries), message);
  }

  #wait(seconds: number, message: string): void {
    const { reason, retryTime } = this.#step();
    this.#progress(reason ?? 'BackingUp', `${sentence(message)} Trying again at ${retryTime ?? 'once'}.`);
    this.#lookIn(seconds);
  }

  #newJob(spec: BackupSpec, step: Step): void {
    step.tries += 1;
    step.job = { name: jobName(this.#world, step.tries) };
    delete step.retryTime;
    this.#status.startTime ??= this.#world.now;
    this.#create(spec, step);
  }

  /** A Job that the API server does not take has as long as its Pod would have had to start. */
  #createUnlessRefused(spec: BackupSpec, step: Step, name: string): void {
    const refusal = this.#world.refusals.find(one => one.act === `CreateJob ${name}`);
    if (refusal === undefined) return this.#create(spec, step);
    if (refusal.why === 'NameTaken') return this.#nameTaken(name);
    const limit = spec.job.startDeadlineSeconds;
    const left = limit - this.#since(refusal.since);
    const words = phrase(refusal.message);
    if (left <= 0) return this.#stall('PodNotStarted', `Job ${name} was refused for ${limit} s: ${words}.`);
    this.#create(spec, step);
    this.#progress(
      'RequestRefused',
      `The API server refuses the Job that backs up: ${words}. It is tried again by itself.`,
    );
    this.#lookIn(left);
  }

  #nameTaken(name: string): void {
    this.#stall('JobNameTaken', `A Job named ${name} exists and is not ours. Delete it.`);
  }

  #create(spec: BackupSpec, step: Step): void {
    this.#progress('BackingUp', 'The Job that backs up is being made.');
    this.#actions.push({ do: 'CreateJob', request: requestFor(this.#world, spec, step.tries) });
  }

  #step(): Step {
    const [existing] = this.#status.steps ?? [];
    if (existing !== undefined) return existing;
    const step: Step = { name: 'BackUp', tries: 0 };
    this.#status.steps = [step];
    return step;
  }

  #isEnded(): boolean {
    return this.#condition('Complete')?.status === 'True' || this.#condition('Stalled')?.status === 'True';
  }

  /** What never started is deleted, what has finished is handed to the garbage collector. */
  #sweep(): void {
    const { tries = 0 } = this.#status.steps?.[0] ?? {};
    const ours = new Set(Array.from({ length: tries }, (_, index) => madeFor(this.#world, index + 1)));
    for (const job of this.#world.jobs) {
      if (job.deleting || !ours.has(job.madeFor)) continue;
      const hasStarted = job.pods.some(pod => pod.container !== 'Waiting');
      if (job.finished !== undefined && !job.adopted)
        this.#actions.push({ do: 'AdoptJob', name: job.name, uid: job.uid });
      else if (job.finished === undefined && !hasStarted)
        this.#actions.push({ do: 'DeleteJob', name: job.name, uid: job.uid });
    }
    this.#sayRefused();
  }

  /** What it has ended with stays said, and what is refused of the tidying up stands behind it for as long as it is. */
  #sayRefused(): void {
    const acts = new Set(this.#actions.map(backupActKey));
    const refusal = this.#world.refusals.find(one => acts.has(one.act));
    const added = refusal === undefined ? '' : `${REFUSED}${phrase(refusal.message)}. It is tried again by itself.`;
    for (const type of ['Complete', 'Stalled']) {
      const before = this.#condition(type);
      if (before === undefined) continue;
      const message = `${before.message.split(REFUSED)[0]}${added}`;
      if (before.message !== message) this.#set(type, before.status, before.reason, message);
    }
  }

  #progress(reason: string, message: string): void {
    this.#set('Complete', 'False', reason, message);
    this.#set('Reconciling', 'True', reason, message);
  }

  #stall(reason: string, message: string): void {
    this.#clear('Reconciling');
    this.#set('Complete', 'False', reason, message);
    this.#set('Stalled', 'True', reason, message);
    this.#events.push({ type: 'Warning', reason, message: cut(message) });
  }

  #condition(type: string): Condition | undefined {
    return this.#status.conditions?.find(condition => condition.type === type);
  }

  #clear(type: string): void {
    this.#status.conditions = (this.#status.conditions ?? []).filter(condition => condition.type !== type);
  }

  #set(type: string, status: Condition['status'], reason: string, message: string): void {
    const before = this.#condition(type);
    this.#status.observedGeneration = this.#world.generation;
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : this.#world.now;
    const condition: Condition = {
      type,
      status,
      reason,
      message: message.slice(0, 8000),
      lastTransitionTime,
      observedGeneration: this.#world.generation,
    };
    const others = (this.#status.conditions ?? []).filter(other => other.type !== type);
    this.#status.conditions = [...others, condition].toSorted((a, b) => a.type.localeCompare(b.type));
  }

  #since(time: string): number {
    return (Date.parse(this.#world.now) - Date.parse(time)) / 1000;
  }

  #lookIn(seconds: number): void {
    this.#lookAgainMs = Math.max(250, Math.ceil(seconds * 1000));
  }
}

/** Worded to be true before and after, because the Job does not say when the sessions have left. */
function drain({ sessionCheck }: BackupSpec): string {
  if (sessionCheck === undefined) return '';
  return ` Its Job begins once no session of the app is left in the database, for which it waits up to ${sessionCheck.drainSeconds} s.`;
}
