// Generated from crds/databasemigrations.yaml by `npm run generate`; do not edit.

/**
 * What the database should be, and how it may be brought there.
 */
export interface DatabaseMigrationSpec {
  /**
   * While true, no new run starts, and a run that has stopped the app makes no new attempt to back up or to migrate. A Job that runs goes on; bringing the app back goes on. Default false.
   */
  suspend?: boolean;
  /**
   * The database to migrate.
   */
  database: {
    /**
     * The Secret of this namespace that holds the connection URL (`postgresql://user:password@host:5432/database`). The operator never reads it; the Pods of the Jobs do. Name the role that owns the tables, and connect directly, not through a pooler.
     */
    urlSecretRef: {
      /**
       * Name of the Secret.
       */
      name: string;
      /**
       * Key in the Secret whose value is the URL.
       */
      key: string;
    };
    /**
     * Schema of the ledger, the tables that say what was applied. Cannot change once a version is known: the history would seem lost. Default migrate.
     */
    ledgerSchema?: string;
    /**
     * Login roles of the application. Their sessions prove whether the app is really off, and they may ask for the current version. Empty means the role of the URL itself.
     *
     * @maxItems 16
     */
    appRoles?: string[];
  };
  /**
   * Where the migration files are.
   */
  source: {
    /**
     * ConfigMaps of this namespace with files named `<number>_<name>.up.sql` and `.down.sql`. All are merged. Use names with a hash of the content (kustomize makes them), so that a changed file is a changed spec.
     *
     * @minItems 1
     * @maxItems 64
     */
    configMapRefs: {
      /**
       * Name of the ConfigMap.
       */
      name: string;
    }[];
  };
  /**
   * The version to be at: the name of a migration without `.up.sql`, such as `006_ledger_tables`, or `latest` for the highest in the source.
   */
  target: string;
  /**
   * How a database is adopted that has tables, but no record of any migration: it was made by hand or by another tool. Without it such a database is `Stalled/BaselineNeeded`. It has no effect on an empty database, which gets every migration, nor once a version is recorded: leave it or remove it. Whose tables they are is not known: the first database that the Secret names is adopted as it is, and `Planned` has the names of its tables. Once `status.version` is set, a database without a record is `Stalled/RecordMissing` instead.
   */
  baseline?: {
    /**
     * The last migration that the database already has, such as `003_roles`. It and those before it are recorded as applied and not run; the run then goes on to `target`. The source must have their files.
     */
    version: string;
  };
  /**
   * What must not happen to the data without a person's word.
   */
  safety?: {
    /**
     * What becomes of a `target` below the version that the database is at, as after the revert of a release: the down scripts of what is above it are run, highest first, from the source or, where that no longer has them, from the ledger. `Forbid`: never. `WhenLossless`: if what they drop holds no rows; else the condition says what would be lost and how a person confirms it. `Allow`: whatever is lost. The app is stopped for it (but under rollout.strategy None), and its Pod template must say which version its code needs. `latest` never goes down. Default WhenLossless.
     */
    downgrade?: "Forbid" | "WhenLossless" | "Allow";
  };
  /**
   * The backup that is taken before anything is changed.
   */
  backup?: {
    /**
     * `Always`: no migration without a complete backup of the same run. `Never`: none is taken, and there is no way back to the data as it was. Default Always.
     */
    policy?: "Always" | "Never";
    /**
     * Where backups are kept.
     */
    storage?: {
      /**
       * A PersistentVolumeClaim of this namespace. Backups outlive the resource.
       */
      volumeClaim: {
        /**
         * Name of the claim.
         */
        name: string;
      };
    };
  };
  /**
   * What happens to the application around the migration.
   */
  rollout: {
    /**
     * `Recreate`: stop the app, back up, migrate, start it again. `Rolling`: migrate while the app runs (the migration must suit the old and the new code), then restart its Pods. `None`: touch nothing.
     */
    strategy: "Recreate" | "Rolling" | "None";
    /**
     * The Deployments and StatefulSets of this namespace that use the database.
     *
     * @maxItems 16
     */
    workloads?: {
      /**
       * API group of the workload.
       */
      apiGroup?: "apps";
      /**
       * Kind of the workload.
       */
      kind: "Deployment" | "StatefulSet";
      /**
       * Name of the workload.
       */
      name: string;
      /**
       * How many to start when the workload stands at zero and was never started by this resource (a first install). Otherwise the count from before the stop is restored.
       */
      replicas?: number;
    }[];
    /**
     * How long database sessions of the app, and Pods of a StatefulSet that does not scale down, may take to go away after the stop. Default 60.
     */
    drainSeconds?: number;
    /**
     * How long the app may take to be fully up after it was started. Default 600.
     */
    progressDeadlineSeconds?: number;
    /**
     * How long the app may be stopped before the migration has begun; then the run is given up and the app comes back. Once it has begun it is not interrupted. Default 900.
     */
    maxStoppedSeconds?: number;
    /**
     * How long an app that was stopped may wait for the manifest that fits the new version before that counts as a failure. Default 600.
     */
    manifestDeadlineSeconds?: number;
  };
  /**
   * What is checked after the rollout.
   */
  validation?: {
    /**
     * Requests that must be answered with the expected status.
     *
     * @maxItems 16
     */
    http?: {
      /**
       * Name of the check, used in status.
       */
      name: string;
      /**
       * URL to GET, from a Pod of this namespace.
       */
      url: string;
      /**
       * HTTP status that counts as yes. Default 200.
       */
      expectedStatus?: number;
    }[];
    /**
     * How long all checks together may take to say yes. Default 120.
     */
    timeoutSeconds?: number;
  };
  /**
   * How migrations are executed.
   */
  execution?: {
    /**
     * `PerRun`: all pending migrations in one transaction, so that a failure leads back to the start. `PerMigration`: one transaction each. `Auto`: PerRun under Recreate where every file can, else PerMigration. Default Auto.
     */
    transaction?: "Auto" | "PerRun" | "PerMigration";
    /**
     * How long a statement may wait for a table lock before it gives way to the app's queries and is tried again. Default 5000.
     */
    lockTimeoutMilliseconds?: number;
    /**
     * How long to go on trying to get a table lock. Default 60.
     */
    lockRetrySeconds?: number;
  };
  /**
   * The Pods of the Jobs. Deliberately not a Pod template.
   */
  job?: {
    /**
     * Service account of the Pods; its token is not mounted.
     */
    serviceAccountName?: string;
    /**
     * Resources of the container.
     */
    resources?: {
      /**
       * Requested amounts, such as `memory` 128Mi.
       */
      requests?: {
        [k: string]: number | string;
      };
      /**
       * Limits, such as `memory` 1Gi.
       */
      limits?: {
        [k: string]: number | string;
      };
    };
    /**
     * Labels that the node must have.
     */
    nodeSelector?: {
      [k: string]: string;
    };
    /**
     * Taints that the Pods tolerate.
     *
     * @maxItems 16
     */
    tolerations?: {
      /**
       * Taint key; empty with operator Exists tolerates all.
       */
      key?: string;
      /**
       * How the value is compared; Equal by default.
       */
      operator?: "Exists" | "Equal";
      /**
       * Taint value.
       */
      value?: string;
      /**
       * Taint effect; empty means all.
       */
      effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
      /**
       * How long NoExecute is tolerated.
       */
      tolerationSeconds?: number;
    }[];
    /**
     * Extra labels of the Jobs and their Pods.
     */
    labels?: {
      [k: string]: string;
    };
    /**
     * Extra annotations of the Jobs and their Pods.
     */
    annotations?: {
      [k: string]: string;
    };
    /**
     * Longest time of one Job. Without it: plan and settle 600, validate its own time limit plus 60, backup and migrate none, since ending a migration in the middle is rarely what one wants.
     */
    timeoutSeconds?: number;
    /**
     * How long a Pod may take to start running before its Job is replaced, or the run is given up. Default 120.
     */
    startDeadlineSeconds?: number;
  };
}

