// The proof behind the count: what a transaction of downs has taken away, by the catalogue and the server's own counters, must
// be among what was counted, or all of it is rolled back. It sees what no reading of statements shows: an event trigger, a
// function behind a view or an operator, a table that came after the count. Not made where a person has accepted a
// statement that nobody can count. Called by apply.ts and split.ts, after the guards and before COMMIT.
//
//   const before = await takeInventory(work, files);      // undefined: nothing to be proven
//   …the statements…
//   await assertOnlyCounted(work, files, before);         // throws UncountedLoss
import { type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import type { Counted, DownFile, PendingFile, Work } from '../work.ts';

export interface Inventory {
  readonly things: ReadonlyMap<string, Thing>;
  readonly counted: Counted;
}

/** A table or materialized view. */
interface Thing {
  readonly name: string;
  /** Without its schema, as the catalogue has it. */
  readonly relation: string;
  readonly kind: string;
  /** Its name, and those of all from which it has columns. */
  readonly lines: readonly string[];
  /** Generated ones are left out: nothing is in them. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Changed by TRUNCATE, and by an ALTER that writes the table anew. */
  readonly file: string;
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
  return counted === undefined ? undefined : { things: await readThings(work), counted };
}

/** After the last statement. Throws UncountedLoss, which rolls the transaction back. */
export async function assertOnlyCounted(
  work: Work,
  files: readonly PendingFile[],
  before: Inventory | undefined,
): Promise<void> {
  if (before === undefined) return;
  const after = await readThings(work);
  const writesAnew = files.some(file => file.parsed.statements.some(({ type }) => WRITING_ANEW.has(type)));
  const gone = [...before.things].flatMap(([oid, thing]) => {
    const now = after.get(oid);
    return now === undefined ? lostWhole(thing, before.counted) : lostIn(thing, now, before.counted, writesAnew);
  });
  if (gone.length === 0) return;
  const names = files.map(({ migration }) => migration.version);
  throw failure('UncountedLoss', { versions: names, gone }, names.length === 1 ? { migration: names[0] ?? '' } : {});
}

const WRITING_ANEW = new Set(['AlterTableStmt', 'ClusterStmt', 'RefreshMatViewStmt', 'AlterTableMoveAllStmt']);

function lostWhole({ name, relation, kind }: Thing, { names, made }: Counted): readonly string[] {
  const isKnown = names.has(name) || made.has(relation);
  return isKnown ? [] : [`the ${kind === 'm' ? 'materialized view' : 'table'} ${name}`];
}

function lostIn(thing: Thing, now: Thing, { names }: Counted, writesAnew: boolean): readonly string[] {
  const columns = [...thing.columns].flatMap(([number, { name, type }]) => {
    if (now.columns.get(number)?.type === type) return [];
    return thing.lines.some(line => names.has(line) || names.has(`${line}.${name}`)) ? [] : [`${thing.name}.${name}`];
  });
  const isEmptied = thing.kind === 'r' && thing.file !== now.file && !writesAnew;
  const isChanged = thing.kind === 'r' && thing.changes !== now.changes;
  return [...columns.map(name => `the column ${name}`), ...(isEmptied || isChanged ? [`rows of ${thing.name}`] : [])];
}

/** Tables of the database: not the ledger's own, not an extension's, not the temporary ones. */
const THINGS_SQL = (generated: string) => `SELECT c.oid, c.relname, c.relkind, c.relfilenode,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
    coalesce(s.n_tup_upd + s.n_tup_del, 0) AS changes,
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
  const names = new Map(rows.map(row => [textOf(row, 'oid'), textOf(row, 'name')]));
  const parents = new Map<string, string[]>();
  for (const row of await connection.query('SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits')) {
    const child = textOf(row, 'inhrelid');
    parents.set(child, [...(parents.get(child) ?? []), textOf(row, 'inhparent')]);
  }
  return new Map(rows.map(row => [textOf(row, 'oid'), thingOf(row, linesOf(textOf(row, 'oid'), names, parents))]));
}

function linesOf(
  oid: string,
  names: ReadonlyMap<string, string>,
  parents: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const above = (parents.get(oid) ?? []).flatMap(parent => linesOf(parent, names, parents));
  return [names.get(oid) ?? '', ...above];
}

function thingOf(row: Row, lines: readonly string[]): Thing {
  const columns = JSON.parse(row.columns ?? '[]') as readonly (readonly [number, string, string])[];
  return {
    name: textOf(row, 'name'),
    relation: textOf(row, 'relname'),
    kind: textOf(row, 'relkind'),
    lines,
    columns: new Map(columns.map(([number, name, type]) => [String(number), { name, type }])),
    file: textOf(row, 'relfilenode'),
    changes: Number(textOf(row, 'changes')),
  };
}
