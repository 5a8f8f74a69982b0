// Proves the local cluster itself: what a Pod needs is there, two clusters do not meet, and
// `down` leaves nothing behind. Needs root and Go; skipped with the reason where they lack.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { type Cluster, list, PrerequisiteError, up } from './cluster.ts';
import { postgresImage, standInArchive } from './images.ts';
import { run } from './kit/run.ts';

const progress = (line: string) => console.error(line);
const names = { full: `selftest-${process.pid}`, second: `selftest-${process.pid}-b` };

/** Undefined with the reason when this machine cannot. */
let full: Cluster | undefined;
let second: Cluster | undefined;
let lack = '';

before(async () => {
  try {
    full = await up({ name: names.full, progress });
    second = await up({ name: names.second, controlPlaneOnly: true, progress });
  } catch (error) {
    if (!(error instanceof PrerequisiteError)) throw error;
    lack = error.message;
  }
});

after(async () => {
  await full?.down();
  await second?.down();
});

function here(t: TestContext, cluster: Cluster | undefined): Cluster | undefined {
  if (cluster === undefined) t.skip(lack);
  return cluster;
}

async function kubectl(cluster: Cluster, args: readonly string[], input?: object): Promise<string> {
  const options = input === undefined ? {} : { input: JSON.stringify(input) };
  return await run(cluster.kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args], options);
}

describe('a full cluster', () => {
  it('runs a database on a claimed volume, and a Job that reaches it by name and leaves a message', async t => {
    const cluster = here(t, full);
    if (cluster === undefined) return;
    await cluster.loadImage(await standInArchive(postgresImage, progress));
    await kubectl(cluster, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: databaseAndJob() });
    await kubectl(cluster, ['wait', '--for=condition=Complete', 'job/ask', '--timeout=60s']);
    const path = 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.message}';
    const message = await kubectl(cluster, ['get', 'pods', '-l', 'job-name=ask', '-o', path]);
    assert.equal(message.trim(), 'volume full, answer 42');
    assert.match(await kubectl(cluster, ['logs', '-l', 'job-name=ask', '--tail=-1']), /No space left on device/);
  });

  it('removes a volume with its claim', async t => {
    const cluster = here(t, full);
    if (cluster === undefined) return;
    await kubectl(cluster, ['delete', 'job/ask', 'pod/database', 'pvc/data', 'pvc/small', '--now']);
    await kubectl(cluster, ['wait', '--for=delete', 'pv', '--all', '--timeout=30s']);
    assert.deepEqual(readdirSync(join(cluster.kubeconfig, '..', 'volumes')), []);
  });

  it('has a certificate that Pods can verify with the CA of their service account', async t => {
    const cluster = here(t, full);
    if (cluster === undefined) return;
    const ca = await kubectl(cluster, ['get', 'configmap/kube-root-ca.crt', '-o', 'jsonpath={.data.ca\\.crt}']);
    const { hostname, port } = new URL(cluster.server);
    for (const name of ['kubernetes.default.svc', '10.96.0.1', hostname]) {
      assert.equal(await verifiedAs(hostname, Number(port), name, ca), 'verified', name);
    }
  });

  it('runs Helm', async t => {
    const cluster = here(t, full);
    if (cluster === undefined) return;
    assert.match(await run(cluster.helm, ['list', `--kubeconfig=${cluster.kubeconfig}`]), /^NAME/);
  });
});

describe('a control plane only', () => {
  it('runs next to a full cluster and has its own objects', async t => {
    const cluster = here(t, second);
    if (cluster === undefined) return;
    assert.equal(await kubectl(cluster, ['get', 'nodes', '-o', 'name']), '');
  });

  it('keeps the body of each status write of our group in its audit log', async t => {
    const cluster = here(t, second);
    if (cluster === undefined || cluster.auditLog === undefined) return;
    await kubectl(cluster, ['apply', '-f', '-'], definition);
    await kubectl(cluster, ['wait', '--for=condition=Established', `crd/${definition.metadata.name}`]);
    const { group, names: kindNames } = definition.spec;
    await kubectl(cluster, ['apply', '-f', '-'], {
      apiVersion: `${group}/v1`,
      kind: kindNames.kind,
      metadata: { name: 'one' },
    });
    await kubectl(cluster, [
      'patch',
      'probe/one',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"seen":"yes"}}',
    ]);
    const events = readFileSync(cluster.auditLog, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const write = events.find(({ objectRef, verb }) => objectRef?.resource === 'probes' && verb === 'patch');
    assert.deepEqual([write.requestObject.status, write.responseObject.status], [{ seen: 'yes' }, { seen: 'yes' }]);
  });
});

