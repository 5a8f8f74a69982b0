// Installs Debian packages that a test needs and the machine lacks. One installation at a time over all processes of all
// runs: two apt-gets side by side fail on each other's lock, and test files start side by side.
import { existsSync } from 'node:fs';
import { withLock } from './cluster/kit/lock.ts';
import { cachePath } from './cluster/kit/paths.ts';
import { run } from './cluster/kit/run.ts';

/** Whether this process can install packages at all. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Installs what `missing` names, which is asked again once it is our turn: somebody else may have installed it by then.
 * A repeat does nothing. Throws with the end of what apt-get said.
 */
export async function installPackages(
  missing: () => readonly string[],
  progress: (line: string) => void = line => console.error(line),
): Promise<void> {
  if (missing().length === 0) return;
  await withLock(cachePath('apt.lock'), async () => {
    const names = missing();
    if (names.length === 0) return;
    progress(`installing Debian packages: ${names.join(' ')}`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    // The machine's own apt, if one is at work, is waited for too.
    const patience = ['-o', 'DPkg::Lock::Timeout=300'];
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...patience, ...names], { env });
  });
}
