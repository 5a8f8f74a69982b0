// What the local cluster needs from the machine: root for a node, Go for the build,
// Debian's packages for the container runtime. Each lack is one sentence that says
// what to do and what runs anyway. Called before anything is started.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { canInstallPackages, installPackages } from '../../debian.ts';
import { run } from './run.ts';

/** A lack that the person at the keyboard can mend; its message is all there is to say, so print no stack. */
export class PrerequisiteError extends Error {
  override readonly name = 'PrerequisiteError';
}

const anyway = '`npm run test:quick` runs without a cluster.';
const oldestGo = { major: 1, minor: 26 };

/** By command, the Debian package that brings it. `/usr/lib/cni/ptp` is a file, not a command on PATH. */
const debianPackages: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/ptp': 'containernetworking-plugins',
  iptables: 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  ethtool: 'ethtool',
  socat: 'socat',
  ip: 'iproute2',
  unshare: 'util-linux',
  buildah: 'buildah',
  debootstrap: 'debootstrap',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

export function requireRoot(what: string): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  throw new PrerequisiteError(
    `${what} needs root on Linux, because it starts containers: run it as root, or set KUBECONFIG to a test cluster (kind, minikube). ${anyway}`,
  );
}

/** The version of the Go on PATH, e.g. `1.26.8`; throws PrerequisiteError when it is absent or too old. */
export async function requireGo(): Promise<string> {
  const wanted = `Go ${oldestGo.major}.${oldestGo.minor} or newer`;
  const remedy = `install it, or set KUBECONFIG to a test cluster (kind, minikube). ${anyway}`;
  if (!isPresent('go')) {
    throw new PrerequisiteError(
      `There is no \`go\` on PATH, and the local cluster is built from Go modules: ${wanted} is needed; ${remedy}`,
    );
  }
  const version = (await run('go', ['env', 'GOVERSION'])).trim();
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const isNewEnough =
    Number(major) > oldestGo.major || (Number(major) === oldestGo.major && Number(minor) >= oldestGo.minor);
  if (!isNewEnough) throw new PrerequisiteError(`The Go on PATH is ${version}, and ${wanted} is needed: ${remedy}`);
  return version.slice('go'.length);
}

/** Installs by apt-get what is missing. A repeat does nothing; two at the same time wait for each other. */
export async function requireDebianPackages(progress: (line: string) => void): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!canInstallPackages()) {
    const list = missing.join(' ');
    throw new PrerequisiteError(
      `These packages are missing and there is no apt-get to install them: ${list}. Install what they hold, or set KUBECONFIG. ${anyway}`,
    );
  }
  await installPackages(missingPackages, progress);
}

function missingPackages(): string[] {
  return Object.entries(debianPackages).flatMap(([command, name]) => (isPresent(command) ? [] : [name]));
}

function isPresent(command: string): boolean {
  if (command.startsWith('/')) return existsSync(command);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some(folder => existsSync(join(folder, command)));
}
