// The API server of a control plane of ours, ended and started again under whoever uses it: what a control plane's bad day
// does to a client. The new process has the same address, tokens and certificate, and a cold cache.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from './api.ts';
import { caFileOf } from './controlPlane.ts';
import { killAndWait, startProcess, thisProcess } from './processes.ts';
import { type State, saveState } from './state.ts';

const name = 'kube-apiserver';

/** Kills it, does what is to be done meanwhile, and starts it; returns when it is ready. */
export async function restartApiServer(state: State, meanwhile: () => Promise<void>): Promise<void> {
  const index = state.processes.findIndex(process => process.name === name);
  const old = state.processes[index];
  if (old === undefined || state.shape === 'full')
    throw new Error(`Cluster ${state.name} has no API server of its own`);
  // A cluster that lacks a process is swept away, unless somebody is starting it.
  state.starter = thisProcess();
  saveState(state);
  await killAndWait([old]);
  try {
    await meanwhile();
  } finally {
    state.processes[index] = startProcess(name, old.command, join(state.directory, 'logs', `${name}.log`));
    state.starter = undefined;
    saveState(state);
  }
  await whenReady(state);
}

/**
 * Makes etcd forget every revision before its newest, so that a watch from an older one gets 410. Works while the API
 * server is away. https://etcd.io/docs/latest/dev-guide/api_grpc_gateway/
 */
export async function compactEtcd(state: State): Promise<void> {
  const flag = '--listen-client-urls=';
  const url = state.processes.flatMap(({ command }) => command).find(part => part.startsWith(flag));
  if (url === undefined) throw new Error(`Cluster ${state.name} has no etcd of its own`);
  const ask = async (path: string, body: object): Promise<{ header?: { revision?: string } }> => {
    const answer = await fetch(new URL(path, url.slice(flag.length)), {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`etcd answers ${path} with ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { header?: { revision?: string } };
  };
  const { header } = await ask('/v3/maintenance/status', {});
  await ask('/v3/kv/compaction', { revision: header?.revision, physical: true });
}

const patienceMs = 120_000;
const pollMs = 50;

async function whenReady(state: State): Promise<void> {
  const deadline = Date.now() + patienceMs;
  const token = readFileSync(join(state.directory, 'tokens.csv'), 'utf8').split(',', 1)[0] ?? '';
  const caller = { server: state.server, ca: readFileSync(caFileOf(state.directory), 'utf8'), token };
  while ((await get(caller, '/readyz')).status !== 200) {
    if (Date.now() > deadline) throw new Error(`The API server of ${state.name} is not ready after its restart`);
    await sleep(pollMs);
  }
}
