// Builds Kubernetes, etcd, kubectl, CoreDNS and Helm from their Go modules, once, into
// the cache. The folder's name is a hash of the sources and the Go version; it is filled
// under a temporary name and renamed, so a folder that is there is whole. No registry
// serves kube-apiserver as a package, hence the build.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withLock } from './lock.ts';
import { cachePath, goSources } from './paths.ts';
import { requireGo } from './prerequisites.ts';
import { type Progress, withHeartbeat } from './progress.ts';
import { run } from './run.ts';

/** By minor version: the release, the module file in `go/`, and how long its first build takes on two cores. */
const releases = {
  '1.37': { version: '1.37.2', modFile: 'go.mod', usually: 'about 8 minutes on 2 cores, once' },
  '1.34': { version: '1.34.4', modFile: '1.34.mod', usually: 'about 7 minutes on 2 cores, once' },
} as const;

export type KubernetesMinor = keyof typeof releases;

export const newestKubernetes: KubernetesMinor = '1.37';

export function isKubernetesMinor(text: string): text is KubernetesMinor {
  return Object.hasOwn(releases, text);
}

export const kubernetesMinors = Object.keys(releases);

const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
  'local-provisioner',
];

const helm = { file: 'helm', module: 'helm.sh/helm/v4/cmd/helm@v4.3.1', usually: 'about 90 seconds, once' };
const coredns = { file: 'coredns', module: 'github.com/coredns/coredns@v1.12.4', usually: 'about 2 minutes, once' };

/** The folder with Kubernetes' commands and `pause`. */
export async function kubernetesBinaries(minor: KubernetesMinor, progress: Progress): Promise<string> {
  const { version, modFile, usually } = releases[minor];
  const go = await requireGo();
  const sources = ['main.go', 'provisioner.go', 'pause/main.go', modFile, modFile.replace(/mod$/, 'sum')];
  const key = hash(go, ...sources.map(file => readFileSync(join(goSources, file), 'utf8')));
  const target = cachePath('bin', `kubernetes-${version}-${key}`);
  await buildOnce(target, `Kubernetes ${version} from its Go modules (${usually})`, progress, async folder => {
    const modFlags = modFile === 'go.mod' ? [] : [`-modfile=${modFile}`];
    const flags = ['build', '-trimpath', ...modFlags];
    await runGo([...flags, '-ldflags', `-s -w ${versionFlags(version)}`, '-o', join(folder, 'node'), '.']);
    await runGo([...flags, '-ldflags', '-s -w', '-o', join(folder, 'pause'), './pause']);
    for (const name of components) symlinkSync('node', join(folder, name));
  });
  return target;
}

export async function helmBinary(progress: Progress): Promise<string> {
  return await installOnce(helm, progress);
}

export async function corednsBinary(progress: Progress): Promise<string> {
  return await installOnce(coredns, progress);
}

/** The program that says what kstatus and Argo CD make of a status; see go/health/main.go. */
export async function healthBinary(progress: Progress): Promise<string> {
  const cwd = join(goSources, 'health');
  const sources = ['main.go', 'go.mod', 'go.sum'].map(file => readFileSync(join(cwd, file), 'utf8'));
  const target = cachePath('bin', `health-${hash(await requireGo(), ...sources)}`);
  const what = 'the judges of status from their Go modules (about 40 s on 2 cores, once)';
  await buildOnce(target, what, progress, folder =>
    runGo(['build', '-trimpath', '-ldflags', '-s -w', '-o', join(folder, 'health'), '.'], {}, cwd),
  );
  return join(target, 'health');
}

async function installOnce(tool: typeof helm, progress: Progress): Promise<string> {
  const target = cachePath('bin', `${tool.file}-${hash(await requireGo(), tool.module)}`);
  const what = `${tool.module.replace(/^.*?([^/]+@.*)$/, '$1')} from its Go module (${tool.usually})`;
  await buildOnce(target, what, progress, async folder => {
    await runGo(['install', '-trimpath', '-ldflags', '-s -w', tool.module], { GOBIN: folder });
  });
  return join(target, tool.file);
}

async function runGo(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = goSources,
): Promise<void> {
  await run('go', args, { cwd, env: { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', ...env } });
}

function versionFlags(version: string): string {
  const [major, minor] = version.split('.');
  const set = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return Object.entries(set)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

/** What a crash leaves: a folder ending in `.part`, which the next builder, being alone under the lock, removes. */
export async function buildOnce(
  target: string,
  what: string,
  progress: Progress,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  if (existsSync(target)) return;
  const onWait = () => progress(`waiting for another process that builds ${what}`);
  await withLock(`${target}.lock`, () => buildNow(target, what, progress, build), onWait);
}

async function buildNow(
  target: string,
  what: string,
  progress: Progress,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  if (existsSync(target)) return;
  const part = `${target}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  await withHeartbeat(`building ${what}`, progress, () => build(part));
  renameSync(part, target);
}

export function hash(...texts: readonly (string | Buffer)[]): string {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(text).update('\0');
  return digest.digest('hex').slice(0, 16);
}

/** Where Helm or kubectl are if they were built before, for use with a cluster that is not ours. */
export function builtBefore(file: 'helm' | 'kubectl'): string | undefined {
  const bin = cachePath('bin');
  if (!existsSync(bin)) return undefined;
  const folders = readdirSync(bin).filter(name => !/\.(part|lock)$/.test(name));
  return folders
    .sort()
    .reverse()
    .map(name => join(bin, basename(name), file))
    .find(path => existsSync(path));
}
