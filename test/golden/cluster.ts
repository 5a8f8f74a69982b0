// A cluster in memory, as much of one as a decision can see or change: Jobs with their Pods, workloads, backups. It does
// what actions ask with the API server's preconditions, and lets things happen to what is there. No clock of its own.
import type { JobInput } from '../../src/api/job-contract.ts';
import type { Action, JobRequest, WorkloadTarget } from '../../src/operator/migration/actions.ts';
import type {
  BackupView,
  JobView,
  LiveWorkload,
  PodView,
  SourceView,
  WorkloadView,
} from '../../src/operator/migration/world.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type MutableWorkload = Mutable<Omit<LiveWorkload, 'pods'>> & { pods: LiveWorkload['pods'][number][] };

export interface PlayedJob {
  view: Mutable<Omit<JobView, 'pods'>> & { pods: Mutable<PodView>[] };
  readonly request: JobRequest;
}

/** What the API server answers to a write that was decided on an older version. */
export class Conflict extends Error {}

export class Cluster {
  readonly jobs = new Map<string, PlayedJob>();
  readonly workloads = new Map<string, MutableWorkload>();
  readonly missing = new Map<string, readonly string[]>();
  readonly backups = new Map<string, BackupView>();
  readonly sources = new Map<string, SourceView>();
  finalizer: 'Present' | 'Absent' = 'Absent';
  /** How many Jobs were ever made. */
  made = 0;

  /** Does one action at a time `now`, as the API server would. A repeat of a creation or deletion does nothing. */
  do(action: Action, now: string, uid: string): void {
    switch (action.do) {
      case 'AddFinalizer':
        this.finalizer = 'Present';
        return;
      case 'RemoveFinalizer':
        this.finalizer = 'Absent';
        return;
      case 'CreateJob':
        return this.#createJob(action.request, now);
      case 'DeleteJob': {
        if (this.jobs.get(action.name)?.view.uid === action.uid) this.jobs.delete(action.name);
        return;
      }
      case 'AdoptJob': {
        const job = this.jobs.get(action.name);
        if (job?.view.uid === action.uid) job.view.adopted = true;
        return;
      }
      case 'CreateBackup':
        if (!this.backups.has(action.name))
          this.backups.set(action.name, {
            name: action.name,
            uid: `uid-of-${action.name}`,
            migrationUid: uid,
            status: { observedGeneration: -1 },
          });
        return;
      case 'DeleteBackup':
        this.backups.delete(action.name);
        return;
      case 'DeletePod':
        for (const workload of this.workloads.values())
          workload.pods = workload.pods.filter(pod => pod.uid !== action.uid);
        return;
      default:
        return this.#change(action);
    }
  }

  #createJob(request: JobRequest, now: string): void {
    if (this.jobs.has(request.name)) return;
    this.made += 1;
    const uid = `job-${this.made}`;
    const pods: Mutable<PodView>[] = [
      { name: `${request.name}-x`, uid: `pod-of-${uid}`, phase: 'Pending', container: 'Waiting' },
    ];
    const view = {
      name: request.name,
      uid,
      createdTime: now,
      step: request.step,
      madeFor: request.madeFor,
      deleting: false,
      adopted: false,
    };
    this.jobs.set(request.name, { view: { ...view, pods }, request });
  }

  #change(action: Extract<Action, { workload: WorkloadTarget }>): void {
    const { kind, name, uid, resourceVersion } = action.workload;
    const workload = this.workloads.get(`${kind}/${name}`);
    if (workload?.uid !== uid) throw new Conflict(`${kind} ${name} is another`);
    if (action.do !== 'UnmarkWorkload' && workload.resourceVersion !== resourceVersion)
      throw new Conflict(`${kind} ${name} has changed`);
    touch(workload);
    if (action.do === 'MarkWorkload') {
      const [by = '', run = ''] = action.by.split('/');
      workload.mark = { uid: by, run: Number(run), replicas: action.replicas };
    } else if (action.do === 'UnmarkWorkload') delete workload.mark;
    else if (action.do === 'ScaleWorkload') {
      workload.replicas = action.replicas;
      workload.scaledBy = 'migration-operator-scale';
      workload.generation += 1;
      workload.observedGeneration += 1;
    } else {
      workload.restartedFor = action.restartedFor;
      workload.generation += 1;
      workload.updatedReplicas = 0;
    }
  }

  /** The Job that was made last for a step. */
  jobOf(step: JobInput['step']): PlayedJob | undefined {
    return [...this.jobs.values()].findLast(job => job.request.step === step);
  }

  jobViews(): readonly JobView[] {
    return [...this.jobs.values()].map(job => job.view).toSorted((a, b) => a.name.localeCompare(b.name));
  }

  workloadViews(names: readonly { kind: WorkloadView['kind']; name: string }[]): readonly WorkloadView[] {
    return names.map(({ kind, name }) => {
      const found = this.workloads.get(`${kind}/${name}`);
      const near = this.missing.get(`${kind}/${name}`) ?? [];
      return found === undefined ? { kind, name, near } : { kind, name, found };
    });
  }

  /** The controllers and the kubelet have done what the count asks. */
  settleWorkloads(): void {
    for (const [key, workload] of this.workloads) {
      const name = key.slice(key.indexOf('/') + 1);
      const { replicas } = workload;
      workload.observedGeneration = workload.generation;
      workload.statusReplicas = replicas;
      workload.updatedReplicas = replicas;
      workload.availableReplicas = replicas;
      workload.pods = podsOf(name, replicas);
    }
  }
}

/** Something was written to it. */
export function touch(workload: MutableWorkload): void {
  workload.resourceVersion = String(Number(workload.resourceVersion) + 1);
}

export function podsOf(name: string, count: number): MutableWorkload['pods'] {
  return Array.from({ length: count }, (_, index) => ({ name: `${name}-${index}`, uid: `pod-${name}-${index}` }));
}

export function newWorkload(name: string, replicas: number): MutableWorkload {
  return {
    uid: `uid-of-${name}`,
    resourceVersion: '100',
    generation: 1,
    observedGeneration: 1,
    replicas,
    statusReplicas: replicas,
    updatedReplicas: replicas,
    availableReplicas: replicas,
    revision: '4',
    updateStrategy: 'RollingUpdate',
    scaledBy: 'kubectl-client-side-apply',
    pods: podsOf(name, replicas),
  };
}

export function runJob(job: PlayedJob): void {
  const [pod] = job.view.pods;
  if (pod === undefined) return;
  pod.phase = 'Running';
  pod.container = 'Running';
  delete pod.waiting;
}

/** The container ends with these last words, and so does the Job. */
export function endJob(job: PlayedJob, how: { exitCode: number; reason: string }, message: string): void {
  const [pod] = job.view.pods;
  if (pod !== undefined) {
    pod.phase = how.exitCode === 0 ? 'Succeeded' : 'Failed';
    pod.container = 'Terminated';
    pod.terminated = { ...how, message };
    delete pod.waiting;
  }
  job.view.finished =
    how.exitCode === 0
      ? { as: 'Complete', reason: 'CompletionsReached', message: '' }
      : { as: 'Failed', reason: 'BackoffLimitExceeded', message: '' };
}
