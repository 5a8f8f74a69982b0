// Container images without a registry. `buildImage` builds an ordinary Dockerfile into a
// docker-archive; its base images are stand-ins under their real names, made once from
// Debian packages and this project's own node. Needs root.

import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { hash } from './kit/binaries.ts';
import { exportArchive, isInStore, runBuildah } from './kit/buildah.ts';
import { hashContext } from './kit/context.ts';
import { withLock } from './kit/lock.ts';
import { cachePath } from './kit/paths.ts';
import { requireDebianPackages, requireRoot } from './kit/prerequisites.ts';
import { type Progress, withHeartbeat } from './kit/progress.ts';
import { makeRootfs } from './kit/rootfs.ts';

const definitions = join(import.meta.dirname, 'images');
const definition = (file: string) => join(definitions, file);

const debianImage = 'docker.io/library/debian:trixie-slim';
const nodeImage = 'docker.io/library/node:26-trixie-slim';
export const postgresImage = 'docker.io/library/postgres:17-trixie';

/** In the order in which they are built: each may be made of those before it. */
const standIns = {
  [debianImage]: { files: ['debian.Dockerfile'], prepare: makeRootfs },
  [nodeImage]: {
    files: ['node.Dockerfile'],
    prepare: async (folder: string) => copyFileSync(ownNode(), join(folder, 'node')),
  },
  [postgresImage]: { files: ['postgres.Dockerfile', 'postgres-entrypoint.sh'], prepare: async () => undefined },
} as const;

export type StandIn = keyof typeof standIns;

export interface BuildImageOptions {
  /** Absolute paths. The .dockerignore of the context is obeyed. */
  readonly dockerfile: string;
  readonly context: string;
  /** With its registry, e.g. `docker.io/library/app:1`, because that is how a Pod's short name is read. */
  readonly tag: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

/** Path of a docker-archive with the image. Built only when something of it has changed. */
export async function buildImage(options: BuildImageOptions): Promise<string> {
  const { dockerfile, context, tag, buildArgs = {}, progress = () => undefined } = options;
  requireRoot('Building an image');
  await requireDebianPackages(progress);
  const bases = await ensureStandIns(progress);
  const args = Object.entries(buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`);
  const key = hash(readFileSync(dockerfile), hashContext(context), tag, ...args, ...bases);
  return await exportArchive(tag, key, `image ${tag}`, progress, async () => {
    return await build(['--layers', ...args, `--file=${dockerfile}`, `--tag=${tag}`, context]);
  });
}

/** Path of a docker-archive with a base image, to load one that Pods use as it is. */
export async function standInArchive(image: StandIn, progress: Progress = () => undefined): Promise<string> {
  requireRoot('Building an image');
  await requireDebianPackages(progress);
  await ensureStandIns(progress);
  return await exportArchive(image, keyOf(image), `archive of ${image}`, progress, async () => markerOf(image));
}

/** The image that holds a Pod's namespaces open; `bin` is where the built `pause` is. */
export async function pauseArchive(bin: string, image: string): Promise<string> {
  const key = hash(readFileSync(join(bin, 'pause')));
  return await exportArchive(
    image,
    key,
    `image ${image}`,
    () => undefined,
    async () => {
      return await inFolder(async folder => {
        copyFileSync(join(bin, 'pause'), join(folder, 'pause'));
        writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
        return await build([`--tag=${image}`, folder]);
      });
    },
  );
}

/** The id of the built image: unlike its name, no other process can give it to another. */
async function build(args: readonly string[]): Promise<string> {
  return await inFolder(async folder => {
    const idFile = join(folder, 'id');
    await runBuildah(['bud', `--iidfile=${idFile}`, ...args]);
    return readFileSync(idFile, 'utf8').trim();
  });
}

async function ensureStandIns(progress: Progress): Promise<string[]> {
  await withLock(cachePath('stand-ins.lock'), async () => {
    for (const image of Object.keys(standIns) as StandIn[]) {
      if (await isInStore(markerOf(image))) continue;
      await withHeartbeat(`building a stand-in for ${image}`, progress, () => buildStandIn(image));
    }
  });
  return (Object.keys(standIns) as StandIn[]).map(keyOf);
}

async function buildStandIn(image: StandIn): Promise<void> {
  const { files, prepare } = standIns[image];
  await inFolder(async folder => {
    for (const file of files) cpSync(definition(file), join(folder, file));
    await prepare(folder);
    const [dockerfile] = files;
    const id = await build([`--file=${join(folder, dockerfile)}`, `--tag=${image}`, folder]);
    await runBuildah(['tag', id, markerOf(image)]); // last: with this name it is whole
  });
}

/** Changes with the definition of the image and of those that it may be made of. */
function keyOf(image: StandIn): string {
  const names = Object.keys(standIns) as StandIn[];
  const upTo = names.slice(0, names.indexOf(image) + 1);
  const texts = upTo.flatMap(name => standIns[name].files.map(file => readFileSync(definition(file))));
  return hash(...texts, process.version);
}

function markerOf(image: StandIn): string {
  return `localhost/stand-in/${basename(image).replace(':', '-')}:${keyOf(image)}`;
}

/** The node that runs this, which npm has installed for this platform. */
function ownNode(): string {
  return process.execPath;
}

async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
