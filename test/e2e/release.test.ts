// The product on a real cluster: kubelet, containers, images, Jobs, an app, a database, and the operator that the chart
// installs under its own service account. Scenarios run side by side, each in its own namespace and database; those that
// kill the operator come after, because they would kill it for all; at the end the API server's audit log is read.
// E2E_ONLY=name,name runs only these. KUBECONFIG names a cluster to use instead of a fresh one.
import { after, before, describe, it } from 'node:test';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { isWanted, play, type Scenario } from './scenario.ts';
import { deletion, deletionHeld } from './scenarios/deletion.ts';
import { killedOperator } from './scenarios/killed-operator.ts';
import { killedPods } from './scenarios/killed-pods.ts';
import { missingConfigMap, mistypedWorkload, wrongSecret } from './scenarios/mistakes.ts';
import { release } from './scenarios/release.ts';
import { session } from './scenarios/sessions.ts';
import { none, rolling, statefulSet } from './scenarios/strategies.ts';
import { openStage, type Stage } from './stage.ts';

/** The longest first. */
const SIDE_BY_SIDE: readonly Scenario[] = [
  ...[release, session, killedPods, rolling, deletionHeld, deletion, statefulSet],
  ...[mistypedWorkload, wrongSecret, missingConfigMap, none],
];
const ONE_BY_ONE: readonly Scenario[] = [killedOperator];
const AT_A_TIME = 4;

let stage: Stage | undefined;
/** Why this machine cannot. */
let lack = '';
const passwords = new Set<string>();

before(async () => {
  try {
    stage = await openStage();
  } catch (error) {
    if (!(error instanceof PrerequisiteError)) throw error;
    lack = error.message;
  }
});

after(async () => {
  await stage?.close();
});

function playAll(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios.filter(isWanted)) {
    it(`${scenario.name}: ${scenario.title}`, async t => {
      if (stage === undefined) t.skip(lack);
      else await play(stage, scenario, passwords);
    });
  }
}

describe('a release on a real cluster', { concurrency: AT_A_TIME }, () => playAll(SIDE_BY_SIDE));

describe('an operator that is killed', { concurrency: 1 }, () => playAll(ONE_BY_ONE));
