// Every condition type and every reason that the operator itself gives, once, with what it means and what to do: with
// job-reasons.ts the one source of docs/conditions.md. test/golden/reasons.test.ts demands that each is seen in a scene,
// on each of the conditions that it names, and that no scene shows one that is not here.

/** What a condition of a DatabaseMigration says, in the order in which they are written. */
export const CONDITION_MEANINGS = {
  Ready: 'Sums up: the database is at its target and the app runs on it.',
  Reconciling: 'Present and True while the operator works or waits for what time may heal.',
  Stalled: 'Present and True when nothing more happens until a person acts.',
  Planned: 'Whether it is known what has to be run.',
  BackedUp: 'Whether this run has a complete backup.',
  Migrated: 'Whether the database is at the target.',
  RolledOut: 'Whether the app runs as it should.',
  Validated: 'Whether the checks said yes after the rollout.',
  AuditDiffers:
    'Present and True when the audit in the database does not have the row that this resource had seen last; goes with the next plan that finds it whole.',
} as const;

/** The same for a DatabaseBackup, which has Reconciling and Stalled besides. */
export const BACKUP_CONDITION_MEANINGS = { Complete: 'Whether the backup is there, whole.' } as const;

export type ConditionType = keyof typeof CONDITION_MEANINGS;
export const CONDITION_TYPES = Object.keys(CONDITION_MEANINGS) as readonly ConditionType[];

/** What stands beside Ready (Complete on a backup) when this is its reason: work goes on, a person is needed, or neither. */
export type Outlook = 'Resting' | 'Reconciling' | 'Stalled';
type StepCondition = Exclude<ConditionType, 'Ready' | 'Reconciling' | 'Stalled'>;

interface Text {
  readonly meaning: string;
  readonly remedy: string;
}
interface Reason extends Text {
  /** As the reason of Ready; absent where it is given to conditions of steps only. */
  readonly outlooks?: readonly Outlook[];
  /** As the reason of a DatabaseBackup's Complete. */
  readonly backup?: Outlook;
  readonly steps: readonly StepCondition[];
  /** Where it means something of its own on a condition. */
  readonly on?: { readonly [Type in StepCondition | 'Complete']?: Text };
}

const NOTHING = 'Nothing.';
const WAIT = 'Wait; it goes on by itself.';
const AUDIT_REMEDY =
  'Nothing, if the database was restored on purpose: releases go on. Else find out who can write to the ledger; `migrate history --verify` checks what is left.';

const AT_REST = {
  UpToDate: {
    outlooks: ['Resting'],
    steps: [],
    meaning: 'The database is at the target, and nothing is left to do.',
    remedy: NOTHING,
  },
  AwaitingManifest: {
    outlooks: ['Resting'],
    steps: ['RolledOut'],
    meaning: "The database is at the target; the app's manifest for it has not come yet.",
    remedy:
      'Apply the manifest whose min-version annotation names the target; sync waves do that by themselves. If it is there, look for a mistyped name in `spec.rollout.workloads`.',
  },
  Suspended: {
    outlooks: ['Resting', 'Reconciling'],
    steps: ['Planned'],
    meaning: '`spec.suspend` is true: no run begins, and one that is under way makes no new attempt.',
    remedy: 'Set `spec.suspend` to false.',
  },
} as const satisfies Readonly<Record<string, Reason>>;

const AT_WORK = {
  Planning: {
    outlooks: ['Reconciling'],
    steps: ['Planned'],
    meaning: 'A Job reads which migrations have to be run.',
    remedy: WAIT,
  },
  SourceChanged: {
    outlooks: ['Reconciling'],
    steps: [],
    meaning: 'A ConfigMap changed under the same name; a new plan is made.',
    remedy: WAIT,
  },
  Stopping: { outlooks: ['Reconciling'], steps: ['RolledOut'], meaning: 'The app is being stopped.', remedy: WAIT },
  BackingUp: {
    outlooks: ['Reconciling'],
    backup: 'Reconciling',
    steps: ['BackedUp'],
    meaning: 'The backup is being taken.',
    remedy: WAIT,
  },
  Migrating: { outlooks: ['Reconciling'], steps: ['Migrated'], meaning: 'The migrations run.', remedy: WAIT },
  Settling: {
    outlooks: ['Reconciling'],
    steps: ['Migrated'],
    meaning: 'An attempt to migrate failed or was lost, and a Job asks the database what it did.',
    remedy: 'Wait. If it lasts, the message names the session or the error that stands in the way.',
  },
  Starting: { outlooks: ['Reconciling'], steps: ['RolledOut'], meaning: 'The app is being started.', remedy: WAIT },
  Validating: {
    outlooks: ['Reconciling'],
    steps: ['Validated'],
    meaning: 'The checks of `spec.validation` are being made.',
    remedy: WAIT,
  },
  Queued: { steps: [], meaning: 'The spec was edited during a run; the edit waits for its end.', remedy: WAIT },
} as const satisfies Readonly<Record<string, Reason>>;

