// Two files a version: `001_users.up.sql` and `001_users.down.sql`. Our own layout, and golang-migrate's, which allows
// more in a name (https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md). Called by recognise.ts.

import { orderOf } from '../../api/versions.ts';
import { type EngineError, failure } from '../errors.ts';
import { decodeScript, type Migration, type Script } from '../sql/script.ts';
import type { Layout, Reading, SourceFile } from './layout.ts';

export const OWN: Layout = {
  name: 'own',
  example: '001_users.up.sql',
  claims: file => /^[0-9]{1,18}_[a-z0-9_]{1,100}\.(up|down)\.sql$/.test(file.path),
  read: files => readPairs(files.map(file => ({ file, ...splitName(file.path) }))),
};

export const GOLANG_MIGRATE: Layout = {
  name: 'golang-migrate',
  example: '000001_create-users.up.sql',
  claims: file => /^[0-9]{1,18}_[A-Za-z0-9_.-]{1,100}\.(up|down)\.sql$/.test(file.path),
  read: files => readPairs(files.map(file => ({ file, ...splitName(file.path) }))),
};

function splitName(path: string): Named {
  const [, version = path, way] = /^(.*)\.(up|down)\.sql$/.exec(path) ?? [];
  return { version, way: way === 'down' ? 'down' : 'up' };
}

interface Named {
  readonly version: string;
  readonly way: 'up' | 'down';
}

export interface NamedFile extends Named {
  readonly file: SourceFile;
  readonly noTransaction?: boolean;
}

/** Puts ups and downs together. */
export function readPairs(files: readonly NamedFile[]): Reading {
  const errors: EngineError[] = [];
  const scripts = new Map<SourceFile, Script>();
  for (const { file, noTransaction } of files) {
    try {
      const script = decodeScript(file.path, file.bytes);
      scripts.set(file, noTransaction === true ? { ...script, noTransaction } : script);
    } catch (error) {
      errors.push(error as EngineError);
    }
  }
  const downs = new Map(files.filter(one => one.way === 'down').map(one => [one.version, one.file]));
  const ups = files.filter(one => one.way === 'up');
  const migrations = ups.flatMap(({ file, version }): readonly (Migration & { place: string })[] => {
    const up = scripts.get(file);
    const downFile = downs.get(version);
    const down = downFile === undefined ? undefined : scripts.get(downFile);
    return up === undefined ? [] : [{ version, number: orderOf(version) ?? 0n, up, down, place: file.place }];
  });
  const known = new Set(ups.map(one => one.version));
  for (const [version, { path }] of downs) {
    const up = path.replace(/down\.sql$/, 'up.sql');
    if (!known.has(version)) errors.push(failure('DownWithoutUp', { file: path, up }));
  }
  return { migrations, repeatables: [], errors };
}
