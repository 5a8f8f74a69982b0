// The machine as it is shipped, processes of src/operator/main.ts, on a real API server: kinds that come late, two
// operators with one Lease of which one is frozen, killed or ended, and an API server that goes away. Witnesses are the
// API server's audit log and its objects. Limits are generous; the figures are printed.
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGone } from '../../src/kubernetes/errors.ts';
import { MIGRATIONS } from '../../src/operator/sources.ts';
import type { Audited } from '../control/accounts.ts';
import { openLine } from '../failures/line.ts';
import { eventually, Plane } from './plane.ts';
import { OperatorProcess } from './process.ts';

/** As in src/operator/controller/leader-election.ts. */
const LEASE_MS = 30_000;
const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

let plane: Plane;

before(async () => {
  plane = await Plane.open();
});

after(async () => {
  await plane[Symbol.asyncDispose]();
});

async function startIn(namespace: string, name: string, server?: string): Promise<OperatorProcess> {
  return OperatorProcess.start({ name, namespace, kubeconfig: await plane.addAccount(namespace, name, server) });
}

describe('an operator before its kinds are there', () => {
  it('says in log and readiness what it waits for, asks seldom, and goes on when they come', async () => {
    await plane.addNamespace('late');
    const startMs = Date.now();
    await using operator = await startIn('late', 'early');
    await eventually('it says what it waits for', async () => {
      const { status, text } = await operator.page('/readyz');
      return status === 503 && /databasemigrations \(.*CustomResourceDefinition/.test(text);
    });
    assert.equal((await operator.page('/healthz')).status, 200, 'a restart would not help');
    assert.ok(operator.log.some(line => line.level === 'warn' && line.resource === 'databasemigrations'));
    await plane.defineKinds();
    await operator.whenReady();
    const lists = plane
      .requestsOf('late', 'early', 0)
      .filter(one => one.verb === 'list' && one.objectRef?.resource === 'databasemigrations');
    // The delays begin at 1 s and double up to 15 s at least; the last two are the one that finds the kind and the leader's own.
    const seconds = (Date.now() - startMs) / 1000;
    const mostLists = 3 + Math.log2(1 + seconds) + seconds / 15;
    assert.ok(lists.length <= mostLists, `${lists.length} lists, of at most ${mostLists}`);
    await plane.whenHasJob(operator, await plane.addMigration('late', 'first'));
  });
});

// Side by side, for each is mostly a wait for a lease.
describe('a Lease', { concurrency: true }, () => {
  before(() => plane.defineKinds());

  it('is not given up in an outage, be it longer than the lease, as long as nobody else took it', async t => {
    await plane.addNamespace('cut-off');
    const line = await openLine(plane.cluster.server);
    t.after(() => line.close());
    await using operator = await startIn('cut-off', 'one', line.url.replace(/\/$/, ''));
    await operator.whenLeading();
    line.cut();
    const made = await plane.addMigration('cut-off', 'meanwhile');
    await sleep(LEASE_MS + 5_000);
    assert.equal((await operator.page('/healthz')).status, 200);
    line.mend();
    const mendedMs = Date.now();
    await plane.whenHasJob(operator, made);
    assert.ok(operator.isRunning);
    const { holderIdentity, leaseTransitions } = await plane.lease('cut-off');
    assert.deepEqual([holderIdentity, leaseTransitions], ['one', 0]);
    tell(t, `cut off for ${LEASE_MS + 5_000} ms, at work again ${Date.now() - mendedMs} ms later`);
  });

  it("that ran out while its leader was frozen in mid-work is another one's: the first wakes up and writes nothing", async t => {
    await plane.addNamespace('frozen');
    await using leader = await startIn('frozen', 'one');
    await leader.whenLeading();
    await using follower = await startIn('frozen', 'two');
    await follower.whenReady();
    const names = Array.from({ length: 20 }, (_, index) => `app-${index}`);
    const made = await Promise.all(names.map(name => plane.addMigration('frozen', name)));
    await eventually('it is at work', async () => leader.log.some(line => line.message === 'reconciled'));
    const frozenMs = leader.signal('SIGSTOP');
    const ledMs = await follower.whenLeading();
    await plane.whenHasJob(follower, ...made);
    // Something that it would want to act on, had it a right to.
    await plane.addMigration('frozen', 'later');
    const wokenMs = leader.signal('SIGCONT');
    const { code, atMs } = await leader.ended;
    assert.equal(code, 1);
    const after = plane.requestsOf('frozen', 'one', wokenMs).filter(one => WRITES.has(one.verb));
    assert.deepEqual(after.map(written), []);
    assert.ok(
      plane.requestsOf('frozen', 'one', 0).some(one => one.verb === 'create' && one.objectRef?.resource === 'jobs'),
    );
    assert.equal((await plane.lease('frozen')).holderIdentity, 'two');
    for (const object of made) assert.equal((await plane.jobsOf(object)).length, 1, 'a Job for each, once');
    tell(t, `frozen leader replaced after ${ledMs - frozenMs} ms, ended ${atMs - wokenMs} ms after it woke`);
  });

  it('passes on when it has run out after a kill, and at once after a clean end', async t => {
    await plane.addNamespace('killed');
    await using first = await startIn('killed', 'one');
    await first.whenLeading();
    await using second = await startIn('killed', 'two');
    await second.whenReady();
    const killedMs = first.signal('SIGKILL');
    await using third = await startIn('killed', 'three');
    const afterKillMs = (await second.whenLeading()) - killedMs;
    await third.whenReady();
    const endedMs = second.signal('SIGTERM');
    const afterEndMs = (await third.whenLeading()) - endedMs;
    const { code, atMs } = await second.ended;
    assert.equal(code, 0);
    await plane.whenHasJob(third, await plane.addMigration('killed', 'app'));
    // Aims: lease + 2 s, and 2 s. The machine may be busy.
    assert.ok(afterKillMs < LEASE_MS + 15_000, `${afterKillMs} ms`);
    assert.ok(afterEndMs < 15_000, `${afterEndMs} ms`);
    tell(t, `fail-over ${afterKillMs} ms after SIGKILL (aim 32000), ${afterEndMs} ms after SIGTERM (aim 2000)`);
    tell(t, `the process ended ${atMs - endedMs} ms after SIGTERM`);
  });
});

describe('an operator whose API server goes away', () => {
  before(() => plane.defineKinds());

  it('misses nothing, keeps its lease, and is the same process afterwards, although etcd forgot what happened', async t => {
    await plane.addNamespace('outage');
    const line = await openLine(plane.cluster.server);
    t.after(() => line.close());
    const through = line.url.replace(/\/$/, '');
    await using operator = await startIn('outage', 'one', through);
    await operator.whenLeading();
    await using standby = await startIn('outage', 'two', through);
    await standby.whenReady();
    const kept = await plane.addMigration('outage', 'kept');
    const changed = await plane.addMigration('outage', 'changed');
    const doomed = await plane.addMigration('outage', 'recreated');
    await plane.whenHasJob(operator, kept, changed, doomed);
    const before = await plane.jobsOf(changed);

    const cutMs = Date.now();
    line.cut();
    const finalizers = { metadata: { finalizers: null } };
    await plane.api.patch(MIGRATIONS, 'outage', 'recreated', finalizers);
    await plane.api.delete(MIGRATIONS, 'outage', 'recreated');
    const recreated = await plane.addMigration('outage', 'recreated');
    assert.notEqual(recreated.metadata?.uid, doomed.metadata?.uid);
    await plane.api.patch(MIGRATIONS, 'outage', 'changed', { spec: { target: 'latest' } });
    await plane.cluster.restartApiServer(() => plane.cluster.compactEtcd());
    line.mend();
    const mendedMs = Date.now();

    await plane.whenHasJob(operator, recreated);
    // The first plan's Job, whose Pod never started, is deleted once nobody wants that plan any more.
    await eventually('the changed one has another Job', async () => {
      return (await plane.jobsOf(changed)).some(name => !before.includes(name));
    });
    const caughtUpMs = Date.now() - mendedMs;
    assert.equal((await plane.jobsOf(kept)).length, 1);
    assert.ok(operator.isRunning && standby.isRunning);
    const { holderIdentity, leaseTransitions } = await plane.lease('outage');
    assert.deepEqual([holderIdentity, leaseTransitions], ['one', 0]);
    assert.equal(operator.log.filter(one => one.message === 'leading').length, 1);
    assert.ok((await operator.figure('migration_operator_events_missed_total', 'databasemigrations')) > 0);
    assert.ok((await operator.figure('migration_operator_watch_reconnects_total', 'databasemigrations')) > 0);
    // Whether the operator met this too depends on how long the outage was: after three failures it lists anyway.
    const forgotten = plane.watchFrom(kept.metadata?.resourceVersion ?? '');
    await assert.rejects(forgotten, isGone);
    tell(t, `cut off for ${mendedMs - cutMs} ms, all seen and acted on ${caughtUpMs} ms later`);
  });
});

function written({ verb, objectRef, responseStatus }: Audited): string {
  return `${verb} ${objectRef?.resource} ${objectRef?.name ?? ''}: ${responseStatus?.code}`;
}

function tell(t: TestContext, figure: string): void {
  t.diagnostic(figure);
}