const WAITING = {
  WaitingForSource: {
    outlooks: ['Reconciling'],
    steps: [],
    meaning: 'A ConfigMap of `spec.source` is not there.',
    remedy: 'Create it, or mend its name.',
  },
  WaitingForSecret: {
    outlooks: ['Reconciling'],
    steps: ['Planned'],
    meaning: 'The Secret or the key of `spec.database.urlSecretRef` is not there.',
    remedy: 'Create it, or mend its name.',
  },
  WaitingForImage: {
    outlooks: ['Reconciling'],
    steps: ['Planned'],
    meaning: "The Job's image cannot be pulled.",
    remedy: "Mend the operator's RUNNER_IMAGE, `spec.job.imagePullSecrets` or the registry.",
  },
  WaitingForVolume: {
    outlooks: ['Reconciling'],
    steps: ['Planned'],
    meaning: 'The backup volume cannot be mounted, or another run uses it.',
    remedy: 'Create the claim of `spec.backup.storage`, or wait for the other run.',
  },
  WaitingForNode: {
    outlooks: ['Reconciling'],
    steps: ['Planned'],
    meaning: "No node takes the Job's Pod.",
    remedy: 'The message has the words of the scheduler: resources, node selector, taints.',
  },
} as const satisfies Readonly<Record<string, Reason>>;

const STUCK = {
  InvalidSpec: {
    outlooks: ['Stalled'],
    backup: 'Stalled',
    steps: [],
    meaning: 'The spec contradicts itself.',
    remedy: 'Mend the fields that the message names.',
  },
  StatusUnreadable: {
    outlooks: ['Stalled'],
    steps: [],
    meaning: 'The status was edited by hand or by a newer operator.',
    remedy: 'Undo the edit. If no run is under way, delete and recreate the resource.',
  },
  ClaimedByOther: {
    outlooks: ['Stalled'],
    steps: [],
    meaning: 'An older resource names the same Secret, key and ledger schema.',
    remedy: 'Delete one of the two.',
  },
  DowngradeForbidden: {
    outlooks: ['Stalled'],
    steps: ['Planned'],
    meaning: 'The target is lower than what is applied, and `spec.safety.downgrade` is Forbid.',
    remedy: 'Set the target back to the applied version, or allow the downgrade.',
  },
  VersionAnnotationMissing: {
    outlooks: ['Stalled'],
    steps: [],
    meaning:
      'For a downgrade the app is stopped, and nothing says whether its code may be started on the lower version again.',
    remedy: 'Give the Pod template the annotation of the message; it goes on by itself.',
  },
  UnsupportedWorkload: {
    outlooks: ['Stalled'],
    steps: [],
    meaning: 'A workload cannot be handled.',
    remedy: 'The message names it and says what to change.',
  },
  ManifestAhead: {
    outlooks: ['Stalled'],
    steps: [],
    meaning: 'The database stayed at the old version; the app is stopped because its manifest needs the new one.',
    remedy: 'Apply the manifest for the old version: the app then starts by itself.',
  },
  ManifestOverdue: {
    outlooks: ['Stalled'],
    steps: ['RolledOut'],
    meaning: 'The app was stopped for a new version, and its manifest has not come in time.',
    remedy: 'Apply the manifest that fits the version: the app then starts by itself.',
  },
  StoppedTooLong: {
    outlooks: ['Stalled'],
    steps: ['BackedUp', 'Migrated'],
    meaning: 'The app had been stopped for `maxStoppedSeconds` before the migration could begin.',
    remedy: 'Mend what the message names, then ask for a retry.',
  },
  ReplicasContested: {
    outlooks: ['Stalled'],
    steps: ['BackedUp'],
    meaning: 'Someone else raised the replicas while the app was held at zero.',
    remedy: 'Take the replicas out of what that manager applies, then ask for a retry.',
  },
  RequestRefused: {
    outlooks: ['Reconciling'],
    backup: 'Reconciling',
    steps: ['Planned', 'BackedUp', 'Migrated'],
    meaning:
      'The API server does not take what the run needs to write, most often a Job or its Pod: a quota, an admission webhook, a right that is missing.',
    remedy:
      'The message has the words of the API server; mend that. It is tried again by itself before anything is stopped; after it for `spec.job.startDeadlineSeconds`.',
  },
  PodNotStarted: {
    outlooks: ['Stalled'],
    backup: 'Stalled',
    steps: ['Migrated'],
    meaning: "A Job's Pod did not start in time while the app was stopped.",
    remedy: 'The message has the words of the kubelet or the scheduler; mend that, then ask for a retry.',
  },
  JobCrashed: {
    outlooks: ['Stalled'],
    backup: 'Stalled',
    steps: ['Planned', 'Migrated', 'Validated'],
    meaning: 'A Job ended several times without an answer.',
    remedy: "Read the Job's log, then ask for a retry.",
  },
  OutOfMemory: {
    outlooks: ['Stalled'],
    backup: 'Stalled',
    steps: ['Planned', 'Migrated'],
    meaning: 'A Job ran out of memory.',
    remedy: 'Raise `spec.job.resources.limits.memory`; that alone runs it again.',
  },
  DeadlineExceeded: {
    outlooks: ['Stalled'],
    steps: ['Migrated'],
    meaning: 'A Job ran longer than `spec.job.timeoutSeconds`.',
    remedy: 'Raise it, or make the migration shorter.',
  },
  JobNameTaken: {
    outlooks: ['Stalled'],
    backup: 'Stalled',
    steps: ['Planned'],
    meaning: 'A Job of the needed name exists and is not ours.',
    remedy: 'Delete or rename it, then ask for a retry.',
  },
  BackupNameTaken: {
    outlooks: ['Stalled'],
    steps: ['BackedUp'],
    meaning: 'A DatabaseBackup of the needed name exists and belongs to another resource.',
    remedy: 'Delete it, then ask for a retry.',
  },
  RolloutFailed: {
    outlooks: ['Stalled'],
    steps: ['RolledOut'],
    meaning: 'The app did not come up in `progressDeadlineSeconds`.',
    remedy: 'The message names the Pod and its problem; release code that starts on this version.',
  },
  PlanKeepsChanging: {
    outlooks: ['Stalled'],
    steps: [],
    meaning: 'The database changed under three plans in a row.',
    remedy: 'Find who else migrates it, then ask for a retry.',
  },
  NotRequested: {
    backup: 'Stalled',
    steps: [],
    meaning: 'No run asks for this backup: the operator makes them, in a run.',
    remedy: 'Delete it.',
  },
} as const satisfies Readonly<Record<string, Reason>>;

