// Every condition type and every reason that the operator itself gives, with what it means and what to do: the one
// source of docs/conditions.md. Reasons that a Job gives (MigrationFailed, FileChanged, …) are the codes of the engine's
// error catalogue; they appear on `Ready`, `Stalled` and the condition of the step.

interface ReasonText {
  readonly meaning: string;
  readonly remedy: string;
}
interface ConditionText {
  readonly meaning: string;
  readonly reasons: Readonly<Record<string, ReasonText>>;
}

const NOTHING = 'Nothing.';
const WAIT = 'Wait; it goes on by itself.';

export const CONDITION_TABLE = {
  Ready: {
    meaning: 'Sums up: the database is at its target and the app runs on it.',
    reasons: {
      UpToDate: { meaning: 'The database is at the target, and nothing is left to do.', remedy: NOTHING },
      AwaitingManifest: {
        meaning: "The database is at the target; the app's manifest for it has not come yet.",
        remedy: 'Apply the manifest whose min-version annotation names the target. Sync waves do that by themselves.',
      },
      Suspended: { meaning: '`spec.suspend` is true.', remedy: 'Set `spec.suspend` to false.' },
      Planning: { meaning: 'A Job reads what would run.', remedy: WAIT },
      Stopping: { meaning: 'The app is being stopped.', remedy: WAIT },
      BackingUp: { meaning: 'The backup is being taken.', remedy: WAIT },
      Migrating: { meaning: 'The migrations run.', remedy: WAIT },
      Settling: {
        meaning: 'An attempt to migrate failed or was lost; the database is asked, behind the fence, what it did.',
        remedy: 'Wait. If it lasts, the message names the session or the error that stands in the way.',
      },
      Starting: { meaning: 'The app is being started.', remedy: WAIT },
      Validating: { meaning: 'The checks of `spec.validation` run.', remedy: WAIT },
      WaitingForSource: {
        meaning: 'A ConfigMap of `spec.source` is not there.',
        remedy: 'Create it, or mend its name.',
      },
      WaitingForSecret: {
        meaning: 'The Secret or the key of `spec.database.urlSecretRef` is not there.',
        remedy: 'Create it, or mend its name.',
      },
      WaitingForImage: {
        meaning: "The Job's image cannot be pulled.",
        remedy: "Mend the operator's RUNNER_IMAGE or the registry.",
      },
      WaitingForVolume: {
        meaning: 'The backup volume cannot be mounted, or another run uses it.',
        remedy: 'Create the claim of `spec.backup.storage`, or wait for the other run.',
      },
      WaitingForNode: {
        meaning: "No node takes the Job's Pod.",
        remedy: 'See the message: resources, node selector, taints.',
      },
      WaitingForPod: { meaning: "The Job's Pod does not start.", remedy: 'See the message and the events of the Job.' },
      SourceChanged: { meaning: 'A ConfigMap changed under the same name; a new plan is made.', remedy: WAIT },
    },
  },
  Reconciling: {
    meaning:
      'Present and True while the operator works or waits for what time may heal. Its reason is that of `Ready`.',
    reasons: { Queued: { meaning: 'The spec was edited during a run; the edit waits for its end.', remedy: WAIT } },
  },
  Stalled: {
    meaning: 'Present and True when nothing will happen until a person acts. Its reason is that of `Ready`.',
    reasons: {
      InvalidSpec: { meaning: 'The spec contradicts itself.', remedy: 'Mend the fields that the message names.' },
      StatusUnreadable: {
        meaning: 'The status was edited by hand or by a newer operator.',
        remedy: 'Undo the edit. If no run is under way, delete and recreate the resource.',
      },
      ClaimedByOther: {
        meaning: 'An older resource names the same Secret, key and ledger schema.',
        remedy: 'Delete one of the two.',
      },
      DowngradeNotSupported: {
        meaning: 'The target is lower than what is applied.',
        remedy: 'Set the target back to the applied version.',
      },
      ManifestAhead: {
        meaning: 'The database stayed at the old version; the app is stopped because its manifest needs the new one.',
        remedy: 'Apply the manifest for the old version: the app then starts by itself.',
      },
      ManifestOverdue: {
        meaning: 'The app was stopped for a new version, and its manifest has not come in time.',
        remedy: 'Apply the manifest that fits the version: the app then starts by itself.',
      },
      StoppedTooLong: {
        meaning: 'The app had been stopped for `maxStoppedSeconds` before the migration could begin.',
        remedy: 'Mend what the message names, then ask for a retry.',
      },
      ReplicasContested: {
        meaning: 'Someone else raised the replicas while the app was held at zero.',
        remedy: 'Take the replicas out of what that manager applies, then ask for a retry.',
      },
      PodNotStarted: {
        meaning: "A Job's Pod did not start in time while the app was stopped.",
        remedy: 'See the message.',
      },
      JobCrashed: {
        meaning: 'A Job ended several times without an answer.',
        remedy: "Read the Job's log, then ask for a retry.",
      },
      OutOfMemory: { meaning: 'A Job ran out of memory.', remedy: 'Raise `spec.job.resources.limits.memory`.' },
      DeadlineExceeded: {
        meaning: 'A Job ran longer than `spec.job.timeoutSeconds`.',
        remedy: 'Raise it, or make the migration shorter.',
      },
      JobNameTaken: { meaning: 'A Job of the needed name exists and is not ours.', remedy: 'Delete or rename it.' },
      BackupNameTaken: { meaning: 'A DatabaseBackup of the needed name exists and is not ours.', remedy: 'Delete it.' },
      RolloutFailed: {
        meaning: 'The app did not come up in `progressDeadlineSeconds`.',
        remedy: 'See the message; release code that starts.',
      },
      ValidationFailed: { meaning: 'A check did not answer yes in time.', remedy: 'See the message.' },
      PlanKeepsChanging: {
        meaning: 'The database changed under three plans in a row.',
        remedy: 'Find who else migrates it.',
      },
      Deleted: { meaning: 'The resource was deleted during a run.', remedy: NOTHING },
      UnsupportedWorkload: { meaning: 'A workload cannot be handled.', remedy: 'See the message.' },
    },
  },
  Planned: {
    meaning: 'Whether the current plan is known.',
    reasons: { Planned: { meaning: 'A Job said what would run.', remedy: NOTHING } },
  },
  BackedUp: {
    meaning: 'Whether this run has a complete backup.',
    reasons: {
      Complete: { meaning: 'The DatabaseBackup named in the message is complete.', remedy: NOTHING },
      NotRequired: { meaning: '`spec.backup.policy` is Never, or nothing is to be migrated.', remedy: NOTHING },
      Pending: { meaning: 'Its turn has not come.', remedy: NOTHING },
    },
  },
  Migrated: {
    meaning: 'Whether the database is at the target.',
    reasons: {
      AtTarget: { meaning: 'It is.', remedy: NOTHING },
      Pending: { meaning: 'Its turn has not come.', remedy: NOTHING },
    },
  },
  RolledOut: {
    meaning: 'Whether the app runs as it should.',
    reasons: {
      Started: { meaning: 'All workloads are fully up.', remedy: NOTHING },
      NotManaged: { meaning: 'The strategy is None, or no workload is listed.', remedy: NOTHING },
      Stopped: { meaning: 'The app is stopped.', remedy: WAIT },
      Restored: { meaning: 'After a failure the app was started again.', remedy: NOTHING },
      ManifestMissing: {
        meaning: 'A workload has not been there, or has not fitted, for ten minutes after the migration.',
        remedy: 'Apply its manifest, or mend its name in `spec.rollout.workloads`.',
      },
      Held: { meaning: 'After a failure the app is held at zero.', remedy: 'See the message of `Ready`.' },
      Pending: { meaning: 'Its turn has not come.', remedy: NOTHING },
    },
  },
  Validated: {
    meaning: 'Whether the checks said yes after the rollout.',
    reasons: {
      Passed: { meaning: 'All did.', remedy: NOTHING },
      NoChecks: { meaning: 'None is configured.', remedy: NOTHING },
      Pending: { meaning: 'Their turn has not come.', remedy: NOTHING },
    },
  },
} as const satisfies Readonly<Record<string, ConditionText>>;

export type ConditionType = keyof typeof CONDITION_TABLE;
/** The order in which conditions are written. */
export const CONDITION_TYPES = Object.keys(CONDITION_TABLE) as readonly ConditionType[];
