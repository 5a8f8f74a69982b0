// etcd, the API server and the controller-manager of one cluster: the half that needs
// neither root nor containers. The API server makes its own certificate, whose file
// holds the CA too; so that file is what clients and Pods verify it with.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { get } from './api.ts';
import { auditPolicy } from './auditPolicy.ts';
import { type Home, launch, waitUntil } from './home.ts';
import { kubeconfigOf, type Tokens, writeKubeconfigs, writeTokens } from './kubeconfig.ts';

const serviceSubnet = '10.96.0.0/16';

const file = (home: Home, name: string) => join(home.directory, name);
export const auditLogOf = (directory: string) => join(directory, 'audit.log');
export const caFileOf = (directory: string) => join(directory, 'certificates', 'apiserver.crt');
const serverOf = (home: Home) => `https://${home.address}:${home.ports.api}`;

export async function startControlPlane(home: Home): Promise<void> {
  const tokens = writeTokens(file(home, 'tokens.csv'));
  writeServiceAccountKeys(home);
  writeFileSync(file(home, 'audit-policy.json'), JSON.stringify(auditPolicy));
  launch(home, 'etcd', [join(home.bin, 'etcd'), ...etcdFlags(home)]);
  launch(home, 'kube-apiserver', [join(home.bin, 'kube-apiserver'), ...apiServerFlags(home)]);
  await waitUntil(home, 'the API server is ready', () => hasAnswered(home, tokens, '/readyz'));
  home.state.server = serverOf(home);
  writeKubeconfigs(home.directory, {
    cluster: home.state.name,
    server: serverOf(home),
    caFile: caFileOf(home.directory),
    tokens,
  });
  const manager = 'kube-controller-manager';
  launch(home, manager, [join(home.bin, manager), ...controllerManagerFlags(home)]);
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await waitUntil(home, 'the default service account', () => hasAnswered(home, tokens, account));
}

async function hasAnswered(home: Home, tokens: Tokens, path: string): Promise<boolean> {
  if (!existsSync(caFileOf(home.directory))) return false;
  const ca = readFileSync(caFileOf(home.directory), 'utf8');
  return (await get({ server: serverOf(home), ca, token: tokens.admin }, path)).status === 200;
}

function writeServiceAccountKeys(home: Home): void {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(file(home, 'service-account.pub'), publicKey);
  writeFileSync(file(home, 'service-account.key'), privateKey, { mode: 0o600 });
}

function etcdFlags(home: Home): string[] {
  const client = `http://127.0.0.1:${home.ports.etcd}`;
  const peer = `http://127.0.0.1:${home.ports.etcdPeer}`;
  return [
    `--data-dir=${file(home, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync', // the data is thrown away anyway
    '--log-level=warn',
  ];
}

function apiServerFlags(home: Home): string[] {
  const isAlone = home.state.shape === 'control-plane';
  return [
    `--etcd-servers=http://127.0.0.1:${home.ports.etcd}`,
    `--bind-address=${isAlone ? home.address : '0.0.0.0'}`,
    `--advertise-address=${home.address}`,
    // An address of loopback cannot be an endpoint of the Service `kubernetes`, and nobody would use it.
    `--endpoint-reconciler-type=${isAlone ? 'none' : 'lease'}`,
    `--secure-port=${home.ports.api}`,
    `--cert-dir=${file(home, 'certificates')}`,
    `--token-auth-file=${file(home, 'tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--service-account-key-file=${file(home, 'service-account.pub')}`,
    `--service-account-signing-key-file=${file(home, 'service-account.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-cluster-ip-range=${serviceSubnet}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--audit-policy-file=${file(home, 'audit-policy.json')}`,
    `--audit-log-path=${auditLogOf(home.directory)}`,
    '--audit-log-maxsize=100000', // one file, never rotated away from under its reader
  ];
}

function controllerManagerFlags(home: Home): string[] {
  // Without a kubelet, the Pods that tests play are on no node; these two would remove them for that.
  const alone = ['--controllers=*,-node-lifecycle-controller,-pod-garbage-collector-controller'];
  return [
    `--kubeconfig=${kubeconfigOf(home.directory, 'kube-controller-manager')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${file(home, 'service-account.key')}`,
    `--root-ca-file=${caFileOf(home.directory)}`,
    '--kube-api-qps=200', // many tests share one cluster
    '--kube-api-burst=400',
    ...(home.state.shape === 'control-plane' ? alone : []),
  ];
}
