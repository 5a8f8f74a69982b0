// What the image adds to its base, from the newest archive that the cluster tests have built, and the bundles as they are
// built now.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../../build.ts';
import { cachePath } from '../cluster/kit/paths.ts';
import { run } from '../cluster/kit/run.ts';
import type { Figure, Group, Progress } from './figure.ts';

const BUNDLES = ['operator', 'runner', 'cli'] as const;
const IMAGE = /^ghcr\.io-truledgr-migration-operator-.*_[0-9a-f]{16}$/;
/** The layers above the base, in the order of the Dockerfile. */
const ADDED = ['PostgreSQL', 'Node', 'the user', 'operator', 'runner', 'command line'] as const;

async function measure(progress: Progress): Promise<readonly Figure[]> {
  return [await bundles(), await image(progress)];
}

async function bundles(): Promise<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'migrate-bench-'));
  try {
    const sizes: string[] = [];
    for (const name of BUNDLES) sizes.push(`${name} ${megabytes(await buildBundle(name, join(directory, name)))}`);
    return { what: 'bundles', ours: sizes.join(', ') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function image(progress: Progress): Promise<Figure> {
  const what = 'image without its base';
  const archive = newestArchive();
  if (archive === undefined)
    return { what, ours: 'not measured', beside: 'no image was built here yet: `npm run test:cluster` does' };
  progress('the layers of the image');
  const [{ Layers: layers }] = JSON.parse(await run('tar', ['-xOf', archive, 'manifest.json'])) as [
    { Layers: string[] },
  ];
  const measured = await Promise.all(layers.slice(1).map(layer => sizeOf(archive, layer)));
  const parts = measured.map(({ plain }, i) => `${ADDED[i] ?? 'more'} ${megabytes(plain)}`);
  const total = (key: 'plain' | 'packed'): string => megabytes(measured.reduce((sum, one) => sum + one[key], 0));
  return { what, ours: `${total('plain')}, ${total('packed')} as a registry keeps it`, beside: parts.join(', ') };
}

function newestArchive(): string | undefined {
  const folder = cachePath('images');
  const names = existsSync(folder) ? readdirSync(folder).filter(name => IMAGE.test(name)) : [];
  const archives = names.map(name => join(folder, name, 'image.tar')).filter(path => existsSync(path));
  return archives.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

async function sizeOf(archive: string, layer: string): Promise<{ readonly plain: number; readonly packed: number }> {
  const count = (command: string): Promise<string> => run('sh', ['-c', command, 'sh', archive, layer]);
  const plain = await count('tar -xOf "$1" "$2" | wc -c');
  const packed = await count('tar -xOf "$1" "$2" | gzip | wc -c');
  return { plain: Number(plain), packed: Number(packed) };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export const sizes: Group = { name: 'sizes', about: 'the image without its base, the bundles', measure };
