// The public names of the API: group, version, labels and annotations. Users and other tools rely on them.

export const GROUP = 'migrations.truledgr.app';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
/** Who we are in `managedFields`. Flux and kubectl treat managers that begin with `kubectl` in their own way. */
export const FIELD_MANAGER = 'migration-operator';

export const LABELS = {
  /** Uid of the resource that a Job works for. */
  uid: `${GROUP}/uid`,
  step: `${GROUP}/step`,
  run: `${GROUP}/run`,
  attempt: `${GROUP}/attempt`,
} as const;

export const ANNOTATIONS = {
  /** On a Job: `<Kind>/<name>` of the resource it works for. */
  for: `${GROUP}/for`,
  /** On a Job: digest of what it was made for. */
  madeFor: `${GROUP}/made-for`,
  /** On a workload: `<uid of the DatabaseMigration>/<run>` that holds it at zero. */
  stoppedBy: `${GROUP}/stopped-by`,
  /** On a workload: the count to start it with. */
  replicas: `${GROUP}/replicas`,
  /** On a Pod template: lowest and highest version that its code works with. */
  minVersion: `${GROUP}/min-version`,
  maxVersion: `${GROUP}/max-version`,
  /** On a Pod template: `<uid>/<run>` for which its Pods were restarted. */
  restartedFor: `${GROUP}/restarted-for`,
  /** On a DatabaseMigration: any new value asks for one more try. */
  retry: `${GROUP}/retry`,
  /** On a DatabaseMigration: id of the owner whose database it takes over, as the message of OwnedByAnother quotes it. */
  adopt: `${GROUP}/adopt`,
  /** On a DatabaseMigration: digest of the downgrade whose losses a person accepts, as the message quotes it. */
  confirmDowngrade: `${GROUP}/confirm-downgrade`,
} as const;

/** Keeps a resource until its run is at an end and no app is left stopped. */
export const FINALIZER = `${GROUP}/run`;
