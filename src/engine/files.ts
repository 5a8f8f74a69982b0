// Reads migration files from directories: names, order, text, digest. Knows our own layout only (NNN_name.up.sql and
// NNN_name.down.sql). Several directories are merged, as ConfigMaps are mounted side by side. Reads, never writes, and
// never looks at a database. Called by the runner's plan and migrate.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dialect, filesFor } from './dialect.ts';
import { type EngineError, failure, gathered } from './errors.ts';

/** One direction of a migration. */
export interface Script {
  /** Path for messages: file name, with its directory where there are several. */
  readonly file: string;
  /** Text without a byte order mark; line ends as they are. */
  readonly text: string;
  /** SHA-256 over the file's bytes, byte order mark and line ends included. */
  readonly checksum: string;
  /** The file's own tool was told not to wrap it in a transaction. */
  readonly noTransaction?: boolean;
}

export interface Migration {
  /** `NNN_name`, the file's name without `.up.sql`. */
  readonly version: string;
  /** The leading digits as a number: the order. */
  readonly number: bigint;
  readonly up: Script;
  readonly down: Script | undefined;
}

export interface Source {
  /** In order of their numbers. */
  readonly migrations: readonly Migration[];
  /** SHA-256 over sorted names and contents: what the plan was made for. */
  readonly digest: string;
  /** Files that are no SQL and were passed over. */
  readonly ignored: number;
  readonly directory: string;
}

interface Found {
  readonly name: string;
  readonly directory: string;
  readonly path: string;
}

const NAME = /^([0-9]{1,18})_[a-z0-9_]{1,100}\.(up|down)\.sql$/;

/**
 * Reads every migration below `root`: its own files and those of each directory in it. Entries that begin with a dot
 * (`..data` and the like of a mounted ConfigMap) are passed over. Every mistake is reported at once.
 */
export async function readSource(root: string, dialect: Dialect = 'PostgreSQL'): Promise<Source> {
  const { files, ignored } = await findFiles(root);
  const errors: EngineError[] = [];
  const named = filesFor(files, dialect, errors).filter(file => {
    if (NAME.test(file.name)) return true;
    errors.push(failure('BadFileName', { file: file.name }));
    return false;
  });
  const unique = withoutDuplicates(named, errors);
  if (errors.length > 0) throw gathered(errors);
  const scripts = new Map<string, Script>();
  for (const file of unique.values()) {
    try {
      scripts.set(file.name, decodeScript(file.name, await readFile(file.path)));
    } catch (error) {
      errors.push(error as EngineError);
    }
  }
  const migrations = pair(scripts, unique, errors);
  if (errors.length > 0) throw gathered(errors);
  if (migrations.length === 0) throw failure('NoMigrations', { directory: root, ignored });
  return Object.freeze({ migrations, digest: digestOf(scripts), ignored, directory: root });
}

async function findFiles(root: string): Promise<{ files: readonly Found[]; ignored: number }> {
  const files: Found[] = [];
  let ignored = 0;
  const visit = async (directory: string, depth: 'root' | 'child'): Promise<void> => {
    const entries = await entriesOf(directory);
    for (const name of entries) {
      const path = join(directory, name);
      const kind = await stat(path).catch(() => undefined);
      if (kind?.isDirectory() && depth === 'root') await visit(path, 'child');
      else if (kind?.isFile() && name.endsWith('.sql')) files.push({ name, directory, path });
      else if (kind?.isFile()) ignored += 1;
    }
  };
  await visit(root, 'root');
  return { files, ignored };
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names.filter(name => !name.startsWith('.')).sort();
  } catch {
    return [];
  }
}

function withoutDuplicates(files: readonly Found[], errors: EngineError[]): ReadonlyMap<string, Found> {
  const unique = new Map<string, Found>();
  for (const file of files) {
    const other = unique.get(file.name);
    if (other === undefined) unique.set(file.name, file);
    else errors.push(failure('DuplicateFile', { file: file.name, first: other.directory, second: file.directory }));
  }
  return unique;
}

/** Decodes a file: UTF-8 or an error, a byte order mark removed, no NUL (the grammar would end there in silence). */
export function decodeScript(file: string, bytes: Uint8Array): Script {
  const checksum = createHash('sha256').update(bytes).digest('hex');
  if (bytes[0] === 0xff || bytes[0] === 0xfe) throw failure('BadFileText', { file, reason: 'is UTF-16' });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw failure('BadFileText', { file, reason: `is not UTF-8 (line ${firstBadLine(bytes)})` });
  }
  if (text.includes('\0')) throw failure('BadFileText', { file, reason: 'holds a NUL character' });
  return Object.freeze({ file, text, checksum });
}

function firstBadLine(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const bad = lines.findIndex(
    line => !Buffer.from(line, 'latin1').equals(Buffer.from(Buffer.from(line, 'latin1').toString('utf8'), 'utf8')),
  );
  return bad + 1;
}

function pair(
  scripts: ReadonlyMap<string, Script>,
  found: ReadonlyMap<string, Found>,
  errors: EngineError[],
): readonly Migration[] {
  const migrations: Migration[] = [];
  const byNumber = new Map<bigint, string>();
  const place = (name: string) => found.get(name)?.path ?? name;
  for (const [name, script] of scripts) {
    if (name.endsWith('.down.sql')) {
      const up = name.replace(/\.down\.sql$/, '.up.sql');
      if (!found.has(up)) errors.push(failure('DownWithoutUp', { file: name, up }));
      continue;
    }
    const version = name.slice(0, -'.up.sql'.length);
    const number = BigInt(version.slice(0, version.indexOf('_')));
    const other = byNumber.get(number);
    if (other === undefined) byNumber.set(number, name);
    else errors.push(failure('DuplicateNumber', { number: String(number), first: place(other), second: place(name) }));
    migrations.push(Object.freeze({ version, number, up: script, down: scripts.get(`${version}.down.sql`) }));
  }
  return Object.freeze(migrations.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0)));
}

function digestOf(scripts: ReadonlyMap<string, Script>): string {
  const hash = createHash('sha256');
  for (const name of [...scripts.keys()].sort()) hash.update(`${name}\0${scripts.get(name)?.checksum ?? ''}\n`);
  return hash.digest('hex');
}

/** The number that a version name begins with. */
export function numberOf(version: string): bigint {
  const digits = /^[0-9]+/.exec(version)?.[0];
  if (digits === undefined) throw new Error(`the version ${JSON.stringify(version)} has no number`);
  return BigInt(digits);
}
