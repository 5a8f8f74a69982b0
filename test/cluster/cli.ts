// `npm run cluster -- …`: a cluster of one's own for work at the terminal. The cluster
// stays until `down`; tests and the demo start theirs by cluster.ts instead.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { attach, type Cluster, clusterFromEnvironment, down, list, PrerequisiteError, up } from './cluster.ts';
import { isKubernetesMinor, kubernetesMinors, newestKubernetes } from './kit/binaries.ts';
import { elapsed } from './kit/progress.ts';

const usage = `Usage: npm run cluster -- [--name NAME] COMMAND

  up [--kubernetes ${kubernetesMinors.join('|')}] [--control-plane-only]
                         build what is missing, start the cluster (Kubernetes ${newestKubernetes})
  down                   end it and leave nothing behind
  status                 the clusters of this machine
  kubeconfig             print the path of its kubeconfig file
  load IMAGE_ARCHIVE     make the image of a docker-archive known to its node
  kubectl ARGS...        run kubectl on it
  helm ARGS...           run Helm on it

NAME is "local" when not given. With KUBECONFIG set, kubeconfig, load, kubectl and helm
use that cluster.
`;

class UsageError extends Error {}

async function main(words: readonly string[]): Promise<number> {
  const { name, rest } = takeName(words);
  const [command, ...args] = rest;
  switch (command) {
    case 'up':
      return await upCommand(name, args);
    case 'down': {
      const started = Date.now();
      const was = await down(name);
      console.log(was ? `cluster ${name} is gone after ${elapsed(started)}` : `there is no cluster ${name}`);
      return 0;
    }
    case 'status':
      for (const line of list()) console.log(line);
      return 0;
    case 'kubeconfig':
      console.log((await existing(name)).kubeconfig);
      return 0;
    case 'load':
      return await load(name, args);
    case 'kubectl':
    case 'helm': {
      const cluster = await existing(name);
      return await passOn(cluster[command], args, cluster.kubeconfig);
    }
    default:
      throw new UsageError(command === undefined ? 'A command is missing.' : `There is no command "${command}".`);
  }
}

/** Only before the command, so that kubectl's own `--name` stays kubectl's. */
function takeName(words: readonly string[]): { name: string; rest: readonly string[] } {
  const [option, name, ...rest] = words;
  if (option !== '--name') return { name: 'local', rest: words };
  if (name === undefined) throw new UsageError('A name is missing after --name.');
  return { name, rest };
}

async function upCommand(name: string, args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { kubernetes: { type: 'string' }, 'control-plane-only': { type: 'boolean' } },
  });
  const { kubernetes = newestKubernetes } = values;
  if (!isKubernetesMinor(kubernetes)) {
    throw new UsageError(`Kubernetes "${kubernetes}" is none of ${kubernetesMinors.join(', ')}.`);
  }
  const running = attach(name);
  const controlPlaneOnly = values['control-plane-only'] ?? false;
  const progress = (line: string) => console.error(line);
  const cluster = running ?? (await up({ name, kubernetes, controlPlaneOnly, lifetime: 'until-down', progress }));
  if (running !== undefined) progress(`cluster ${name} is up already`);
  console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
  return 0;
}

async function load(name: string, args: readonly string[]): Promise<number> {
  const [archive] = args;
  if (archive === undefined) throw new UsageError('The path of an image archive is missing.');
  const started = Date.now();
  // npm changes the directory to the package's and says where the person was.
  await (await existing(name)).loadImage(resolve(process.env.INIT_CWD ?? '.', archive));
  console.log(`loaded ${archive} in ${elapsed(started)}`);
  return 0;
}

async function existing(name: string): Promise<Cluster> {
  const cluster = (await clusterFromEnvironment()) ?? attach(name);
  if (cluster !== undefined) return cluster;
  throw new PrerequisiteError(`There is no cluster ${name}: \`npm run cluster -- up\` starts one.`);
}

async function passOn(command: string, args: readonly string[], kubeconfig: string): Promise<number> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const cwd = process.env.INIT_CWD ?? process.cwd();
  const child = spawn(command, args, { stdio: 'inherit', env, cwd });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof UsageError ? `${message}\n\n${usage}` : message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
