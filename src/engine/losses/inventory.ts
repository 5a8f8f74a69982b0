// The proof behind the count: what a transaction of downs has taken away, by the catalogue and the server's own counters, must
// be among what was counted, or all of it is rolled back. It sees what no reading of statements shows: an event trigger, a
// function behind a view or an operator, a table that came after the count. Not made where a person has accepted a
// statement that nobody can count. Called by apply.ts and split.ts, after the guards and before COMMIT.
//
//   const before = await takeInventory(work, files);      // undefined: nothing to be proven
//   …the statements…
//   await assertOnlyCounted(work, files, before);         // throws UncountedLoss
import { QueryError, quoted, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { StatementFailure } from '../execute.ts';
import type { Counted, DownFile, PendingFile, Work } from '../work.ts';
import { type Rewrites, type Rewriting, rewritesOf } from './rewrites.ts';

export interface Inventory {
  readonly things: ReadonlyMap<string, Thing>;
  readonly counted: Counted;
  /** Of tables that the downs may write anew, whether there were rows. */
  readonly held: ReadonlyMap<string, Held>;
}

interface Held {
  readonly by: Rewriting;
  readonly before: HasRows;
}

/** `Unknown`: the role that migrates may not read the table. */
type HasRows = 'Yes' | 'No' | 'Unknown';

/** A table or materialized view. */
interface Thing {
  readonly name: string;
  /** Without its schema, as the catalogue has it; behind it those of all from which it has columns. */
  readonly relations: readonly string[];
  readonly kind: string;
  /** Its name, and those of all from which it has columns. */
  readonly lines: readonly string[];
  /** Generated ones are left out: nothing is in them. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Changed by TRUNCATE, and by what writes the table anew. */
  readonly file: string;
  /** Rows that this session has inserted, but for those that it has truncated. */
  readonly inserts: number;
  /** Rows that this session has updated or deleted. */
  readonly changes: number;
}

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Inside the transaction, before its first statement. Undefined on the way up, and where what goes was accepted uncounted. */
export async function takeInventory(work: Work, files: readonly PendingFile[]): Promise<Inventory | undefined> {
  const counted = files.find((file): file is DownFile => file.direction === 'Down')?.counted;
  if (counted === undefined) return undefined;
  const things = await readThings(work);
  const rewrites = rewritesOf(files);
  const held = new Map<string, Held>();
  for (const [oid, thing] of things) {
    const by = thing.kind === 'r' ? rewritingOf(thing, rewrites) : undefined;
    if (by !== undefined) held.set(oid, { by, before: await hasMoreRows(work, thing, by, 0) });
  }
  return { things, counted, held };
}

function rewritingOf({ relations }: Thing, { named, all }: Rewrites): Rewriting | undefined {
  const name = relations.find(one => named.has(one));
  return name === undefined ? all : named.get(name);
}

/** After the last statement. Throws UncountedLoss, which rolls the transaction back. */
export async function assertOnlyCounted(
  work: Work,
  files: readonly PendingFile[],
  before: Inventory | undefined,
): Promise<void> {
  if (before === undefined) return;
  const after = await readThings(work);
  const gone: string[] = [];
  for (const [oid, thing] of before.things) {
    const now = after.get(oid);
    if (now === undefined) gone.push(...lostWhole(thing, before.counted));
    else
      gone.push(
        ...lostColumns(thing, now, before.counted),
        ...(await lostRows(work, thing, now, before.held.get(oid))),
      );
  }
  if (gone.length === 0) return;
  const names = files.map(({ migration }) => migration.version);
  throw failure('UncountedLoss', { versions: names, gone }, names.length === 1 ? { migration: names[0] ?? '' } : {});
}

function lostWhole({ name, relations, kind }: Thing, { names, made }: Counted): readonly string[] {
  const isKnown = names.has(name) || made.has(relations[0] ?? '');
  return isKnown ? [] : [`the ${kind === 'm' ? 'materialized view' : 'table'} ${name}`];
}

function lostColumns(thing: Thing, now: Thing, { names }: Counted): readonly string[] {
  const columns = [...thing.columns].flatMap(([number, { name, type }]) => {
    if (now.columns.get(number)?.type === type) return [];
    return thing.lines.some(line => names.has(line) || names.has(`${line}.${name}`)) ? [] : [`${thing.name}.${name}`];
  });
  return columns.map(name => `the column ${name}`);
}

async function lostRows(work: Work, thing: Thing, now: Thing, held: Held | undefined): Promise<readonly string[]> {
  if (thing.kind !== 'r') return [];
  const isChanged =
    thing.changes !== now.changes || (thing.file !== now.file && !(await isWhole(work, thing, now, held)));
  return isChanged ? [`rows of ${thing.name}`] : [];
}

/**
 * Whether a table with another file has its rows still. No row was deleted, so it has lost all of them or none: it has none,
 * or no more than were inserted since.
 */
async function isWhole(work: Work, thing: Thing, now: Thing, held: Held | undefined): Promise<boolean> {
  if (held === undefined) return false;
  if (held.before === 'No') return true;
  return (await hasMoreRows(work, now, held.by, Math.max(0, now.inserts - thing.inserts))) === 'Yes';
}

/** Under the role of the file that writes the table anew, and with no policy hiding a row. Throws StatementFailure. */
async function hasMoreRows(
  { connection, monitor }: Work,
  { name }: Thing,
  by: Rewriting,
  than: number,
): Promise<HasRows> {
  const { role } = by.file.parsed.directives;
  const become = role === undefined ? 'RESET ROLE' : `SET LOCAL ROLE ${quoted(role)}`;
  await connection.query(`SAVEPOINT rows; ${become}; SET LOCAL row_security TO off`);
  try {
    return (await connection.query(`SELECT FROM ONLY ${name} OFFSET ${than} LIMIT 1`)).length === 0 ? 'No' : 'Yes';
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (error.sqlstate === NOT_ALLOWED) return 'Unknown';
    throw new StatementFailure(by.file, by.statement, error, monitor);
  } finally {
    // It gives the role back, too.
    if (!connection.isLost) await connection.query('ROLLBACK TO rows; RELEASE rows');
  }
}

const NOT_ALLOWED = '42501';

/** Tables of the database: not the ledger's own, not an extension's, not the temporary ones. */
const THINGS_SQL = (generated: string) => `SELECT c.oid, c.relname, c.relkind, c.relfilenode,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
    coalesce(s.n_tup_upd + s.n_tup_del, 0) AS changes, coalesce(s.n_tup_ins, 0) AS inserts,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, pg_catalog.quote_ident(a.attname),
        pg_catalog.format('%s %s', a.atttypid, a.atttypmod)))
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${generated}) AS columns
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_xact_user_tables s ON s.relid = c.oid
  WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('information_schema', $1) AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`;

async function readThings({ connection, attempt, server }: Work): Promise<ReadonlyMap<string, Thing>> {
  const sql = THINGS_SQL(server.versionNumber >= 120_000 ? "a.attgenerated = ''" : 'true');
  const rows = await connection.query(sql, [attempt.ledgerSchema]);
  const known = new Map(rows.map(row => [textOf(row, 'oid'), row]));
  const parents = new Map<string, string[]>();
  for (const row of await connection.query('SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits')) {
    const child = textOf(row, 'inhrelid');
    parents.set(child, [...(parents.get(child) ?? []), textOf(row, 'inhparent')]);
  }
  return new Map([...known].map(([oid, row]) => [oid, thingOf(row, lineOf(oid, known, parents))]));
}

/** A table, and all from which it has columns. */
function lineOf(
  oid: string,
  known: ReadonlyMap<string, Row>,
  parents: ReadonlyMap<string, readonly string[]>,
): readonly Row[] {
  const own = known.get(oid);
  const above = (parents.get(oid) ?? []).flatMap(parent => lineOf(parent, known, parents));
  return own === undefined ? above : [own, ...above];
}

function thingOf(row: Row, line: readonly Row[]): Thing {
  const columns = JSON.parse(row.columns ?? '[]') as readonly (readonly [number, string, string])[];
  return {
    name: textOf(row, 'name'),
    relations: line.map(one => textOf(one, 'relname')),
    kind: textOf(row, 'relkind'),
    lines: line.map(one => textOf(one, 'name')),
    columns: new Map(columns.map(([number, name, type]) => [String(number), { name, type }])),
    file: textOf(row, 'relfilenode'),
    inserts: Number(textOf(row, 'inserts')),
    changes: Number(textOf(row, 'changes')),
  };
}