describe('down', () => {
  it('goes with the process that has it when that is told to end', async t => {
    if (here(t, second) === undefined) return;
    const name = `selftest-${process.pid}-c`;
    const keeper = spawn(process.execPath, [join(import.meta.dirname, 'kept-by-process.ts'), name]);
    await once(keeper.stdout, 'data');
    const ended = once(keeper, 'exit');
    keeper.kill('SIGTERM');
    assert.deepEqual(await ended, [null, 'SIGTERM']);
    assert.deepEqual(
      list().filter(line => line.startsWith(name)),
      [],
    );
  });

  it('leaves no process, mount, link, cgroup or file', async t => {
    if (here(t, full) === undefined) return;
    await full?.down();
    await second?.down();
    assert.deepEqual(traces(), []);
  });
});

function traces(): string[] {
  const marks = [names.full, names.second];
  const isOurs = (text: string) => marks.some(mark => text.includes(`migration-operator-${mark}`));
  const readOrNothing = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const processes = readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        isOurs(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) || isOurs(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
      );
    } catch {
      return false; // it ended while we looked
    }
  });
  const mounts = readOrNothing('/proc/self/mountinfo').split('\n').filter(isOurs);
  const index = full === undefined ? '' : new URL(full.server).hostname.split('.')[2]; // 10.250.<index>.2
  const links = readdirSync('/sys/class/net').filter(name => name === `migop${index}`);
  const cgroups = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map(name => join('/sys/fs/cgroup', name))]
    .flatMap(folder => marks.map(mark => join(folder, `migration-operator-${mark}`)))
    .filter(folder => existsSync(folder));
  const files = [full, second].flatMap(cluster => (cluster === undefined ? [] : [join(cluster.kubeconfig, '..')]));
  return [
    ...processes.map(pid => `process ${pid}`),
    ...mounts,
    ...links,
    ...cgroups,
    ...files.filter(file => existsSync(file)),
  ];
}

async function verifiedAs(host: string, port: number, name: string, ca: string): Promise<string> {
  return await new Promise(resolve => {
    const identity = (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate);
    const socket = connect({ host, port, ca, checkServerIdentity: identity }, () => {
      socket.end();
      resolve('verified');
    });
    socket.on('error', error => resolve(error.message));
  });
}

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'probes.migrations.truledgr.app' },
  spec: {
    group: 'migrations.truledgr.app',
    scope: 'Cluster',
    names: { kind: 'Probe', plural: 'probes', singular: 'probe' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
} as const;

function claim(name: string, storage: string, storageClassName?: string): object {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: { ...spec, storageClassName } };
}

function databaseAndJob(): object[] {
  const volumes = ['data', 'small'].map(name => ({ name, persistentVolumeClaim: { claimName: name } }));
  const database = {
    name: 'postgres',
    image: postgresImage,
    env: [
      { name: 'POSTGRES_PASSWORD', value: 'secret' },
      { name: 'PGDATA', value: '/data/pgdata' },
    ],
    securityContext: { runAsUser: 999, runAsNonRoot: true },
    readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  const script = [
    'if dd if=/dev/zero of=/small/file bs=1M count=9; then exit 1; fi',
    'until answer=$(psql -h database -U postgres -Atc "SELECT 40 + 2"); do sleep 0.2; done',
    'echo "volume full, answer $answer" > /dev/termination-log',
  ];
  const ask = {
    name: 'ask',
    image: postgresImage,
    command: ['sh', '-c', script.join('\n')],
    env: [{ name: 'PGPASSWORD', value: 'secret' }],
    securityContext: { runAsUser: 65532 },
    volumeMounts: [{ name: 'small', mountPath: '/small' }],
  };
  const podSpec = { restartPolicy: 'Never', containers: [ask], volumes: volumes.slice(1) };
  return [
    claim('data', '1Gi'),
    claim('small', '8Mi', 'tiny'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'database' },
      spec: { selector: { app: 'database' }, ports: [{ port: 5432 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'database', labels: { app: 'database' } },
      spec: { containers: [database], volumes: volumes.slice(0, 1) },
    },
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'ask' }, spec: { template: { spec: podSpec } } },
  ];
}
