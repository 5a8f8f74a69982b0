// Which layout a folder has: the one that claims every SQL file in it. Two that do, or none, is an error that says which
// file speaks for what. Pure. Called by files.ts and by `validate`, which names the answer.
import { type EngineError, failure, gathered } from '../errors.ts';
import { DIESEL } from './diesel.ts';
import { FLYWAY } from './flyway.ts';
import type { Layout, SourceFile } from './layout.ts';
import { DBMATE, GOOSE } from './sections.ts';
import { GOLANG_MIGRATE, OWN } from './up-down.ts';

/** In the order in which they are asked: golang-migrate reads what is ours too, and it is ours then. */
export const LAYOUTS: readonly Layout[] = [OWN, GOLANG_MIGRATE, DIESEL, DBMATE, GOOSE, FLYWAY];

export interface Recognised {
  readonly layout: Layout;
  readonly files: readonly SourceFile[];
  readonly ignored: number;
}

/** Throws LayoutMixed, BadFileName, all of them at once; answers our own layout for a folder without SQL. */
export function recogniseLayout(files: readonly SourceFile[]): Recognised {
  const folders = new Set(files.filter(file => file.path.endsWith('/up.sql')).map(file => folderOf(file)));
  const paths = new Set(files.map(({ path }) => path));
  const candidates = files.filter(file => isCandidate(file, folders) || isOfAnotherKind(file, paths));
  const ignored = files.length - candidates.length;
  const fitting = LAYOUTS.filter(layout => candidates.every(file => layout.claims(file)));
  const [layout, other] = fitting;
  if (layout === undefined) throw misfits(candidates);
  const isSuperset = layout === OWN && other === GOLANG_MIGRATE;
  if (other !== undefined && candidates.length > 0 && !isSuperset) {
    const place = candidates[0]?.path ?? '';
    throw failure('LayoutMixed', { first: place, firstLayout: layout.name, second: place, secondLayout: other.name });
  }
  return { layout, files: candidates, ignored };
}

/**
 * What may be a migration; anything else in the folder is ignored and counted. Diesel reads `up.sql` and `down.sql` of
 * folders only, and its users keep other SQL beside them; what would be another tool's migration is not passed over.
 */
function isCandidate(file: SourceFile, dieselFolders: ReadonlySet<string>): boolean {
  if (LAYOUTS.some(layout => layout.claims(file)) || /\/(up|down)\.sql$/i.test(file.path)) return true;
  const isBesideDiesel = dieselFolders.size > 0 && (dieselFolders.has(folderOf(file)) || !file.path.includes('/'));
  return /\.sql$/i.test(file.path) && !isBesideDiesel;
}

/** `002_b.up.pgsql`: golang-migrate runs any extension. Beside a file of that name that is SQL it is something about that. */
function isOfAnotherKind({ path }: SourceFile, paths: ReadonlySet<string>): boolean {
  const [, stem] = /^([0-9]+_.*\.(?:up|down))\.[^/]+$/i.exec(path) ?? [];
  return stem !== undefined && !paths.has(`${stem}.sql`);
}

/** Whether a file would be a migration of any layout by its name alone: of one that lies where nothing is read. */
export function isNamedLikeMigration(name: string): boolean {
  if (/^([0-9].*|up|down)\.sql$/i.test(name)) return true;
  // Not Flyway's callbacks: `createUsers.sql` is anything.
  const file = { path: name, place: name, bytes: new Uint8Array() };
  return /^([0-9]|[VU][0-9]|R__)/.test(name) && LAYOUTS.some(layout => layout.claims(file));
}

function folderOf(file: SourceFile): string {
  return file.path.slice(0, Math.max(0, file.path.lastIndexOf('/')));
}

function misfits(files: readonly SourceFile[]): EngineError {
  const counts = LAYOUTS.map(layout => {
    const claimed = files.filter(file => layout.claims(file));
    return { layout, claimed, left: files.filter(file => !claimed.includes(file)) };
  }).sort((a, b) => b.claimed.length - a.claimed.length);
  const [best] = counts;
  if (best === undefined || best.claimed.length === 0) return gathered(files.map(file => misnamed(file.path)));
  // A file that no layout knows is a name mistyped; one that another layout knows is a second layout.
  return gathered(
    best.left.map(file => {
      const other = LAYOUTS.find(layout => layout.claims(file));
      if (other === undefined) return misnamed(file.path);
      const first = best.claimed[0]?.path ?? '';
      const [firstLayout, secondLayout] = [best.layout.name, other.name];
      return failure('LayoutMixed', { first, firstLayout, second: file.path, secondLayout });
    }),
  );
}

function misnamed(file: string): EngineError {
  return failure('BadFileName', { file, rename: renameOf(file) });
}

/** The name of our own layout that was probably meant: `3-Add Users.sql` → `3_add_users.up.sql`. */
function renameOf(file: string): string | undefined {
  const [, digits, rest = '', way = '.up'] = /^([0-9]{1,18})[^0-9A-Za-z]*(.*?)(\.up|\.down)?\.sql$/i.exec(file) ?? [];
  const words = rest
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
    .slice(0, 100);
  return digits === undefined || words === '' ? undefined : `${digits}_${words}${way.toLowerCase()}.sql`;
}