/**
 * What the operator saw and did. Written by the operator only.
 */
export interface DatabaseMigrationStatus {
  /**
   * Generation of the spec that the conditions speak of.
   */
  observedGeneration?: number;
  /**
   * The last attempt number that was handed out to a Job.
   */
  attempt?: number;
  /**
   * Version the database was last proven to be at.
   */
  version?: string;
  /**
   * Migrations that were left half done when the database was last asked.
   */
  halfDoneFiles?: number;
  /**
   * Version to be at; `latest` is resolved.
   */
  targetVersion?: string;
  /**
   * Last version whose rollout was validated.
   */
  stableVersion?: string;
  /**
   * Migrations still to be applied, or on the way down to be taken back.
   */
  pending?: {
    /**
     * How many.
     */
    count?: number;
    /**
     * Names of the first ones.
     *
     * @maxItems 20
     */
    first?: string[];
  };
  /**
   * Version of the database server.
   */
  serverVersion?: string;
  /**
   * Which database it is.
   */
  database?: {
    /**
     * Identity of the database cluster, if it may be read.
     */
    systemIdentifier?: string;
    /**
     * Name of the database.
     */
    name?: string;
    /**
     * Host that answered.
     */
    host?: string;
  };
  /**
   * The last row of the database's audit (docs/formats.md) that a migration of this resource left or a look behind the fence saw. Kept outside the database, so that rows that are cut off its end show: each plan looks for it.
   */
  audit?: {
    /**
     * Number of the row.
     */
    id: number;
    /**
     * Its hash, which covers all rows before it.
     */
    hash: string;
    /**
     * When it was seen.
     */
    seenTime: string;
  };
  /**
   * Uids of workloads that this resource has started from zero by `replicas`.
   *
   * @maxItems 64
   */
  startedWorkloads?: string[];
  /**
   * One-off requests that were seen.
   */
  handledTokens?: {
    /**
     * Last value of the annotation migrations.truledgr.app/retry.
     */
    retry?: string;
  };
  /**
   * How often in a row a plan was outdated when it ran; 3 is the limit.
   */
  replans?: number;
  /**
   * The current or the last try to bring one plan to its end. The operator's only memory.
   */
  run?: {
    /**
     * Counter.
     */
    id: number;
    /**
     * Generation of the spec it works for.
     */
    generation: number;
    /**
     * When it began.
     */
    startTime: string;
    /**
     * The retry token that asked for it.
     */
    retryToken?: string;
    /**
     * The spec as it was at the commit; gone once the run has ended.
     */
    spec?: {};
    /**
     * Hash of the ConfigMaps' names, uids and resource versions.
     */
    sourceRevision: string;
    /**
     * Hash of all that the plan was asked with.
     */
    planInputDigest: string;
    /**
     * Hash of the job, backup and database fields.
     */
    environmentDigest?: string;
    /**
     * The plan's answer.
     */
    plan?: {
      /**
       * Hash of target, direction, source and ledger state; a failure is remembered by it.
       */
      key: string;
      /**
       * Version before; absent: an empty database.
       */
      from?: string;
      /**
       * Version after.
       */
      target: string;
      /**
       * Which way.
       */
      direction: "Up" | "None" | "Down";
      /**
       * Migrations to apply, repeatable ones among them.
       */
      pendingCount: number;
      /**
       * Hash of the ledger when all is done; only where repeatable migrations are to be run, of which no version tells.
       */
      goalDigest?: string;
      /**
       * How the database is adopted first; absent: it is not.
       */
      baseline?: {
        /**
         * Version that it is taken to be at.
         */
        version: string;
        /**
         * Migrations that are recorded as applied and not run.
         */
        count: number;
      };
      /**
       * What the way down takes back, and what is lost with it.
       */
      downgrade?: {
        /**
         * What a confirmation names: hash of the scripts, the ledger and the names of what is lost.
         */
        digest: string;
        /**
         * Migrations to take back.
         */
        revertCount: number;
        /**
         * Tables and columns that would lose rows or values.
         */
        lossCount: number;
        /**
         * The first of them.
         *
         * @maxItems 20
         */
        losses?: {
          /**
           * Table, Column, Narrowing (values that do not fit) or Statement (what it loses cannot be counted).
           */
          kind: string;
          /**
           * Name in the database.
           */
          name: string;
          /**
           * How many rows or values; absent: they cannot be counted.
           */
          rows?: number;
        }[];
      };
      /**
       * Hash of the migration files.
       */
      sourceDigest: string;
      /**
       * Hash of the ledger.
       */
      ledgerDigest: string;
      /**
       * How it will be executed.
       */
      transaction: "PerRun" | "PerMigration";
    };
    /**
     * When the point was passed from which the run goes to its end.
     */
    committedTime?: string;
    /**
     * The workloads as they were at the commit.
     *
     * @maxItems 16
     */
    workloads?: {
      /**
       * Kind.
       */
      kind: string;
      /**
       * Name.
       */
      name: string;
      /**
       * Uid; absent: it did not exist.
       */
      uid?: string;
      /**
       * Count at the commit.
       */
      replicas?: number;
      /**
       * Revision of its Pod template at the commit.
       */
      revision?: string;
      /**
       * Field manager that had written the count.
       */
      scaledBy?: string;
      /**
       * What was done with it.
       */
      state: "Seen" | "Stopped" | "Starting" | "Started";
      /**
       * When that state was reached.
       */
      since?: string;
    }[];
    /**
     * The DatabaseBackup of this run.
     */
    backup?: {
      /**
       * Name.
       */
      name: string;
      /**
       * Attempt number handed out for it.
       */
      attempt: number;
      /**
       * Uid of the complete backup.
       */
      uid?: string;
      /**
       * Digest of the complete backup's manifest.
       */
      digest?: string;
    };
    /**
     * The last answer about the ledger that was read behind the fence.
     */
    ledger?: {
      /**
       * Attempt that answered.
       */
      attempt: number;
      /**
       * Highest applied version; absent: none.
       */
      version?: string;
      /**
       * Hash of the ledger.
       */
      ledgerDigest: string;
      /**
       * Half-done files.
       */
      progressRows: number;
      /**
       * Applied migrations.
       */
      appliedCount: number;
      /**
       * Whether it is as this run found it.
       */
      unchanged: boolean;
      /**
       * Versions that this run applied.
       *
       * @maxItems 20
       */
      appliedByRun?: string[];
      /**
       * Versions that this run took back.
       *
       * @maxItems 20
       */
      revertedByRun?: string[];
    };
    /**
     * Why this run cannot succeed; written before the app is brought back.
     */
    failure?: {
      /**
       * Step that failed.
       */
      step: string;
      /**
       * Reason of the condition.
       */
      reason: string;
      /**
       * What happened.
       */
      message: string;
      /**
       * What must change before the same plan is tried again.
       */
      kind: "Migration" | "Environment" | "Application" | "Superseded" | "Deleted";
      /**
       * When.
       */
      time: string;
    };
    /**
     * The steps that were begun.
     *
     * @maxItems 16
     */
    steps?: {
      /**
       * Step.
       */
      name: "Plan" | "Stop" | "BackUp" | "Migrate" | "Settle" | "Start" | "Validate";
      /**
       * Waiting: between two attempts.
       */
      state: "Active" | "Waiting" | "Done" | "Failed";
      /**
       * Attempt number of its last Job.
       */
      attempt?: number;
      /**
       * Attempts so far.
       */
      tries?: number;
      /**
       * Attempts that ended without an answer.
       */
      crashes?: number;
      /**
       * Attempts that ended by themselves before they had written anything.
       */
      turnedAway?: number;
      /**
       * Its last Job.
       */
      job?: {
        /**
         * Name.
         */
        name: string;
        /**
         * Uid; absent until it was seen.
         */
        uid?: string;
        /**
         * Whether its container may have run.
         */
        started?: boolean;
      };
      /**
       * When the step began.
       */
      startTime: string;
      /**
       * When it ended.
       */
      endTime?: string;
      /**
       * When the next attempt is due.
       */
      retryTime?: string;
      /**
       * When the first of the attempts in a row was turned away.
       */
      blockedSince?: string;
      /**
       * Reason of the last answer.
       */
      reason?: string;
      /**
       * The last answer.
       */
      message?: string;
    }[];
    /**
     * How it ended.
     */
    outcome?: "Succeeded" | "UpToDate" | "Failed" | "Refused" | "Superseded";
    /**
     * When it ended.
     */
    endTime?: string;
  };
  /**
   * Ended runs, newest first.
   *
   * @maxItems 10
   */
  history?: {
    /**
     * Run.
     */
    id: number;
    /**
     * How it ended.
     */
    outcome: string;
    /**
     * Version before.
     */
    from?: string;
    /**
     * Version wanted.
     */
    target?: string;
    /**
     * Version after.
     */
    version?: string;
    /**
     * Why it failed.
     */
    reason?: string;
    /**
     * What happened.
     */
    message?: string;
    /**
     * Kind of the failure.
     */
    kind?: string;
    /**
     * Whether it left the database as it had found it.
     */
    unchanged?: boolean;
    /**
     * Plans that do not run again by themselves.
     *
     * @maxItems 2
     */
    planKeys?: string[];
    /**
     * Environment in which it failed.
     */
    environmentDigest?: string;
    /**
     * Its DatabaseBackup.
     */
    backup?: string;
    /**
     * What it found and went on with, for a person to know: AuditDiffers.
     */
    note?: string;
    /**
     * When it began.
     */
    startTime: string;
    /**
     * When it ended.
     */
    endTime: string;
    /**
     * How long the app was stopped.
     */
    stoppedSeconds?: number;
  }[];
  /**
   * `Ready` sums up. `Reconciling` is there while the operator works or waits for something that time may heal; `Stalled` while a person is needed; never both.
   *
   * @maxItems 16
   */
  conditions?: {
    /**
     * What it is about.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: "True" | "False" | "Unknown";
    /**
     * One word why.
     */
    reason: string;
    /**
     * What happened, and what to do.
     */
    message: string;
    /**
     * When the status changed.
     */
    lastTransitionTime: string;
    /**
     * Generation it speaks of.
     */
    observedGeneration?: number;
  }[];
}
