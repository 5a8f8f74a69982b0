// What all scenarios stand on: one cluster with the operator and PostgreSQL in it. Brought up once; `close` gives
// everything back, the cluster too unless KUBECONFIG named it.
import { connect, type Kubernetes } from '../../examples/truledgr/demo/kubernetes.ts';
import { type Cluster, clusterFromEnvironment, up } from '../cluster/cluster.ts';
import { startPostgres } from './database.ts';
import { NAMESPACE_LABEL } from './names.ts';
import { followLog, type Log } from './operator-log.ts';
import { installOperator, loadImages, removeOperator, restartOperator } from './product.ts';

export interface Stage {
  readonly cluster: Cluster;
  readonly kubernetes: Kubernetes;
  readonly operatorLog: Log;
  /** Time from which on the audit log speaks of this test. */
  readonly startTime: string;
  close(): Promise<void>;
}

export const progress = (line: string): void => console.error(`# ${line}`);

export async function openStage(): Promise<Stage> {
  const given = await clusterFromEnvironment();
  const cluster = given ?? (await up({ name: `e2e-${process.pid}`, progress }));
  const closing: (() => Promise<void> | void)[] = [() => cluster.down()];
  const close = async (): Promise<void> => {
    for (const part of closing.toReversed()) await part();
  };
  try {
    const kubernetes = await connect(cluster);
    closing.push(() => kubernetes.close());
    const startTime = new Date().toISOString();
    if (given !== undefined) {
      await removeNamespaces(kubernetes);
      closing.push(() => removeOperator(kubernetes));
      closing.push(() => removeNamespaces(kubernetes));
    }
    await timed('images', () => loadImages(cluster, progress));
    await timed('operator and PostgreSQL', () =>
      Promise.all([
        installOperator(kubernetes).then(() => (given === undefined ? undefined : restartOperator(kubernetes))),
        startPostgres(kubernetes),
      ]).then(() => undefined),
    );
    const operatorLog = followLog(cluster);
    closing.push(() => operatorLog.close());
    return { cluster, kubernetes, operatorLog, startTime, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** With their resources; the operator lets its finalizers go in a namespace that terminates. */
async function removeNamespaces(kubernetes: Kubernetes): Promise<void> {
  await kubernetes.kubectl(['delete', 'namespaces', '--selector', NAMESPACE_LABEL, '--timeout=3m']);
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  progress(`${what}: ${secondsSince(started)}`);
}

export function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
