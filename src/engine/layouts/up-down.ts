// Two files a version: `001_users.up.sql` and `001_users.down.sql`. Our own layout, and golang-migrate's, which allows
// more in a name (https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md). Called by recognise.ts.
import { type EngineError, failure } from '../errors.ts';
import { decodeScript, type Migration, type Script } from '../files.ts';
import type { Layout, Reading, SourceFile } from './layout.ts';
import { orderOf } from './order.ts';

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
  const ups = new Map<string, Script>();
  const downs = new Map<string, Script>();
  const places = new Map<string, string>();
  for (const { file, version, way, noTransaction } of files) {
    try {
      const script = decodeScript(file.place, file.bytes);
      (way === 'up' ? ups : downs).set(version, noTransaction === true ? { ...script, noTransaction } : script);
      if (way === 'up') places.set(version, file.place);
      else if (!places.has(version)) places.set(version, file.place);
    } catch (error) {
      errors.push(error as EngineError);
      // Its partner is not alone: it is only not readable.
      if (way === 'up') places.set(version, file.place);
    }
  }
  const migrations: (Migration & { place: string })[] = [];
  for (const [version, place] of places) {
    const up = ups.get(version);
    const down = downs.get(version);
    if (up !== undefined) migrations.push({ version, number: orderOf(version) ?? 0n, up, down, place });
    else if (down?.file === place) {
      errors.push(failure('DownWithoutUp', { file: place, up: place.replace(/down(\.sql)$/, 'up$1') }));
    }
  }
  return { migrations, repeatables: [], errors };
}
