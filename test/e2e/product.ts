// The product as a platform team gets it: the operator's image and its chart with default values, so that what is tested
// runs under its own service account and its own role. Images are built of the bundles, which are made here.
import { join } from 'node:path';
import { BUNDLE_NAMES, buildBundle } from '../../build.ts';
import type { Kubernetes } from '../../examples/truledgr/demo/kubernetes.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { buildImage, postgresImage, standInArchive } from '../cluster/images.ts';
import { APP_IMAGE, OPERATOR, OPERATOR_IMAGE } from './names.ts';
import { ENFORCE_RESTRICTED } from './pod-security.ts';

const ROOT = join(import.meta.dirname, '../..');

export async function loadImages(cluster: Cluster, progress: (line: string) => void): Promise<void> {
  for (const name of BUNDLE_NAMES) await buildBundle(name);
  const buildArgs = { DIST: 'prebuilt' };
  const builds = [
    buildImage({ dockerfile: join(ROOT, 'Dockerfile'), context: ROOT, buildArgs, tag: OPERATOR_IMAGE, progress }),
    buildImage({
      dockerfile: join(ROOT, 'examples/truledgr/app/Dockerfile'),
      context: join(ROOT, 'dist/truledgr-api'),
      tag: APP_IMAGE,
      progress,
    }),
    standInArchive(postgresImage, progress),
  ];
  await Promise.all(builds.map(async archive => cluster.loadImage(await archive)));
}

/** With default values, or with some as `--set` writes them. Its namespace enforces the restricted standard like all. */
export async function installOperator(kubernetes: Kubernetes, values: readonly string[] = []): Promise<void> {
  const { name, namespace } = OPERATOR;
  const chart = join(ROOT, 'charts/migration-operator');
  const metadata = { name: namespace, labels: ENFORCE_RESTRICTED };
  await kubernetes.kubectl(
    ['apply', '--server-side', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
  );
  const flags = ['--namespace', namespace, '--reset-values', '--wait', '--timeout=3m'];
  const set = values.map(value => `--set=${value}`);
  await kubernetes.helm(['upgrade', '--install', name, chart, ...flags, ...set]);
}

/** On a cluster of KUBECONFIG the image may be new under the name that the running Pod has. */
export async function restartOperator(kubernetes: Kubernetes): Promise<void> {
  const { name, namespace } = OPERATOR;
  await kubernetes.kubectl(['rollout', 'restart', `deployment/${name}`, '-n', namespace]);
  await kubernetes.kubectl(['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=2m']);
}

/** Its Pods first: the rights go with the release, and what a Pod says in its last seconds would be refused. */
export async function stopOperator(kubernetes: Kubernetes): Promise<void> {
  const { name, namespace } = OPERATOR;
  await kubernetes.kubectl(['scale', `deployment/${name}`, '-n', namespace, '--replicas=0']);
  const pods = ['pod', '-n', namespace, '--selector', `app.kubernetes.io/name=${name}`];
  await kubernetes.kubectl(['wait', ...pods, '--for=delete', '--timeout=2m']);
}

/** The CRDs stay, as the chart promises. */
export async function removeOperator(kubernetes: Kubernetes): Promise<void> {
  await kubernetes.helm(['uninstall', OPERATOR.name, '--namespace', OPERATOR.namespace, '--ignore-not-found']);
}
