// What the Job controller says when the API server does not take a Job's Pod, in its real words and as real Events.
import assert from 'node:assert/strict';
import { conditionOf, expectLedger, expectRunning, FIRST_FIVE, waitForReason, waitReady } from '../expect.ts';
import { applyApp, applyMigration } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply } from '../site.ts';

const limit = (pods: string) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'team' },
  spec: { hard: { pods } },
});

export const quota: Scenario = {
  name: 'quota',
  title: 'a quota that does not take the Pod of a Job is told in its own words, and the release goes on when it does',
  run: async site => {
    await apply(site, [limit('0')]);
    await applyApp(site, { release: '005', replicas: 0 });
    await applyMigration(site, { target: '005_auth_tables' });
    const waiting = await waitForReason(site, ['RequestRefused']);
    assert.equal(conditionOf(waiting.migration, 'Reconciling')?.status, 'True');
    assert.match(waiting.message, /exceeded quota: team/);
    assert.match(waiting.message, /Nothing is stopped/);
    await apply(site, [limit('20')]);
    await waitReady(site);
    await expectRunning(site, 2);
    await expectLedger(site, FIRST_FIVE);
  },
};
