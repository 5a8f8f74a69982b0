// The product on a real cluster: kubelet, containers, images, Jobs, an app, a database, and the operator that the chart
// installs under its own service account. Scenarios run side by side, each in its own namespace and database; those that
// kill the operator come after, because they would kill it for all; at the end the API server's audit log is read.
// E2E_ONLY=name,name runs only these. KUBECONFIG names a cluster to use instead of a fresh one.
import { after, before, describe, it } from 'node:test';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { isWanted, play, type Scenario } from './scenario.ts';
import { release } from './scenarios/release.ts';
import { openStage, type Stage } from './stage.ts';

const SIDE_BY_SIDE: readonly Scenario[] = [release];
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

describe('a release on a real cluster', { concurrency: AT_A_TIME }, () => {
  for (const scenario of SIDE_BY_SIDE.filter(isWanted)) {
    it(`${scenario.name}: ${scenario.title}`, async t => {
      if (stage === undefined) t.skip(lack);
      else await play(stage, scenario, passwords);
    });
  }
});
