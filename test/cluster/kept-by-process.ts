// A process that has a cluster and waits: what a test file is to its runner. Started by selftest.test.ts, which tells it to
// end. Usage: node test/cluster/kept-by-process.ts NAME; prints a line when the cluster is up.
import { setTimeout as sleep } from 'node:timers/promises';
import { up } from './cluster.ts';

await up({ name: process.argv[2] ?? '', controlPlaneOnly: true, progress: () => {} });
console.log('up');
await sleep(600_000);
