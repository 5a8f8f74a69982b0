// The chart's life: upgraded while a run is at work, uninstalled, installed again with rights in one namespace only. There
// is no released version to come from, so the upgrade is of this chart with other values: what a platform team does
// most, and what replaces the Pods like any upgrade. Serial, for there is one operator for all.
import assert from 'node:assert/strict';
import { ALL_SIX, expectLedger, expectRunning, waitForReason } from '../expect.ts';
import { type Files, filesUpTo, slowed } from '../migrations.ts';
import { MIGRATION, OPERATOR } from '../names.ts';
import { healthCheck, recreate, withBackup } from '../objects.ts';
import { waitUntilAsleep } from '../pods.ts';
import { installOperator, removeOperator, stopOperator } from '../product.ts';
import { applyApp, applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { list, migrationOf, read, type Site } from '../site.ts';

const TARGET = '006_ledger_tables';
const CRD = 'databasemigrations.migrations.truledgr.app';

export const chart: Scenario = {
  name: 'chart',
  title: 'the chart is upgraded in mid-run, uninstalled, installed for one namespace: the run ends, all stays',
  run: async site => {
    await install(site, { needs: { min: '005_auth_tables', max: TARGET } });
    await expectRunning(site, 2);
    const files = slowed(filesUpTo(TARGET, site.database.app.name), TARGET, 10);
    try {
      await upgradeInMidRun(site, files);
      await uninstall(site);
      await installForOneNamespace(site, files);
    } finally {
      await installOperator(site.stage.kubernetes);
    }
  },
};

async function upgradeInMidRun(site: Site, files: Files): Promise<void> {
  const spec = { backup: withBackup, rollout: recreate(), validation: healthCheck() };
  await applyMigration(site, { target: TARGET, files, spec });
  await waitUntilAsleep(site);
  await installOperator(site.stage.kubernetes, ['log.level=debug', 'replicas=2']);
  await waitForReason(site, ['UpToDate']);
  await expectRunning(site, 2);
  await expectLedger(site, ALL_SIX);
  assert.equal((await list(site, 'databasebackups')).length, 1);
}

async function uninstall(site: Site): Promise<void> {
  const { kubernetes } = site.stage;
  const { metadata } = await migrationOf(site);
  await stopOperator(kubernetes);
  await removeOperator(kubernetes);
  assert.match(await kubernetes.kubectl(['get', 'crd', CRD, '--output=name']), new RegExp(CRD));
  assert.equal((await read(site, 'databasemigrations', MIGRATION))?.metadata?.uid, metadata?.uid);
  assert.equal((await list(site, 'databasebackups')).length, 1, 'records of backups');
}

/** With rights there alone it does all that a run needs. What had ended is not begun again. */
async function installForOneNamespace(site: Site, files: Files): Promise<void> {
  const { kubernetes } = site.stage;
  const before = (await migrationOf(site)).status?.run?.id ?? 0;
  await installOperator(kubernetes, [`watchNamespaces={${site.namespace}}`]);
  const name = `${OPERATOR.namespace}:${OPERATOR.name}`;
  const role = JSON.parse(await kubernetes.kubectl(['get', 'clusterrole', name, '--output=json'])) as {
    rules: unknown;
  };
  assert.deepEqual(
    role.rules,
    [{ apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] }],
    'the rights in the whole cluster',
  );
  await applyApp(site, { release: '006' });
  // Another spec, so that it is seen at work.
  await applyMigration(site, { target: TARGET, files, spec: { validation: healthCheck() } });
  const { migration } = await waitForReason(site, ['UpToDate']);
  assert.equal(migration.status?.run?.id, before + 1);
  await expectRunning(site, 2);
  await expectLedger(site, ALL_SIX);
}
