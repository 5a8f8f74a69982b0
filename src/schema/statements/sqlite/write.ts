// From two schemas of SQLite, the text of a migration file that leads from the one to the other. What ALTER TABLE can do is
// written; for the rest the recipe by which SQLite makes a table anew stands in comments. Every statement is tried on an
// empty copy of the first schema: one that SQLite refuses becomes a comment, and so does every difference that is left.
//
//   const script = sqliteStatementsBetween(old, live, () => openSqlite(':memory:', …));
import { quotedName, type SqliteConnection, SqliteFailure } from '../../../engine/sqlite/connection.ts';
import { readSqliteSnapshot } from '../../../engine/sqlite/snapshot.ts';
import { compareSnapshots, type Difference, describeDifference } from '../../difference.ts';
import { type Script, scriptOf } from '../text.ts';
import type { SqliteObject } from './objects.ts';
import { changeTable, renamedTable, type Told } from './tables.ts';

type Objects = readonly SqliteObject[];

export function sqliteStatementsBetween(from: Objects, to: Objects, openMemory: () => SqliteConnection): Script {
  const trial = built(from, openMemory);
  const goal = built(to, openMemory);
  try {
    const planned = ordered(from, to, differing(trial, goal));
    const tried = planned.map(one => tryOut(trial, one));
    const pieces = tried.flatMap(one => (one.piece === undefined ? [] : [one.piece]));
    const remarks = [...tried.flatMap(one => one.remarks), ...left(trial, goal)];
    return scriptOf({ directives: [], settings: [], pieces, remarks, unsaid: [] });
  } finally {
    trial.close();
    goal.close();
  }
}

/** An empty database of this schema. */
function built(objects: Objects, openMemory: () => SqliteConnection): SqliteConnection {
  const connection = openMemory();
  for (const { sql } of objects.filter(one => one.made === 'Written')) connection.execute(sql);
  return connection;
}

function tryOut(trial: SqliteConnection, { piece, remarks }: Told): Told {
  if (piece === undefined) return { piece, remarks };
  try {
    trial.execute(piece.sql);
    return { piece, remarks };
  } catch (error) {
    if (!(error instanceof SqliteFailure)) throw error;
    return { piece: undefined, remarks: [...remarks, `SQLite refuses (${error.message}):\n${piece.sql};`] };
  }
}

function differing(from: SqliteConnection, to: SqliteConnection): readonly Difference[] {
  return compareSnapshots({ entries: readSqliteSnapshot(from) }, { entries: readSqliteSnapshot(to) }).differences;
}

/** What the statements leave. */
function left(trial: SqliteConnection, goal: SqliteConnection): readonly string[] {
  return differing(trial, goal).map(one => `Left: ${describeDifference(one)}`);
}

/** What stands on tables goes first and comes last; tables are made before the ALTERs, which look at every view. */
function ordered(from: Objects, to: Objects, differences: readonly Difference[]): readonly Told[] {
  const [old, now] = [byKey(from), byKey(to)];
  const isSame = (one: SqliteObject, others: ReadonlyMap<string, SqliteObject>) =>
    others.get(keyOf(one))?.meaning === one.meaning;
  const dropped = from.filter(one => one.kind !== 'table' && !isSame(one, now) && !goesAlong(one, from, to));
  const made = to.filter(one => !isSame(one, old) || (one.kind !== 'table' && goesAlong(one, from, to)));
  const tables = from.filter(one => one.kind === 'table' && one.made === 'Written');
  const added = made.filter(one => one.kind === 'table' && one.made === 'Written' && !old.has(keyOf(one)));
  const inTurn = (kinds: readonly string[], objects: Objects) =>
    kinds.flatMap(kind => objects.filter(one => one.kind === kind));
  return [
    ...inTurn(['trigger', 'view', 'index'], dropped).map(dropOf),
    ...added.map(createOf),
    ...tables.flatMap(table => {
      const other = now.get(keyOf(table));
      return other === undefined || !hasChanged(table, differences) ? [] : changeTable(table, other, to);
    }),
    ...tables.filter(table => !now.has(keyOf(table))).map(table => dropTable(table, added)),
    ...inTurn(['index', 'view', 'trigger'], made).map(createOf),
  ];
}

/** A text that is only written otherwise is the same table. */
function hasChanged({ name }: SqliteObject, differences: readonly Difference[]): boolean {
  return differences.some(
    one => one.name === name || one.name.startsWith(`${name}.`) || one.name.startsWith(`${name} (`),
  );
}

const keyOf = ({ kind, name }: SqliteObject) => `${kind} ${name.toLowerCase()}`;
const byKey = (objects: Objects) => new Map(objects.map(one => [keyOf(one), one]));

/** Whether it goes with its table, or with its view that is dropped. */
function goesAlong({ kind, on }: SqliteObject, from: Objects, to: Objects): boolean {
  if (kind === 'view') return false;
  const place = (objects: Objects) =>
    objects.find(one => (one.kind === 'table' || one.kind === 'view') && one.name.toLowerCase() === on.toLowerCase());
  const [old, now] = [place(from), place(to)];
  if (now === undefined || old === undefined || old.kind !== now.kind) return true;
  return old.kind === 'view' && old.meaning !== now.meaning;
}

const createOf = ({ sql }: SqliteObject): Told => ({ piece: { sql, notes: [] }, remarks: [] });

function dropOf({ kind, name }: SqliteObject): Told {
  return { piece: { sql: `DROP ${kind.toUpperCase()} ${quotedName(name)}`, notes: [] }, remarks: [] };
}

function dropTable(table: SqliteObject, added: Objects): Told {
  const notes = [`Destroys data: every row of ${table.name}.`, ...renamedTable(table, added)];
  return { piece: { sql: `DROP TABLE ${quotedName(table.name)}`, notes }, remarks: [] };
}
