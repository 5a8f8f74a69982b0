// Everything that must be there before the story begins: a cluster, the images in it, the operator by its chart, and
// the example's PostgreSQL with its Secrets. Each part can be had from somewhere else: KUBECONFIG names a cluster,
// MIGRATION_OPERATOR_IMAGE and TRULEDGR_API_IMAGE name images that it pulls by itself.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { BUNDLE_NAMES, buildBundle } from '../../../build.ts';
import {
  attach,
  type Cluster,
  clusterFromEnvironment,
  down,
  PrerequisiteError,
  up,
} from '../../../test/cluster/cluster.ts';
import { buildImage, postgresImage, standInArchive } from '../../../test/cluster/images.ts';
import { connect, type Kubernetes } from './kubernetes.ts';
import { NAMESPACE } from './migration.ts';
import { command, line, step, styled } from './terminal.ts';
import { applyWave, describeWave, type ImageNames, wavesOf } from './waves.ts';

export const CLUSTER = 'demo';
export const OPERATOR_NAMESPACE = 'migration-system';
const ROOT = join(import.meta.dirname, '../../..');
const CHART = 'charts/migration-operator';
/** Label of the namespaces that the demo makes and may remove. */
const MADE_BY = { label: 'app.kubernetes.io/managed-by', value: 'truledgr-demo' } as const;
const OPERATOR_IMAGE = 'ghcr.io/truledgr/migration-operator:0.1.0-pg17';
const API_IMAGE = 'localhost/truledgr-api:1';

const progress = (text: string): void => line(styled('dim', text));

/** KUBECONFIG's cluster, or a fresh one of our own that stays until somebody ends it. */
export async function openCluster(): Promise<Cluster> {
  const given = await clusterFromEnvironment();
  if (given !== undefined) {
    line(`KUBECONFIG is set: using its cluster ${given.name}`);
    return given;
  }
  if (attach(CLUSTER) !== undefined) await step('ending the cluster of the last demo', () => down(CLUSTER));
  return up({ name: CLUSTER, lifetime: 'until-down', progress });
}

/** Builds what changed since the last time, and puts it into the cluster. Answers the images' names there. */
export async function loadImages(cluster: Cluster): Promise<ImageNames> {
  const operator = process.env.MIGRATION_OPERATOR_IMAGE;
  const api = process.env.TRULEDGR_API_IMAGE;
  const archives: Promise<string>[] = [];
  await step('bundling operator, runner and application', async () => {
    for (const name of BUNDLE_NAMES) await buildBundle(name);
  });
  if (operator === undefined) archives.push(buildOperatorImage());
  if (api === undefined) archives.push(buildApiImage());
  // Somebody else's cluster pulls PostgreSQL from the registry; one that was started here has none.
  if (cluster.caFile !== undefined) archives.push(standInArchive(postgresImage, progress));
  await step('images: operator, application, PostgreSQL', () =>
    Promise.all(archives.map(async archive => cluster.loadImage(await archive))),
  );
  return { [OPERATOR_IMAGE]: operator ?? OPERATOR_IMAGE, [API_IMAGE]: api ?? API_IMAGE };
}

/** Of the bundles just made: an image build reaches no package registry here. */
async function buildOperatorImage(): Promise<string> {
  const buildArgs = { DIST: 'prebuilt' };
  return buildImage({ dockerfile: join(ROOT, 'Dockerfile'), context: ROOT, buildArgs, tag: OPERATOR_IMAGE, progress });
}

async function buildApiImage(): Promise<string> {
  const dockerfile = join(ROOT, 'examples/truledgr/app/Dockerfile');
  return buildImage({ dockerfile, context: join(ROOT, 'dist/truledgr-api'), tag: API_IMAGE, progress });
}