/** Reasons of the conditions of steps alone. */
const OF_STEPS = {
  Pending: {
    steps: ['BackedUp', 'Migrated', 'RolledOut', 'Validated'],
    meaning: 'Its turn has not come.',
    remedy: NOTHING,
  },
  NotReached: {
    steps: ['BackedUp', 'Migrated', 'RolledOut', 'Validated'],
    meaning: 'The run failed before its turn came.',
    remedy: 'The message of `Ready` says what failed.',
  },
  Planned: { steps: ['Planned'], meaning: 'A Job said what has to be run.', remedy: NOTHING },
  Complete: {
    backup: 'Resting',
    steps: ['BackedUp'],
    meaning: 'The DatabaseBackup that the message names is complete.',
    remedy: NOTHING,
    on: { Complete: { meaning: 'It was written and read back to the end.', remedy: NOTHING } },
  },
  NotRequired: {
    steps: ['BackedUp'],
    meaning: '`spec.backup.policy` is Never, or nothing is to be migrated.',
    remedy: NOTHING,
  },
  AtTarget: { steps: ['Migrated'], meaning: 'It is.', remedy: NOTHING },
  Stopped: { steps: ['RolledOut'], meaning: 'The app is stopped for the migration.', remedy: WAIT },
  Started: { steps: ['RolledOut'], meaning: 'All workloads are fully up.', remedy: NOTHING },
  NotManaged: { steps: ['RolledOut'], meaning: 'The strategy is None, or no workload is listed.', remedy: NOTHING },
  ManifestMissing: {
    steps: ['RolledOut'],
    meaning: 'A workload has not been there, or has not fitted, for ten minutes after the migration.',
    remedy: 'Apply its manifest, or mend its name in `spec.rollout.workloads`.',
  },
  Restored: { steps: ['RolledOut'], meaning: 'After a failure the app was started again.', remedy: NOTHING },
  Held: {
    steps: ['RolledOut'],
    meaning: 'After a failure the app is held at zero.',
    remedy: 'The message of `Ready` says what lets it start.',
  },
  Deleted: {
    steps: ['Migrated'],
    meaning: 'The resource was deleted during a run, which was given up.',
    remedy: NOTHING,
  },
  RowsMissing: {
    steps: ['AuditDiffers'],
    meaning:
      'The audit in the database ends before the row that this resource has seen: the database was restored from a backup or is another one, or rows were removed.',
    remedy: AUDIT_REMEDY,
  },
  RowReplaced: {
    steps: ['AuditDiffers'],
    meaning:
      'The audit in the database has another row in the place of the one that this resource has seen: it was restored and migrated since, is another one, or was written anew.',
    remedy: AUDIT_REMEDY,
  },
  Passed: { steps: ['Validated'], meaning: 'All checks said yes.', remedy: NOTHING },
  NoChecks: { steps: ['Validated'], meaning: '`spec.validation` names no check.', remedy: NOTHING },
} as const satisfies Readonly<Record<string, Reason>>;

export const REASONS: Readonly<Record<string, Reason>> = { ...AT_REST, ...AT_WORK, ...WAITING, ...STUCK, ...OF_STEPS };
