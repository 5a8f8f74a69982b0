// The migration files of the example, as a scenario needs them: its own app role in the GRANTs, and where a step is to
// last, a sleep at its beginning.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Files = Readonly<Record<string, string>>;
export type Version = '005_auth_tables' | '006_ledger_tables' | '007_user_handles';

const OVERLAYS = join(import.meta.dirname, '../../examples/truledgr/manifests/overlays');
const FOLDERS = ['release-005', 'release-006', 'release-007-bad'] as const;
const FOLDERS_UP_TO = { '005_auth_tables': 1, '006_ledger_tables': 2, '007_user_handles': 3 } as const;

/** The files of all releases up to a version, GRANTs to `appRole` in them. The last of 007 fails on real rows. */
export function filesUpTo(version: Version, appRole: string): Files {
  const folders = FOLDERS.slice(0, FOLDERS_UP_TO[version]).map(folder => join(OVERLAYS, folder, 'migrations'));
  const entries = folders.flatMap(folder => readdirSync(folder).map(file => [file, join(folder, file)] as const));
  return Object.fromEntries(
    entries.map(([file, path]) => [file, readFileSync(path, 'utf8').replaceAll('truledgr_app', appRole)]),
  );
}

/** The same files, the given version's lasting some seconds longer. */
export function slowed(files: Files, version: Version, seconds: number): Files {
  const name = `${version}.up.sql`;
  return { ...files, [name]: `SELECT pg_sleep(${seconds});\n${files[name]}` };
}

/** As kustomize names it: a changed file is another name. */
export function configMapName(files: Files): string {
  return `truledgr-migrations-${createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 10)}`;
}
