// Generated from crds/databasebackups.yaml by `npm run generate`; do not edit.

/**
 * What is backed up, and where to. Cannot be changed.
 */
export interface DatabaseBackupSpec {
  /**
   * The run that asked for it. Backups are made by the operator in a run, not yet by people.
   */
  run: {
    /**
     * Name of the DatabaseMigration.
     */
    migration: string;
    /**
     * Its uid.
     */
    uid: string;
    /**
     * The run.
     */
    id: number;
    /**
     * Attempt number of all its Jobs.
     */
    attempt: number;
  };
  /**
   * The database, as in the DatabaseMigration.
   */
  database: {
    /**
     * The Secret that holds the connection URL.
     */
    urlSecretRef: {
      /**
       * Name of the Secret.
       */
      name: string;
      /**
       * Key in the Secret.
       */
      key: string;
    };
    /**
     * Schema of the ledger.
     */
    ledgerSchema: string;
  };
  /**
   * Where it is kept.
   */
  storage: {
    /**
     * A PersistentVolumeClaim of this namespace.
     */
    volumeClaim: {
      /**
       * Name of the claim.
       */
      name: string;
    };
  };
  /**
   * Given when the app was stopped before; the backup waits until no session of it is left.
   */
  sessionCheck?: {
    /**
     * Roles of the app; empty means the URL's own.
     *
     * @maxItems 16
     */
    appRoles: string[];
    /**
     * How long to wait for them.
     */
    drainSeconds: number;
  };
  /**
   * The Pods of its Jobs, as in the DatabaseMigration.
   */
  job: {};
  /**
   * After this no further attempt is made.
   */
  deadline: string;
}

/**
 * What the operator saw and did. Written by the operator only.
 */
export interface DatabaseBackupStatus {
  /**
   * Generation that the conditions speak of.
   */
  observedGeneration?: number;
  /**
   * SHA-256 of the manifest, which holds the digest of every file.
   */
  digest?: string;
  /**
   * Directory on the volume.
   */
  location?: string;
  /**
   * Size of all files.
   */
  sizeBytes?: number;
  /**
   * Rows in it.
   */
  rowCount?: number;
  /**
   * Tables in it.
   */
  tableCount?: number;
  /**
   * Version of the server.
   */
  serverVersion?: string;
  /**
   * When the first Job was made.
   */
  startTime?: string;
  /**
   * When it was complete.
   */
  completionTime?: string;
  /**
   * Its Jobs.
   *
   * @maxItems 4
   */
  steps?: {
    /**
     * Step.
     */
    name: "BackUp";
    /**
     * Jobs made so far.
     */
    tries: number;
    /**
     * The last one.
     */
    job?: {
      /**
       * Name.
       */
      name: string;
      /**
       * Uid.
       */
      uid?: string;
    };
    /**
     * When the next one is due.
     */
    retryTime?: string;
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
   * `Complete` says whether the backup can be used.
   *
   * @maxItems 8
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
