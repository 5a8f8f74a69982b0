// Reads migrations from directories, in whatever layout they are written (layouts/): order, text, digest. Several
// directories are merged, as ConfigMaps are mounted side by side. Reads, never writes, and never looks at a database.
// Called by the runner's plan and migrate, and by the command line. Reads synchronously, because nothing else could be
// done meanwhile, and thousands of small files take several times as long by promises.
import { type Dirent, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { sha256 } from '../../api/digest.ts';
import { orderOf, writtenNumberOf } from '../../api/versions.ts';
import { type EngineError, failure, gathered } from '../errors.ts';
import type { LayoutName, Reading, SourceFile } from '../layouts/layout.ts';
import { isNamedLikeMigration, recogniseLayout } from '../layouts/recognise.ts';
import { type Dialect, filesFor } from '../sql/dialect.ts';
import type { Migration, Repeatable } from '../sql/script.ts';
import { BUNDLE_FILE, MOST_UNPACKED_BYTES, unpackBundle } from './bundle.ts';
import { longNames, type NameRule } from './long-names.ts';

export interface Source {
  readonly layout: LayoutName;
  /** In order of their numbers. */
  readonly migrations: readonly Migration[];
  /** In the order in which they run, after every pending migration. */
  readonly repeatables: readonly Repeatable[];
  /** SHA-256 over sorted names and contents: what the plan was made for. */
  readonly digest: string;
  /** Files that are no migrations and were passed over. */
  readonly ignored: number;
  readonly directory: string;
  /** By what rule its names are held against a ledger; without it, `ShortOrApplied`. */
  readonly names?: NameRule;
}

interface Found {
  /** Path as the layouts see it: the name, with its folder where the folder is the version. */
  readonly name: string;
  readonly directory: string;
  readonly path: string;
  /** Of a file that came in a bundle. */
  readonly bytes?: Uint8Array;
}

/**
 * Reads every migration below `root`: its own files and those of each directory in it. Entries that begin with a dot
 * (`..data` and the like of a mounted ConfigMap) and `lost+found` are passed over. Every mistake is reported at once; `placeOf` is what
 * messages call the root or a directory in it.
 */
export async function readSource(
  root: string,
  dialect: Dialect = 'PostgreSQL',
  placeOf: (directory: string) => string = directory => directory,
  names: NameRule = 'Short',
): Promise<Source> {
  const { layout, files, ignored } = readRecognised(root, dialect, placeOf);
  const errors: EngineError[] = [];
  const reading = layout.read(files);
  const migrations = inOrder(reading.migrations, errors);
  errors.unshift(...reading.errors);
  const { repeatables } = reading;
  if (names === 'Short') errors.push(...longNames(reading));
  const [alone] = migrations.length === 0 && errors.length === 0 ? repeatables : [];
  if (alone !== undefined) {
    const reason = 'there is no versioned one beside it, and a database without a version cannot be spoken of. Add one';
    errors.push(failure('BadMarker', { file: alone.up.file, layout: layout.name, reason }));
  }
  if (errors.length > 0) throw gathered(errors);
  const digest = digestOf(files);
  return Object.freeze({ layout: layout.name, migrations, repeatables, digest, ignored, directory: root, names });
}

/** The files of the migrations themselves, for whoever packs or signs them. */
export async function readSourceFiles(root: string, dialect: Dialect): Promise<readonly SourceFile[]> {
  return readRecognised(root, dialect, directory => directory).files;
}

function readRecognised(root: string, dialect: Dialect, placeOf: (directory: string) => string) {
  const errors: EngineError[] = [];
  const found = filesFor(findFiles(root, placeOf, errors), dialect, errors);
  const unique = withoutDuplicates(found, placeOf, errors);
  if (errors.length > 0) throw gathered(errors);
  const read = [...unique.values()].map(one => readFound(one, placeOf));
  const { layout, files, ignored } = recogniseLayout(read);
  if (files.length === 0) throw failure('NoMigrations', { directory: placeOf(root), ignored });
  return { layout, files, ignored };
}

function findFiles(root: string, placeOf: (directory: string) => string, errors: EngineError[]): readonly Found[] {
  const files: Found[] = [];
  let room = MOST_UNPACKED_BYTES;
  const linked = new Set([realpathSync(root)]);
  const visit = (directory: string, depth: 'root' | 'child'): void => {
    // To join thousands of paths takes as long as to open the files: it looks at every character.
    const prefix = join(directory, sep);
    const entries = entriesOf(directory, placeOf(directory));
    // Diesel's folder of a version: what it has in it but the two scripts is nobody's migration.
    const isVersion = depth === 'child' && entries.some(({ name }) => name === 'up.sql');
    for (const entry of entries) {
      const path = `${prefix}${entry.name}`;
      const kind = kindOf(entry, path);
      const isFile = kind !== 'Nothing' && kind.isFile();
      if (!isFile && isCalledMigration(entry.name, kind)) {
        const what = kind === 'Nothing' ? brokenLink(path) : kind.isDirectory() ? 'a directory' : 'no regular file';
        errors.push(failure('NoFile', { file: nameOf(directory, entry.name, depth), what }));
        continue;
      }
      if (kind !== 'Nothing' && kind.isDirectory() && depth === 'root') visit(path, 'child');
      else if (kind !== 'Nothing' && kind.isDirectory() && !isVersion) {
        const deep = migrationsBelow(path, placeOf, linked);
        errors.push(...deep.map(one => failure('FileTooDeep', { file: relative(root, one) })));
      } else if (isFile && entry.name === BUNDLE_FILE) {
        const place = `${BUNDLE_FILE} in ${placeOf(directory)}`;
        const bundle = unpackBundle(bytesOf(path, place), place, room);
        room -= bundle.size;
        files.push(...bundle.files.map(file => ({ name: file.path, directory, path, bytes: file.bytes })));
      } else if (isFile) files.push({ name: nameOf(directory, entry.name, depth), directory, path });
    }
  };
  visit(root, 'root');
  return files;
}

/** What lies deeper than it is read and is named like a migration. A folder that `linked` ones lead to is looked through once. */
function migrationsBelow(
  directory: string,
  placeOf: (directory: string) => string,
  linked: Set<string>,
): readonly string[] {
  return entriesOf(directory, placeOf(directory)).flatMap(entry => {
    const path = join(directory, entry.name);
    const kind = kindOf(entry, path);
    if (kind === 'Nothing' || !kind.isDirectory())
      return entry.name === BUNDLE_FILE || isNamedLikeMigration(entry.name) ? [path] : [];
    if (!entry.isSymbolicLink()) return migrationsBelow(path, placeOf, linked);
    const target = realpathSync(path);
    if (linked.has(target)) return [];
    linked.add(target);
    return migrationsBelow(path, placeOf, linked);
  });
}

/** A mounted ConfigMap's files are symbolic links; to ask for all others too would cost more than all the rest. */
function kindOf(entry: Dirent, path: string): Dirent | Stats | 'Nothing' {
  if (!entry.isSymbolicLink()) return entry;
  try {
    return statSync(path);
  } catch {
    return 'Nothing';
  }
}

/** What must not be passed over in silence; of a link to nothing, also what may have been the folder of a version. */
function isCalledMigration(name: string, kind: Dirent | Stats | 'Nothing'): boolean {
  return /\.sql$/i.test(name) || (kind === 'Nothing' && (name === BUNDLE_FILE || /^[0-9][^.]*$/.test(name)));
}

function brokenLink(path: string): string {
  return `a link to ${JSON.stringify(readlinkSync(path))}, which is not there or may not be read`;
}

/** In Diesel's layout the folder is the version; a ConfigMap's folder is only where it is mounted. */
function nameOf(directory: string, entry: string, depth: 'root' | 'child'): string {
  const isDiesel = depth === 'child' && /^(up|down)(\.sqlite)?\.sql$|^metadata\.toml$/i.test(entry);
  return isDiesel ? `${basename(directory)}/${entry}` : entry;
}

function entriesOf(directory: string, place: string): readonly Dirent[] {
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(place, error);
  }
  return entries.filter(({ name }) => !isKeptForItself(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a mounted ConfigMap, a tool (`.git`) or fsck has there, not a person: never read, whether it may be or not. */
export const isKeptForItself = (name: string) => name.startsWith('.') || name === 'lost+found';

function bytesOf(path: string, place: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(place, error);
  }
}

/** What may not be read is never taken for what is not there. */
export function unreadable(place: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return failure(
    'SourceUnreadable',
    { place, reason: code === 'EACCES' ? 'permission denied' : code },
    {},
    { cause: error },
  );
}

function withoutDuplicates(
  files: readonly Found[],
  placeOf: (directory: string) => string,
  errors: EngineError[],
): ReadonlyMap<string, Found> {
  const unique = new Map<string, Found>();
  for (const file of files) {
    const other = unique.get(file.name);
    if (other === undefined) unique.set(file.name, file);
    else if (/\.sql$|\.sql\.conf$|\/metadata\.toml$/.test(file.name)) {
      const places = { first: placeOf(other.directory), second: placeOf(file.directory) };
      errors.push(failure('DuplicateFile', { file: file.name, ...places }));
    }
  }
  return unique;
}

/** What no layout reads the content of (pictures, say) is not read either. */
function readFound({ name, directory, path, bytes: given }: Found, placeOf: (directory: string) => string): SourceFile {
  const place = `${name} in ${placeOf(directory)}`;
  const bytes = given ?? (/\.(sql|toml|conf)$/.test(name) ? bytesOf(path, place) : new Uint8Array());
  return { path: name, place, bytes };
}

function inOrder(found: Reading['migrations'], errors: EngineError[]): readonly Migration[] {
  const byNumber = new Map<bigint, string>();
  const migrations = found.map(({ place, ...migration }) => {
    const { number, version } = migration;
    const other = byNumber.get(number);
    if (other === undefined) byNumber.set(number, place);
    else {
      const shown =
        writtenNumberOf(version)?.replace(/^0+(?=[0-9])/, '') ?? /^V([0-9._]*)__/.exec(version)?.[1] ?? version;
      errors.push(failure('DuplicateNumber', { number: shown, first: other, second: place }));
    }
    return Object.freeze(migration);
  });
  return Object.freeze(migrations.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0)));
}

function digestOf(files: readonly SourceFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return sha256(sorted.map(({ path, bytes }) => `${path}\0${sha256(bytes)}\n`).join(''));
}

/** The number that a version name begins with. */
export function numberOf(version: string): bigint {
  const number = orderOf(version);
  if (number === undefined) throw new Error(`the version ${JSON.stringify(version)} has no number`);
  return number;
}
