// Who may speak to the API server, by token, and the kubeconfig file of each. Written
// as JSON, which every reader of YAML accepts.

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const nodeName = 'node';

/** Each component under the name that Kubernetes' own RBAC rules expect, so that the audit log tells them apart. */
const users = {
  admin: { name: 'admin', groups: ['system:masters'] },
  'kube-controller-manager': { name: 'system:kube-controller-manager', groups: [] },
  'kube-scheduler': { name: 'system:kube-scheduler', groups: [] },
  'kube-proxy': { name: 'system:kube-proxy', groups: [] },
  kubelet: { name: `system:node:${nodeName}`, groups: ['system:nodes'] },
  coredns: { name: 'local:coredns', groups: ['system:masters'] },
  'local-provisioner': { name: 'local:provisioner', groups: ['system:masters'] },
} as const;

export type User = keyof typeof users;
export type Tokens = Readonly<Record<User, string>>;

/** Makes the tokens and the file for `--token-auth-file`. */
export function writeTokens(file: string): Tokens {
  const rows = Object.entries(users).map(([user, { name, groups }]) => {
    const token = randomBytes(24).toString('hex');
    return { user, token, line: `${token},${name},${name},"${groups.join(',')}"\n` };
  });
  writeFileSync(file, rows.map(row => row.line).join(''), { mode: 0o600 });
  return Object.fromEntries(rows.map(row => [row.user, row.token])) as Tokens;
}

export interface Access {
  readonly cluster: string;
  readonly server: string;
  readonly caFile: string;
  readonly tokens: Tokens;
}

export const kubeconfigOf = (directory: string, user: User) =>
  join(directory, user === 'admin' ? 'kubeconfig' : `${user}.kubeconfig`);

/** One self-contained file for each user. */
export function writeKubeconfigs(directory: string, access: Access): void {
  const name = `migration-operator-${access.cluster}`;
  const certificate = readFileSync(access.caFile).toString('base64');
  for (const user of Object.keys(users) as User[]) {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: access.server, 'certificate-authority-data': certificate } }],
      users: [{ name: user, user: { token: access.tokens[user] } }],
      contexts: [{ name, context: { cluster: name, user } }],
      'current-context': name,
    };
    writeFileSync(kubeconfigOf(directory, user), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }
}
