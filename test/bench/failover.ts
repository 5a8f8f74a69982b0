// How long nobody leads when the leader ends, and when it is killed. Figures of what test/machine proves.
import { Plane } from '../machine/plane.ts';
import type { OperatorProcess } from '../machine/process.ts';
import { type Figure, type Group, inWords, type Progress } from './figure.ts';
import { Shipped } from './processes.ts';

const NAMESPACE = 'failover';
/** As in src/operator/controller/leader-election.ts. */
const LEASE_SECONDS = 30;

async function measure(progress: Progress): Promise<readonly Figure[]> {
  using shipped = await Shipped.build();
  await using plane = await Plane.open();
  await plane.defineKinds();
  await plane.addNamespace(NAMESPACE);
  const start = async (name: string): Promise<OperatorProcess> =>
    shipped.start({ name, namespace: NAMESPACE, kubeconfig: await plane.addAccount(NAMESPACE, name) });
  const startedMs = Date.now();
  await using first = await start('one');
  const firstMs = (await first.whenLeading()) - startedMs;
  await using second = await start('two');
  await second.whenReady();
  progress('SIGTERM to the leader');
  const endedMs = first.signal('SIGTERM');
  const afterEndMs = (await second.whenLeading()) - endedMs;
  await using third = await start('three');
  await third.whenReady();
  progress('SIGKILL to the leader');
  const killedMs = second.signal('SIGKILL');
  const afterKillMs = (await third.whenLeading()) - killedMs;
  return [
    { what: 'from start to synced caches and leadership, nobody before it', ours: inWords(firstMs) },
    { what: 'fail-over after a clean end', ours: inWords(afterEndMs), aim: 'below 2 s' },
    {
      what: 'fail-over after SIGKILL',
      ours: inWords(afterKillMs),
      aim: `below the lease (${LEASE_SECONDS} s) + 2 s`,
      beside: 'counted from the kill; the lease was renewed up to 10 s before it',
    },
  ];
}

export const failover: Group = { name: 'failover', about: 'a leader that ends, and one that is killed', measure };