/** As a platform team would: the chart with its defaults, under its own service account. */
export async function installOperator(kubernetes: Kubernetes, images: ImageNames): Promise<void> {
  const image = images[OPERATOR_IMAGE] ?? OPERATOR_IMAGE;
  const colon = image.lastIndexOf(':');
  const values =
    image === OPERATOR_IMAGE
      ? []
      : [`image.repository=${image.slice(0, colon)}`, `image.tag=${image.slice(colon + 1)}`];
  const release = ['migration-operator', '--namespace', OPERATOR_NAMESPACE, '--create-namespace', '--wait'];
  const flags = [...release, ...values.flatMap(value => ['--set', value])];
  command(`helm upgrade --install migration-operator ${CHART} ${flags.slice(1).join(' ')}`);
  await createNamespace(kubernetes, OPERATOR_NAMESPACE);
  await step('installing the operator', () =>
    kubernetes.helm([
      'upgrade',
      '--install',
      'migration-operator',
      join(ROOT, CHART),
      ...flags.slice(1),
      '--timeout=3m',
    ]),
  );
}

/** Both namespaces are the demo's own or not there: what is somebody else's must be neither used nor removed. */
export async function refuseLeftovers(kubernetes: Kubernetes): Promise<void> {
  const names = [NAMESPACE, OPERATOR_NAMESPACE];
  const found = await kubernetes.kubectl(['get', 'namespace', ...names, '--ignore-not-found', '--output=name']);
  if (found.trim() === '') return;
  const them = found.trim().replaceAll('namespace/', '').replaceAll('\n', ', ');
  throw new PrerequisiteError(
    `There already: namespace ${them}. \`npm run demo -- --clean\` removes what an earlier demo made.`,
  );
}

async function createNamespace(kubernetes: Kubernetes, name: string): Promise<void> {
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const metadata = { name, labels: { [MADE_BY.label]: MADE_BY.value, ...restricted } };
  await kubernetes.kubectl(
    ['create', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
  );
}

/** The example's database, empty but for two roles: the owner, who migrates, and the one of the application. */
export async function startDatabase(kubernetes: Kubernetes): Promise<void> {
  await createNamespace(kubernetes, NAMESPACE);
  const waves = await wavesOf(kubernetes, 'database', {});
  const [namespace, ...rest] = waves;
  if (namespace !== undefined) await step(describeWave(namespace), () => applyWave(kubernetes, namespace));
  await step('three Secrets with passwords made just now', () => createSecrets(kubernetes));
  for (const wave of rest) await step(describeWave(wave), () => applyWave(kubernetes, wave));
  await step('PostgreSQL answers', () =>
    kubernetes.kubectl(['-n', NAMESPACE, 'rollout', 'status', 'statefulset/truledgr-postgres', '--timeout=3m']),
  );
}

/** By standard input, so that no password is in the arguments of a process. */
async function createSecrets(kubernetes: Kubernetes): Promise<void> {
  const secret = (name: string, role?: string): object => {
    const password = randomBytes(24).toString('hex');
    const url = `postgresql://${role}:${password}@truledgr-postgres:5432/truledgr`;
    const stringData = role === undefined ? { password } : { password, url };
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: NAMESPACE }, stringData };
  };
  const items = [
    secret('truledgr-postgres'),
    secret('truledgr-database', 'truledgr_owner'),
    secret('truledgr-app-database', 'truledgr_app'),
  ];
  await kubernetes.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Our own cluster goes away whole; from another, what the demo made. */
export async function clean(): Promise<void> {
  const given = await clusterFromEnvironment();
  if (given === undefined) {
    const was = await step(`ending the cluster ${CLUSTER}`, () => down(CLUSTER));
    if (!was) line('there was none');
    return;
  }
  const kubernetes = await connect(given);
  try {
    const selector = `--selector=${MADE_BY.label}=${MADE_BY.value}`;
    const ours = await kubernetes.kubectl(['get', 'namespace', selector, '--output=name']);
    if (ours.trim() === '') {
      line('there is nothing of a demo in this cluster');
      return;
    }
    await step(`deleting the namespace ${NAMESPACE}`, () =>
      kubernetes.kubectl([
        'delete',
        'namespace',
        selector,
        `--field-selector=metadata.name=${NAMESPACE}`,
        '--timeout=3m',
      ]),
    );
    await step('uninstalling the operator', async () => {
      const flags = ['--namespace', OPERATOR_NAMESPACE, '--ignore-not-found', '--wait'];
      await kubernetes.helm(['uninstall', 'migration-operator', ...flags]);
      await kubernetes.kubectl(['delete', 'namespace', selector, '--timeout=3m']);
    });
    line('left there: the CRDs');
  } finally {
    kubernetes.close();
  }
}
