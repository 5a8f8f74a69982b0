// Reading one attempt, that is one Job and its Pod: has it started, does it run, what did it answer, or was it lost?
// Pure; the steps decide what an answer means.
import { isExitCode } from '../../api/exit-codes.ts';
import { type JobResult, parseJobResult } from '../../api/job-contract.ts';
import type { RunStep } from '../../api/parse.ts';
import { phrase, withoutSecrets } from './wording.ts';
import type { JobView, PodView, World } from './world.ts';

/** Why an attempt ended without an answer. */
export type LossCause = 'Crashed' | 'OutOfMemory' | 'DeadlineExceeded' | 'Gone';

export type Attempt =
  /** No Job of that name exists, and none was seen: it is still to be created. */
  | { readonly state: 'Missing' }
  | { readonly state: 'NotOurs' }
  | {
      readonly state: 'Starting';
      readonly job: JobView;
      readonly waiting: { readonly reason: string; readonly message: string };
    }
  | { readonly state: 'Running'; readonly job: JobView }
  | { readonly state: 'Answered'; readonly job: JobView; readonly exitCode: number; readonly result: JobResult }
  | { readonly state: 'Lost'; readonly job?: JobView; readonly cause: LossCause; readonly message: string };

/** A Pod whose node does not answer for this long counts as lost; the database fence makes that safe. */
export const NODE_LOST_SECONDS = 60;

export function readAttempt(world: Pick<World, 'now' | 'jobs'>, step: RunStep, madeFor: string): Attempt {
  const record = step.job;
  const job = world.jobs.find(candidate => candidate.name === record?.name);
  if (record === undefined || (job === undefined && record.uid === undefined)) return { state: 'Missing' };
  if (job === undefined || (record.uid !== undefined && record.uid !== job.uid)) {
    return { state: 'Lost', cause: 'Gone', message: `its Job ${record.name} was deleted before it had answered` };
  }
  if (job.madeFor !== madeFor) return { state: 'NotOurs' };
  const pod = job.pods.find(candidate => candidate.terminated !== undefined) ?? job.pods.at(-1);
  if (pod?.terminated !== undefined) {
    const { message, ...ended } = pod.terminated;
    return readTerminated(job, pod, { ...ended, message: withoutSecrets(message) });
  }
  if (job.finished?.as === 'Failed') return lostJob(job, job.finished);
  if (job.deleting && pod === undefined) {
    return { state: 'Lost', job, cause: 'Gone', message: `its Job ${job.name} was deleted` };
  }
  if (pod !== undefined && isNodeLost(world, pod)) {
    return { state: 'Lost', job, cause: 'Gone', message: `the node of its Pod ${pod.name} does not answer` };
  }
  if (pod?.container === 'Running') return { state: 'Running', job };
  return { state: 'Starting', job, waiting: waitingFor(job, pod) };
}

/** Whether a container of this attempt has run or may have. */
export function mayHaveStarted(attempt: Attempt): boolean {
  if (attempt.state === 'Missing' || attempt.state === 'NotOurs') return false;
  if (attempt.state === 'Starting') return attempt.job.pods.some(pod => pod.container !== 'Waiting');
  if (attempt.state === 'Lost')
    return (
      attempt.job === undefined ||
      attempt.job.pods.length === 0 ||
      attempt.job.pods.some(pod => pod.container !== 'Waiting')
    );
  return true;
}

function readTerminated(job: JobView, pod: PodView, ended: NonNullable<PodView['terminated']>): Attempt {
  const result = parseJobResult(ended.message);
  if (result !== undefined && result.exitCode === ended.exitCode && isExitCode(ended.exitCode)) {
    return { state: 'Answered', job, exitCode: ended.exitCode, result };
  }
  if (ended.reason === 'OOMKilled') {
    return {
      state: 'Lost',
      job,
      cause: 'OutOfMemory',
      message: `the container of Pod ${pod.name} ran out of memory (limit: spec.job.resources.limits.memory)`,
    };
  }
  if (job.finished?.reason === 'DeadlineExceeded') return lostJob(job, job.finished);
  if (pod.endedByNode !== undefined) return endedByNode(job, pod, pod.endedByNode);
  const tail = result === undefined && ended.message !== '' ? `; its last lines: ${ended.message.slice(-600)}` : '';
  return {
    state: 'Lost',
    job,
    cause: 'Crashed',
    message: `the container of its Job ${job.name} ended with exit code ${ended.exitCode} (${ended.reason}) and no answer${tail}`,
  };
}

function lostJob(job: JobView, finished: NonNullable<JobView['finished']>): Attempt {
  if (finished.reason === 'DeadlineExceeded') {
    return {
      state: 'Lost',
      job,
      cause: 'DeadlineExceeded',
      message: `its Job ${job.name} ran past its time limit (spec.job.timeoutSeconds)`,
    };
  }
  const pod = job.pods.findLast(candidate => candidate.endedByNode !== undefined);
  if (pod?.endedByNode !== undefined) return endedByNode(job, pod, pod.endedByNode);
  return { state: 'Lost', job, cause: 'Gone', message: `its Pod went away without an answer (${finished.reason})` };
}

function endedByNode(job: JobView, pod: PodView, why: NonNullable<PodView['endedByNode']>): Attempt {
  const words = why.message === '' ? '' : `: ${phrase(why.message)}`;
  return {
    state: 'Lost',
    job,
    cause: 'Gone',
    message: `its Pod ${pod.name} was ended by its node (${why.reason}${words})`,
  };
}

function isNodeLost(world: Pick<World, 'now'>, pod: PodView): boolean {
  const since = pod.notReadySince;
  return since !== undefined && Date.parse(world.now) - Date.parse(since) >= NODE_LOST_SECONDS * 1000;
}

/** Kubelet's and the scheduler's words for why a container does not start, as reasons of ours. */
function waitingFor(job: JobView, pod: PodView | undefined): { reason: string; message: string } {
  const waiting = pod?.waiting;
  if (pod === undefined && job.podRefused !== undefined)
    return { reason: 'RequestRefused', message: `its Pod is refused: ${phrase(job.podRefused)}` };
  if (pod === undefined || waiting === undefined)
    return { reason: 'WaitingForPod', message: 'its Pod is being started' };
  return { reason: waitingReason(waiting.reason, waiting.message), message: phrase(withoutSecrets(waiting.message)) };
}

function waitingReason(reason: string, message: string): string {
  if (reason === 'CreateContainerConfigError') {
    return /secret|key/i.test(message)
      ? 'WaitingForSecret'
      : /configmap/i.test(message)
        ? 'WaitingForSource'
        : 'WaitingForPod';
  }
  if (reason.includes('Image') || reason === 'ErrImagePull') return 'WaitingForImage';
  if (reason === 'Unschedulable')
    return /persistentvolumeclaim|volume/i.test(message) ? 'WaitingForVolume' : 'WaitingForNode';
  return 'WaitingForPod';
}
