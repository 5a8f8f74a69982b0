// One PostgreSQL for all scenarios, in a namespace of its own; each scenario has its own database and its own two roles,
// named after it. Statements go in by standard input, so that no password is in a command line or in the audit log.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Kubernetes } from '../../examples/truledgr/demo/kubernetes.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { postgresImage } from '../cluster/images.ts';
import { restrictedContainer, restrictedNamespace, restrictedPod } from './pod-security.ts';

const NAMESPACE = 'databases';
const POD = 'postgres';
const PSQL = ['psql', '--username=postgres', '--no-psqlrc', '--quiet', '--tuples-only', '--no-align'];

export interface Database {
  readonly name: string;
  readonly owner: Role;
  readonly app: Role;
}

interface Role {
  readonly name: string;
  readonly password: string;
  readonly url: string;
}

export async function startPostgres(kubernetes: Kubernetes): Promise<void> {
  const items = [restrictedNamespace(NAMESPACE), service(), pod()];
  await kubernetes.kubectl(['apply', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubernetes.kubectl(['wait', '--namespace', NAMESPACE, '--for=condition=Ready', `pod/${POD}`, '--timeout=2m']);
}

/** Names must be lower-case letters, digits and dashes. */
export async function createDatabase(kubernetes: Kubernetes, scenario: string): Promise<Database> {
  const name = scenario.replaceAll('-', '_');
  const role = (suffix: string): Role => {
    const password = randomBytes(18).toString('hex');
    const user = `${name}_${suffix}`;
    return { name: user, password, url: `postgresql://${user}:${password}@${POD}.${NAMESPACE}:5432/${name}` };
  };
  const [owner, app] = [role('owner'), role('app')];
  const statements = [
    `CREATE ROLE ${owner.name} LOGIN PASSWORD '${owner.password}'`,
    `CREATE ROLE ${app.name} LOGIN PASSWORD '${app.password}'`,
    // To name the application's sessions when they do not go away after the stop.
    `GRANT pg_monitor TO ${owner.name}`,
    `CREATE DATABASE ${name} OWNER ${owner.name}`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO ${app.name}`,
  ];
  await sql(kubernetes, 'postgres', statements.join(';\n'));
  return { name, owner, app };
}

/** Rows as psql prints them, a line each. */
export async function sql(kubernetes: Kubernetes, database: string, text: string): Promise<readonly string[]> {
  const args = ['exec', '-i', '--namespace', NAMESPACE, POD, '--', ...PSQL, '--set=ON_ERROR_STOP=1'];
  const output = await kubernetes.kubectl([...args, `--dbname=${database}`], `${text};\n`);
  return output.split('\n').filter(line => line !== '');
}

export interface Hold {
  release(): Promise<void>;
}

/** Holds a lock on a table until it is released: whoever needs the table waits. */
export async function holdTable(cluster: Cluster, database: string, table: string): Promise<Hold> {
  const args = ['exec', '-i', '--namespace', NAMESPACE, POD, '--', ...PSQL, `--dbname=${database}`];
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const child = spawn(cluster.kubectl, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  const held = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('held') && resolve());
    child.once('close', () => reject(new Error(`no lock on ${table}`)));
  });
  child.stdin.write(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n`);
  await held;
  return {
    release: async () => {
      child.stdin.end('ROLLBACK;\n\\q\n');
      await closed;
    },
  };
}

function service(): object {
  const ports = [{ name: 'postgres', port: 5432 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: POD, namespace: NAMESPACE },
    spec: { selector: { app: POD }, ports },
  };
}

function pod(): object {
  // The superuser signs in by the socket of this Pod only.
  const superuserPassword = randomBytes(18).toString('hex');
  const ready = ['/usr/lib/postgresql/17/bin/pg_isready', '--host=127.0.0.1', '--username=postgres', '--quiet'];
  const container = {
    ...restrictedContainer,
    name: 'postgres',
    image: postgresImage,
    imagePullPolicy: 'IfNotPresent',
    // Nothing here outlives the test, so nothing need be safe from a power cut.
    args: ['postgres', '-c', 'fsync=off', '-c', 'max_connections=200'],
    env: [
      { name: 'PGDATA', value: '/data/17' },
      { name: 'POSTGRES_PASSWORD', value: superuserPassword },
    ],
    readinessProbe: { exec: { command: ready }, periodSeconds: 1, timeoutSeconds: 5 },
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    volumeMounts: ['data', 'run', 'tmp'].map(name => ({
      name,
      mountPath: name === 'run' ? '/var/run/postgresql' : `/${name}`,
    })),
  };
  const volumes = ['data', 'run', 'tmp'].map(name => ({ name, emptyDir: {} }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, namespace: NAMESPACE, labels: { app: POD } },
    spec: { ...restrictedPod(999), containers: [container], volumes },
  };
}
