// Accounts by which the API server's audit log tells one operator from another, and what the log says that one asked for.
// For the tests and figures of operators that are processes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApi } from '../../src/kubernetes/client.ts';
import type { KubernetesObject, Resource } from '../../src/kubernetes/object.ts';
import type { Transport } from '../../src/kubernetes/transport.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { SERVICE_ACCOUNTS } from './kinds.ts';

const CLUSTER_ROLE_BINDINGS: Resource<KubernetesObject> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  scope: 'Cluster',
};

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** A request as the audit log has it. Times have microseconds. */
export interface Audited {
  readonly auditID: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly name?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  /** Of the last byte of the answer. */
  readonly stageTimestamp: string;
}

/** A service account that may do everything, and a kubeconfig with its token; `server` if not the API server itself. */
export async function addAccount(
  { cluster, transport }: { readonly cluster: Cluster; readonly transport: Transport },
  { namespace, name }: Account,
  server = cluster.server,
): Promise<string> {
  const api = createApi(transport);
  await api.create(SERVICE_ACCOUNTS, namespace, { metadata: { name } });
  await api.create(CLUSTER_ROLE_BINDINGS, undefined, {
    metadata: { name: `${namespace}-${name}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace, name }],
  } as KubernetesObject);
  const answer = await transport.send({
    verb: 'create',
    resource: 'serviceaccounts/token',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  const { token } = (answer as { status: { token: string } }).status;
  const ca = readFileSync(cluster.caFile ?? '').toString('base64');
  const path = join(cluster.kubeconfig, '..', `${namespace}-${name}.kubeconfig`);
  const config = {
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** What this account asked for since `sinceMs`, in the order of the answers. */
export function requestsOf(cluster: Cluster, { namespace, name }: Account, sinceMs: number): readonly Audited[] {
  const username = `system:serviceaccount:${namespace}:${name}`;
  return readAudit(cluster, username).filter(
    one => one.user.username === username && Date.parse(one.requestReceivedTimestamp) >= sinceMs,
  );
}

/** Everybody's requests whose line in the log has this text, each once: the log has a watch when it begins and when it ends. */
export function readAudit(cluster: Cluster, text: string): readonly Audited[] {
  const lines = readFileSync(cluster.auditLog ?? '', 'utf8').split('\n');
  const requests = lines.filter(line => line.includes(text)).map(line => JSON.parse(line) as Audited);
  return [...new Map(requests.map(one => [one.auditID, one])).values()];
}
