// Debian 13 as a tar file, by debootstrap, as small as the slim image: no manuals, no
// documentation but the licences, no translations, and no package lists.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

const release = 'trixie';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** As debian:*-slim has it, so that later packages leave these out too. */
const withoutDocumentation = `path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
`;

/** Makes `<folder>/rootfs.tar`. */
export async function makeRootfs(folder: string): Promise<void> {
  const root = join(folder, 'rootfs');
  const bootstrap = ['debootstrap', '--variant=minbase', `--keyring=${keyring}`, release, root];
  await run('unshare', ['--mount', '--propagation=private', ...bootstrap]); // it mounts /proc inside
  for (const path of [
    'usr/share/man',
    'usr/share/locale',
    'usr/share/info',
    'var/cache/apt',
    'var/lib/apt/lists',
    'var/log',
  ]) {
    rmSync(join(root, path), { recursive: true, force: true });
    mkdirSync(join(root, path), { recursive: true });
  }
  await run('find', [join(root, 'usr/share/doc'), '-type', 'f', '!', '-name', 'copyright', '-delete']);
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/docker'), withoutDocumentation);
  rmSync(join(root, 'etc/hostname'), { force: true });
  writeFileSync(join(root, 'etc/resolv.conf'), '');
  await run('tar', [
    '--create',
    '--numeric-owner',
    '--one-file-system',
    '-C',
    root,
    '-f',
    join(folder, 'rootfs.tar'),
    '.',
  ]);
  rmSync(root, { recursive: true, force: true });
}
