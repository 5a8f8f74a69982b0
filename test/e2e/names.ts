// Names that several parts of these tests share.

/** Namespaces that a test made carry this label, so that a later run on the same cluster finds what is left. */
export const NAMESPACE_LABEL = 'truledgr.app/e2e';
export const OPERATOR = { namespace: 'migration-system', name: 'migration-operator' } as const;
/** The operator to the API server. */
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR.namespace}:${OPERATOR.name}`;
export const OPERATOR_IMAGE = 'ghcr.io/truledgr/migration-operator:0.1.0-pg17';
export const APP_IMAGE = 'localhost/truledgr-api:1';

/** The same in every scenario's namespace. */
export const APP = 'truledgr-api';
export const MIGRATION = 'truledgr';
export const SECRETS = { owner: 'truledgr-database', app: 'truledgr-app-database' } as const;
export const BACKUPS = 'truledgr-backups';
/** Selects the Pods of the operator's Jobs. */
export const JOB_PODS = 'app.kubernetes.io/managed-by=migration-operator';
