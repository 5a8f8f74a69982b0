// What the API server's audit log holds: each status write of our own kinds with its
// body (the tests check every one of them), of all else who did what with what answer.
// https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/

export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch'],
      resources: [{ group: 'migrations.truledgr.app', resources: ['*/status'] }],
    },
    { level: 'Metadata' },
  ],
} as const;
