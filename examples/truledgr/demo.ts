// `npm run demo`: a real cluster takes an application and its database through three releases, the last of them bad.
// The chapters are in demo/story.ts; this file says in which order, how long each took, what to look at afterwards,
// and cleans up.
import { parseArgs } from 'node:util';
import { type Cluster, PrerequisiteError } from '../../test/cluster/cluster.ts';
import { connect, type Kubernetes } from './demo/kubernetes.ts';
import { NAMESPACE } from './demo/migration.ts';
import {
  clean,
  installOperator,
  loadImages,
  OPERATOR_NAMESPACE,
  openCluster,
  refuseLeftovers,
  startDatabase,
} from './demo/stage.ts';
import { badRelease, firstRelease, goodRelease, people } from './demo/story.ts';
import { command, line, paragraph, seconds, styled, title } from './demo/terminal.ts';

const USAGE = `Usage: npm run demo [-- OPTION]

Brings up a cluster (or uses the one of KUBECONFIG), installs the operator, and takes an
application and its PostgreSQL through three releases. The cluster stays afterwards.

  --clean   remove what an earlier demo left, and nothing else
  --keep    leave the cluster up also after Ctrl-C or a failure
  --help    this text
`;

/** Names and durations of the chapters that have ended. */
const chapters: { readonly name: string; readonly ms: number }[] = [];

async function chapter<T>(name: string, why: string, action: () => Promise<T>): Promise<T> {
  title(`${chapters.length + 1} · ${name}`, why);
  const started = performance.now();
  const result = await action();
  chapters.push({ name, ms: performance.now() - started });
  return result;
}

async function tell(): Promise<Cluster> {
  const { cluster, kubernetes, images } = await chapter(
    'A stage',
    'A Kubernetes cluster with the operator in it. The first time everything is built from sources, which takes a while; ' +
      'later it is cached.',
    setStage,
  );
  try {
    await chapter(
      'An application, and its empty database',
      'PostgreSQL with two roles. The owner migrates; the application signs in as another, which cannot change the schema.',
      () => startDatabase(kubernetes),
    );
    await chapter(
      'Release 005, the first',
      'Five migrations and the code that needs them, as one commit. The database goes first; the application starts when ' +
        'its tables are there, from 0 to 2 Pods.',
      () => firstRelease(kubernetes, images),
    );
    await chapter('People', 'Rows written by the application, so that there is something to lose.', () =>
      people(kubernetes),
    );
    await chapter(
      'Release 006: a ledger',
      'One more migration, and code that needs it. The operator stops the application, backs up, migrates, and waits ' +
        'for the new code, which comes with the next wave. Meanwhile somebody signs up again and again.',
      () => goodRelease(kubernetes, images),
    );
    await chapter(
      'Release 007: a bad one',
      'Its migration worked on an empty test database. On real rows its last statement fails: there are two Adas. ' +
        'Watch what happens to the data, and to the application.',
      () => badRelease(kubernetes, images),
    );
  } finally {
    kubernetes.close();
  }
  return cluster;
}

async function setStage() {
  const cluster = await openCluster();
  const kubernetes: Kubernetes = await connect(cluster);
  try {
    await refuseLeftovers(kubernetes);
    const images = await loadImages(cluster);
    await installOperator(kubernetes, images);
    return { cluster, kubernetes, images };
  } catch (error) {
    kubernetes.close();
    throw error;
  }
}

function showTheEnd(cluster: Cluster): void {
  title('What to look at next', '');
  const total = chapters.reduce((sum, { ms }) => sum + ms, 0);
  for (const { name, ms } of [...chapters, { name: 'in all', ms: total }]) {
    line(`${name.padEnd(42)}${seconds(ms).padStart(12)}`);
  }
  line();
  paragraph('The cluster is still up:');
  command(`export KUBECONFIG=${cluster.kubeconfig}`);
  if (cluster.kubectl.includes('/')) command(`alias kubectl=${cluster.kubectl}`);
  command(`kubectl -n ${NAMESPACE} describe dbm truledgr          # every answer of the operator, and its events`);
  command(`kubectl -n ${NAMESPACE} get jobs,pods                  # what it made of them`);
  command(`kubectl -n ${OPERATOR_NAMESPACE} logs deploy/migration-operator`);
  command('kubectl explain dbm.spec --recursive             # what a DatabaseMigration can say');
  command('kubectl apply --server-side -k examples/truledgr/manifests/overlays/release-006   # revert the bad release');
  line();
  line(`${styled('bold', 'npm run demo -- --clean')} removes it all.`);
}

function readOptions() {
  const options = { clean: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

async function main(): Promise<number> {
  const values = readOptions();
  if (values === undefined) return 2;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.clean) {
    await clean();
    return 0;
  }
  process.once('SIGINT', () => void endWith('interrupted', 130, values.keep ?? false));
  process.once('SIGTERM', () => void endWith('told to stop', 143, values.keep ?? false));
  try {
    showTheEnd(await tell());
    return 0;
  } catch (error) {
    if (isEnding) return await new Promise<never>(() => undefined);
    const what = error instanceof Error ? error.message : String(error);
    if (error instanceof PrerequisiteError) {
      line(what);
      return 2;
    }
    return endWith(`the demo failed: ${what}`, 1, values.keep ?? false);
  }
}

/** From then on the failures of what is being taken down are not news. */
let isEnding = false;

async function endWith(what: string, code: number, keep: boolean): Promise<never> {
  isEnding = true;
  line();
  line(styled('red', what));
  if (keep) line('The cluster is left as it is; `npm run demo -- --clean` removes it.');
  else await clean().catch((error: unknown) => line(String(error)));
  process.exit(code);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
