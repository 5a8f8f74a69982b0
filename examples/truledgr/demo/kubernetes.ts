// How the demo talks to the cluster: kubectl for what a person would type, and `kubectl proxy` for what is asked often
// (the watch of a resource, the application's own requests), so that no secret and no certificate is handled here.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../../test/cluster/cluster.ts';

export interface Kubernetes {
  /** Runs kubectl; rejects with what it said. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
  /** A request by the proxy to a path of the API server, the Service proxy included. */
  request(path: string, options?: RequestInit): Promise<Response>;
  /** Calls back with the object as it is and after each change, until the signal says stop. */
  watch(collection: string, name: string, changed: (object: unknown) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

const REQUEST_LIMIT_MS = 5_000;

export async function connect(cluster: Cluster): Promise<Kubernetes> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const proxy = spawn(cluster.kubectl, ['proxy', '--port=0'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  process.once('exit', () => proxy.kill());
  const base = await addressOf(proxy);
  return {
    kubectl: (args, input) => run(cluster.kubectl, args, env, input),
    helm: args => run(cluster.helm, args, env),
    request: (path, options = {}) =>
      fetch(`${base}${path}`, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS), ...options }),
    watch: (collection, name, changed, signal) => watch(`${base}${collection}`, name, changed, signal),
    close: () => proxy.kill(),
  };
}

/** `kubectl proxy` chooses a free port and prints it. */
async function addressOf(proxy: ChildProcess): Promise<string> {
  if (proxy.stdout === null) throw new Error('kubectl proxy has no output');
  const address = Promise.withResolvers<string>();
  createInterface(proxy.stdout).on('line', text => {
    const found = /\d+\.\d+\.\d+\.\d+:\d+/.exec(text)?.[0];
    if (found !== undefined) address.resolve(`http://${found}`);
  });
  proxy.once('error', address.reject);
  proxy.once('close', () => address.reject(new Error('kubectl proxy did not start')));
  return address.promise;
}

async function run(binary: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<string> {
  const child = spawn(binary, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaint: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return Buffer.concat(output).toString();
  const said = Buffer.concat(complaint).toString().trim();
  throw new Error(`${binary.split('/').at(-1)} ${args.slice(0, 4).join(' ')} failed: ${said}`);
}

/** Begins with the object as it is; a watch that the server ends is simply asked again. */
async function watch(
  url: string,
  name: string,
  changed: (object: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const query = new URLSearchParams({ watch: '1', fieldSelector: `metadata.name=${name}` });
  while (!signal.aborted) {
    const response = await fetch(`${url}?${query}`, { signal }).catch(() => undefined);
    if (response?.ok && response.body !== null) await eachLine(response.body, changed).catch(() => undefined);
    else await new Promise(resolve => setTimeout(resolve, 500));
  }
}

async function eachLine(body: ReadableStream<Uint8Array>, changed: (object: unknown) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      const event: { readonly type: string; readonly object: unknown } = JSON.parse(text);
      if (event.type === 'ADDED' || event.type === 'MODIFIED') changed(event.object);
    }
  }
}
