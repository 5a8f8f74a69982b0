// Buildah with a store of its own in the cache. One build at a time on the machine, each
// in a mount namespace of its own, so that a killed one leaves no mount behind. Nothing
// is ever pulled: an unknown base image is an error.

import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce } from './binaries.ts';
import { withLock } from './lock.ts';
import { cachePath } from './paths.ts';
import type { Progress } from './progress.ts';
import { run } from './run.ts';

const store = () => cachePath('buildah');
const policyFile = () => join(store(), 'policy.json');

export async function runBuildah([command = '', ...args]: readonly string[]): Promise<string> {
  mkdirSync(store(), { recursive: true });
  writeFileSync(policyFile(), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const places = [`--root=${join(store(), 'root')}`, `--runroot=${join(store(), 'run')}`, '--storage-driver=overlay'];
  const building = ['--isolation=chroot', '--pull=never', `--signature-policy=${policyFile()}`, '--format=docker'];
  const all = [...places, command, ...(command === 'bud' ? building : []), ...args];
  return await withLock(join(store(), 'lock'), () =>
    run('unshare', ['--mount', '--propagation=private', 'buildah', ...all]),
  );
}

export async function isInStore(image: string): Promise<boolean> {
  return await runBuildah(['inspect', '--type=image', '--format={{.FromImageID}}', image]).then(
    () => true,
    () => false,
  );
}

const keptArchives = 3;

/** The docker-archive of an image in the cache. `build` is asked, when there is none yet, for what it is called in the store. */
export async function exportArchive(
  image: string,
  key: string,
  what: string,
  progress: Progress,
  build: () => Promise<string>,
): Promise<string> {
  const folder = cachePath('images');
  const slug = `${image.replace(/[^a-zA-Z0-9.]+/g, '-')}_`;
  const target = join(folder, `${slug}${key}`);
  await buildOnce(target, what, progress, async part => {
    const stored = await build();
    const destination = `docker-archive:${join(part, 'image.tar')}:${image}`;
    await runBuildah(['push', `--signature-policy=${policyFile()}`, '--disable-compression', stored, destination]);
  });
  const now = new Date();
  utimesSync(target, now, now);
  removeOldest(folder, slug);
  return join(target, 'image.tar');
}

function removeOldest(folder: string, slug: string): void {
  const ours = readdirSync(folder).filter(name => name.startsWith(slug) && !/\.(part|lock)/.test(name));
  const byAge = ours
    .map(name => ({ name, used: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  for (const { name } of byAge.slice(keptArchives)) rmSync(join(folder, name), { recursive: true, force: true });
}
