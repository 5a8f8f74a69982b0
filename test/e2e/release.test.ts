// The product on a real cluster: kubelet, containers, images, Jobs, an app, a database, and the operator that the chart
// installs under its own service account. Scenarios run side by side, each in its own namespace and database; those that
// kill the operator come after, because they would kill it for all; at the end the API server's audit log is read.
// E2E_ONLY=name,name runs only these; E2E_VERBOSE=1 prints what the status said where it was waited for. KUBECONFIG names
// a cluster to use instead of a fresh one.
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { healthOf } from '../cluster/health.ts';
import { misjudged } from '../health-rules.ts';
import { type Audit, countRequests, readAudit, requestsFor, rightOf, statusWrites, unauthorized } from './audit.ts';
import { grantedRights } from './rights.ts';
import { isWanted, play, type Scenario } from './scenario.ts';
import { baseline } from './scenarios/baseline.ts';
import { chart } from './scenarios/chart.ts';
import { deletion, deletionDuringBackup, deletionHeld } from './scenarios/deletion.ts';
import { killedOperator } from './scenarios/killed-operator.ts';
import { killedPods } from './scenarios/killed-pods.ts';
import { missingConfigMap, mistypedWorkload, wrongSecret } from './scenarios/mistakes.ts';
import { quota } from './scenarios/quota.ts';
import { release } from './scenarios/release.ts';
import { revert } from './scenarios/revert.ts';
import { session } from './scenarios/sessions.ts';
import { none, rolling, statefulSet } from './scenarios/strategies.ts';
import { openStage, progress, type Stage } from './stage.ts';
import { breaches } from './status-rules.ts';

/** The longest first. */
const SIDE_BY_SIDE: readonly Scenario[] = [
  ...[release, revert, session, killedPods, rolling, deletionHeld, deletion, deletionDuringBackup, statefulSet],
  ...[baseline, mistypedWorkload, wrongSecret, missingConfigMap, none, quota],
];
const ONE_BY_ONE: readonly Scenario[] = [killedOperator, chart];
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

/** Skips where this machine cannot. */
async function onStage(t: TestContext, work: (stage: Stage) => Promise<void>): Promise<void> {
  if (stage === undefined) t.skip(lack);
  else await work(stage);
}

function playAll(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios.filter(isWanted)) {
    it(`${scenario.name}: ${scenario.title}`, t => onStage(t, here => play(here, scenario, passwords)));
  }
}

describe('a release on a real cluster', { concurrency: AT_A_TIME }, () => playAll(SIDE_BY_SIDE));

describe('an operator that is killed', { concurrency: 1 }, () => playAll(ONE_BY_ONE));

describe('what the operator did in all of that', () => {
  let audit: Audit | undefined;
  /** Skips on a cluster whose audit log cannot be read here. */
  const withAudit = (t: TestContext, work: (audit: Audit) => void | Promise<void>): Promise<void> =>
    onStage(t, async ({ cluster, startTime }) => {
      if (cluster.auditLog === undefined) return t.skip('this cluster keeps no audit log for us');
      audit ??= await readAudit(cluster.auditLog, startTime, passwords);
      await work(audit);
    });

  it('was within its rights', t => withAudit(t, ({ operator }) => assert.deepEqual(unauthorized(operator), [])));

  it('never asked for a Secret', t =>
    withAudit(t, ({ operator }) => assert.deepEqual(requestsFor(operator, 'secrets'), [])));

  it('kept the rules of kstatus in every status write', t =>
    withAudit(t, ({ operator }) => {
      const writes = statusWrites(operator);
      progress(`${writes.length} status writes of DatabaseMigrations`);
      assert.ok(writes.length > 0);
      assert.deepEqual(breaches(writes), []);
    }));

  it('was never misread by kstatus or Argo CD', t =>
    withAudit(t, async ({ operator }) => {
      const writes = statusWrites(operator);
      assert.ok(writes.length > 0);
      assert.deepEqual(misjudged(writes, await healthOf(writes, progress)), []);
    }));

  it('left no password in its log or in a request', t =>
    withAudit(t, ({ leaked }) => {
      const log = stage?.operatorLog.text() ?? '';
      assert.ok(log.includes('"reconciled"'), 'the log was not followed');
      assert.equal([...passwords].filter(password => log.includes(password)).length, 0, 'in the log of the operator');
      assert.equal(leaked.length, 0, 'in the audit log');
    }));

  it('cost this many requests', t =>
    withAudit(t, ({ operator }) => {
      const runs = new Set(statusWrites(operator).map(one => `${one.metadata?.uid}/${one.status?.run?.id}`)).size;
      progress(`${operator.length} requests for ${runs} runs, ${Math.round(operator.length / runs)} a run:`);
      for (const line of countRequests(operator)) progress(line);
    }));

  it('used every right that the chart grants', t =>
    withAudit(t, async ({ operator }) => {
      if (process.env.E2E_ONLY) return t.skip('only some scenarios were played');
      const used = new Set(operator.map(rightOf));
      const granted = stage === undefined ? [] : await grantedRights(stage.kubernetes);
      assert.ok(granted.length > 0, 'no role of the release was found');
      const unused = granted.filter(right => !used.has(right));
      assert.deepEqual(
        unused,
        [],
        'granted and not used: take them out of the chart, or add a scenario that needs them',
      );
    }));
});
