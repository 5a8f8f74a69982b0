// Everything true that matters to one DatabaseMigration, as plain frozen data, `now` included. `observe.ts` fills it in;
// `decide.ts` reads nothing else.
import type { BackupStatus, MigrationSpec, MigrationStatus, Parsed } from '../../api/parse.ts';
import type { Refusal } from '../refusals.ts';

export interface World {
  /** RFC 3339, whole seconds. */
  readonly now: string;
  readonly resource: ResourceView;
  readonly spec: Parsed<MigrationSpec>;
  readonly status: Parsed<MigrationStatus>;
  /** Hash of (uid of kube-system, namespace, name): who owns the database. */
  readonly owner: string;
  readonly namespace: 'Active' | 'Terminating';
  /** Older resources that claim the same Secret, key and ledger schema. */
  readonly rivals: readonly string[];
  /** Other resources whose committed run uses the same backup volume now. */
  readonly volumeUsers: readonly string[];
  readonly sources: readonly SourceView[];
  /**
   * The highest numbers that its Jobs and backups carry, where the status has no run: who wipes the status must not make
   * the answer of an old Job, or an old backup, that of a new run.
   */
  readonly handedOut?: { readonly run: number; readonly attempt: number };
  readonly jobs: readonly JobView[];
  /** What the API server would not take from the last passes, and is tried again. */
  readonly refusals: readonly Refusal[];
  readonly workloads: readonly WorkloadView[];
  /** What else than a person scales workloads here; absent: not looked for in this pass. */
  readonly scalers?: readonly ScalerView[];
  /** The DatabaseBackup that `status.run.backup` names. */
  readonly backup?: BackupView;
}

export interface ResourceView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly deletionTime?: string;
  readonly finalizer: 'Present' | 'Absent';
  readonly retryToken?: string;
  /** Id of another owner whose database is to become this resource's. */
  readonly adopts?: string;
  /** Digest of the downgrade whose losses a person has accepted. */
  readonly confirmsDowngrade?: string;
}

export interface SourceView {
  readonly name: string;
  /** Absent: the ConfigMap does not exist. */
  readonly found?: { readonly uid: string; readonly resourceVersion: string };
  /** Names like it, when it does not exist. */
  readonly near?: readonly string[];
}

export interface JobView {
  readonly name: string;
  readonly uid: string;
  readonly createdTime: string;
  /** Of the step that it carries; from its label. */
  readonly step: string;
  /** Digest of what it was made for. */
  readonly madeFor: string;
  readonly finished?: { readonly as: 'Complete' | 'Failed'; readonly reason: string; readonly message: string };
  readonly deleting: boolean;
  /** Whether its result was taken and it was handed to the garbage collector. */
  readonly adopted: boolean;
  readonly pods: readonly PodView[];
  /** Why it has no Pod, in the words of the API server. */
  readonly podRefused?: string;
}

export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly phase: string;
  readonly deletionTime?: string;
  /** Whether the container has or may have run. */
  readonly container: 'Waiting' | 'Running' | 'Terminated';
  readonly waiting?: { readonly reason: string; readonly message: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message: string };
  /** Why kubelet ended or refused the whole Pod: evicted, preempted, the node shut down. */
  readonly endedByNode?: { readonly reason: string; readonly message: string };
  /** Since when the node does not answer for a running container. */
  readonly notReadySince?: string;
}

export interface WorkloadView {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly name: string;
  /** Absent: it does not exist. */
  readonly found?: LiveWorkload;
  /** Names like it, when it does not exist. */
  readonly near?: readonly string[];
}

export interface LiveWorkload {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly replicas: number;
  readonly statusReplicas: number;
  readonly updatedReplicas: number;
  readonly availableReplicas: number;
  readonly revision: string;
  readonly updateStrategy: string;
  /** Field manager that wrote `spec.replicas`. */
  readonly scaledBy: string;
  readonly mark?: { readonly uid: string; readonly run: number; readonly replicas: number };
  readonly minVersion?: string;
  readonly maxVersion?: string;
  readonly restartedFor?: string;
  /** Pods that have not ended; empty, because unread, while every replica is updated and available and none is left over. */
  readonly pods: readonly { readonly name: string; readonly uid: string; readonly problem?: string }[];
}

/** A ScaledObject of KEDA. A plain HorizontalPodAutoscaler rests while its workload is at zero, so nobody asks for it. */
export interface ScalerView {
  readonly name: string;
  readonly kind: string;
  /** Name of the workload of that kind which it scales. */
  readonly scales: string;
}

export interface BackupView {
  readonly name: string;
  readonly uid: string;
  readonly migrationUid: string;
  readonly status: BackupStatus;
}
