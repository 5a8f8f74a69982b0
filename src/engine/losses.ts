// What a downgrade would lose: rows of tables that the downs drop, values of columns that they drop or narrow, and
// statements whose loss cannot be counted. Reads only, under a statement limit each. Called by `plan` to show it, and by
// `migrate` under the fence, which refuses with DowngradeWouldLoseData unless the plan's digest was confirmed.
//
//   const losses = await countLosses(connection, server, files, { statementMs: 10_000, totalMs: 60_000 });
//   losses.length === 0                                       // lossless
//   downgradeDigest(ledger.digest, target, reversals, losses) // what a confirmation names
import { digestOf } from '../api/digest.ts';
import { type Connection, only, QueryError, quoted, textOf } from './connection.ts';
import { type Drop, dropsOf, isNamedIn, namesChangedBy } from './drops.ts';
import { whereOf } from './half-done.ts';
import { FINDERS, LOST_SQL } from './lost-objects.ts';
import { parseNodes } from './parse-trees.ts';
import type { Reversal } from './reversal.ts';
import { ownSettings, type Server } from './server.ts';
import type { Statement } from './statements.ts';
import type { Node, QualifiedName } from './tree.ts';
import type { DownFile, Guard } from './work.ts';

/** One thing that is lost. Never the data itself. */
export interface Loss {
  /** Version whose down loses it. */
  readonly version: string;
  readonly kind: 'Table' | 'Column' | 'Narrowing' | 'Statement';
  /** `public.users`, `public.users.email`, or `004_x.down.sql, statement 2 (line 7)`. */
  readonly name: string;
  /** Rows, or values that are neither NULL nor the column's default; null when it cannot be counted. */
  readonly rows: number | null;
}

export interface LossCount {
  /** Empty: lossless. */
  readonly losses: readonly Loss[];
  /** Of what is not among the losses. */
  readonly guards: readonly Guard[];
}

export interface LossLimits {
  readonly statementMs: number;
  /** For all counts together; what is left then is not counted. */
  readonly totalMs: number;
}

export const LOSS_LIMITS: LossLimits = Object.freeze({ statementMs: 10_000, totalMs: 60_000 });

/** `public.users (12 rows)`, for a person. */
export function describeLoss({ kind, name, rows }: Loss): string {
  if (rows === null) return kind === 'Statement' ? `${name} changes rows` : `${name} (cannot be counted)`;
  const [one, many] = kind === 'Table' ? ['row', 'rows'] : ['value', 'values'];
  return `${name} (${rows} ${rows === 1 ? one : many}${kind === 'Narrowing' ? ' changed' : ''})`;
}

/** What a confirmation is bound to: the scripts, the ledger, and what is lost by name. Not the numbers: an application that still runs changes them. */
export function downgradeDigest(
  ledgerDigest: string,
  target: string,
  reversals: readonly Reversal[],
  losses: readonly Loss[],
): string {
  const scripts = reversals.map(({ version, origin, down }) => [version, origin, down.checksum]);
  const names = losses.map(({ kind, name }) => `${kind} ${name}`).sort();
  return digestOf({ ledgerDigest, target, scripts, names });
}

/** What is lost, for whoever only shows it. */
export async function countLosses(
  connection: Connection,
  server: Server,
  files: readonly DownFile[],
  limits?: LossLimits,
): Promise<readonly Loss[]> {
  return (await examineLosses(connection, server, files, limits)).losses;
}

/** Counts in a read-only transaction of its own, in which the names are found as the files will find them. */
export async function examineLosses(
  connection: Connection,
  server: Server,
  files: readonly DownFile[],
  limits: LossLimits = LOSS_LIMITS,
): Promise<LossCount> {
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const counter = new Counter(connection, server, limits, changedNames(files));
    for (const file of files) await counter.count(file);
    return Object.freeze({ losses: counter.losses, guards: counter.guards });
  } finally {
    if (!connection.isLost) await connection.query('ROLLBACK');
  }
}

function nodeOfStatement(statement: Statement): Node {
  return parseNodes(statement.text)[0] ?? { type: 'Empty', fields: {} };
}

/** Of all files: what one down renames, the next may drop. */
function changedNames(files: readonly DownFile[]): ReadonlySet<string> {
  return new Set(files.flatMap(file => file.parsed.statements.flatMap(one => namesChangedBy(nodeOfStatement(one)))));
}

interface Target {
  readonly classId: 'pg_class' | 'pg_type' | 'pg_namespace' | 'pg_extension';
  readonly oid: string;
  readonly column: number;
}

class Counter {
  readonly #connection: Connection;
  readonly #server: Server;
  readonly #limits: LossLimits;
  readonly #changed: ReadonlySet<string>;
  readonly #deadline: number;
  /** By kind and name: what several downs lose is said once. */
  readonly #losses = new Map<string, Loss>();
  readonly #guards: Guard[] = [];

  constructor(connection: Connection, server: Server, limits: LossLimits, changed: ReadonlySet<string>) {
    this.#connection = connection;
    this.#server = server;
    this.#limits = limits;
    this.#changed = changed;
    this.#deadline = Date.now() + limits.totalMs;
  }

  /** A column of a table that is lost whole is no loss of its own. */
  get losses(): readonly Loss[] {
    return Object.freeze([...this.#losses.values()].filter(loss => !this.#isInTable(loss)));
  }

  /** What was counted as lost is accepted or refused by name; what was not must stay so. */
  get guards(): readonly Guard[] {
    return Object.freeze(this.#guards.filter(guard => !this.#losses.has(keyOf(guard)) && !this.#isInTable(guard)));
  }

  #isInTable({ kind, name }: Pick<Loss, 'kind' | 'name'>): boolean {
    const tables = [...this.#losses.values()].filter(loss => loss.kind === 'Table').map(loss => `${loss.name}.`);
    return (kind === 'Column' || kind === 'Narrowing') && tables.some(table => name.startsWith(table));
  }

  async count(file: DownFile): Promise<void> {
    await this.#connection.query('RESET search_path');
    const { role } = file.parsed.directives;
    // "$user" in the search path is this one's.
    if (role !== undefined) await this.#tried(`SET ROLE ${quoted(role)}`);
    for (const statement of file.parsed.statements) {
      if (statement.isSetting && /search_path/i.test(statement.text)) await this.#tried(statement.text);
      for (const drop of dropsOf(nodeOfStatement(statement))) await this.#countDrop(file, statement, drop);
    }
    await this.#connection.query(ownSettings(this.#server.versionNumber));
  }

  async #countDrop(file: DownFile, statement: Statement, drop: Drop): Promise<void> {
    const { version } = file.migration;
    const unknown = () => this.#add({ version, kind: 'Statement', name: whereOf(file.parsed, statement), rows: null });
    if (drop.kind === 'Uncountable') return unknown();
    if (drop.kind === 'Calls') return (await this.#areBuiltIn(drop.functions)) ? undefined : unknown();
    if (isNamedIn(drop, this.#changed)) return unknown();
    const target = await this.#find(drop);
    if (target !== undefined) return this.#countTarget(version, target, drop);
    const isHarmless = drop.kind !== 'Retype' && drop.ifExists;
    return isHarmless || this.#isMadeBy(file, drop) ? undefined : unknown();
  }

  /** A relation that the same down makes before it drops it. */
  #isMadeBy(file: DownFile, drop: Drop): boolean {
    if (drop.kind !== 'Object' || drop.of !== 'relation') return false;
    const { name } = drop.name;
    return file.parsed.statements.some(statement => {
      const { type, fields } = nodeOfStatement(statement);
      return MAKES.has(type) && JSON.stringify(fields).includes(`"relname":${JSON.stringify(name)}`);
    });
  }

  async #areBuiltIn(functions: readonly string[]): Promise<boolean> {
    if (functions.some(name => name.startsWith('lo_'))) return false;
    const rows = await this.#connection.query(
      `SELECT name FROM pg_catalog.json_array_elements_text($1::json) AS name
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = name AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
          OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = name AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace)`,
      [JSON.stringify(functions)],
    );
    return rows.length === 0;
  }

  async #find(drop: Exclude<Drop, { kind: 'Calls' | 'Uncountable' }>): Promise<Target | undefined> {
    if (drop.kind !== 'Object') {
      const [row] = await this.#connection.query(
        `SELECT attrelid AS oid, attnum FROM pg_catalog.pg_attribute
          WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped`,
        [nameSql(drop.table), drop.column],
      );
      if (row === undefined) return undefined;
      return { classId: 'pg_class', oid: textOf(row, 'oid'), column: Number(textOf(row, 'attnum')) };
    }
    const [classId, sql] = FINDERS[drop.of];
    const name = drop.of === 'extension' ? drop.name.name : nameSql(drop.name);
    const [row] = await this.#connection.query(sql, [name]);
    return row?.oid == null ? undefined : { classId, oid: row.oid, column: 0 };
  }

  async #countTarget(version: string, target: Target, drop: Drop): Promise<void> {
    if (drop.kind === 'Retype') return this.#countRetype(version, target, drop.type);
    for (const lost of await this.#connection.query(LOST_SQL, [target.classId, target.oid, String(target.column)])) {
      const table = `${quoted(textOf(lost, 'nspname'))}.${quoted(textOf(lost, 'relname'))}`;
      const name = textOf(lost, 'name');
      if (lost.relkind === 'S') {
        // The number that it would give next is nowhere else. It cannot be locked, so there is no guard.
        await this.#countInto({ version, kind: 'Table', name }, table, 'is_called');
        continue;
      }
      const isTable = lost.attname == null;
      const relation = isTable ? `ONLY ${table}` : table;
      const condition = isTable ? 'true' : valueCondition(quoted(lost.attname ?? ''), lost.fallback ?? null);
      const kind = isTable ? 'Table' : 'Column';
      this.#guards.push(Object.freeze({ version, kind, name, relation, condition }));
      await this.#countInto({ version, kind, name }, relation, condition);
    }
    return undefined;
  }

  /** Values that do not come back from the new type as they were; all of them where a USING decides. */
  async #countRetype(version: string, target: Target, type: string | undefined): Promise<void> {
    const row = only(
      await this.#connection.query(
        `SELECT n.nspname, c.relname, a.attname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
            || '.' || pg_catalog.quote_ident(a.attname) AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid = $1 AND a.attnum = $2`,
        [target.oid, String(target.column)],
      ),
    );
    const column = quoted(textOf(row, 'attname'));
    const changed =
      type === undefined
        ? ''
        : ` AND ((${column}::${type})::${textOf(row, 'type')})::text IS DISTINCT FROM ${column}::text`;
    const relation = `${quoted(textOf(row, 'nspname'))}.${quoted(textOf(row, 'relname'))}`;
    const loss = { version, kind: 'Narrowing', name: textOf(row, 'name') } as const;
    const condition = `${column} IS NOT NULL${changed}`;
    this.#guards.push(Object.freeze({ ...loss, relation, condition }));
    await this.#countInto(loss, relation, condition);
  }

  async #countInto(loss: Omit<Loss, 'rows'>, relation: string, condition: string): Promise<void> {
    if (this.#losses.has(keyOf(loss))) return;
    const left = Math.min(this.#limits.statementMs, this.#deadline - Date.now());
    const sql = `SELECT count(*) AS rows FROM ${relation} WHERE ${condition}`;
    const answer = left <= 0 ? undefined : await this.#tried(sql, left);
    const rows = answer?.[0]?.rows;
    this.#add({ ...loss, rows: rows == null ? null : Number(rows) });
  }

  #add(loss: Loss): void {
    if (loss.rows !== 0 && !this.#losses.has(keyOf(loss))) this.#losses.set(keyOf(loss), Object.freeze(loss));
  }

  /** Within a savepoint: a table that may not be read, or takes too long, must not end the count of the others. */
  async #tried(sql: string, limitMs = this.#limits.statementMs) {
    await this.#connection.query(
      `SAVEPOINT count; SET LOCAL row_security TO off; SET LOCAL statement_timeout TO ${limitMs}`,
    );
    try {
      return await this.#connection.query(sql);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      await this.#connection.query('ROLLBACK TO count');
      return undefined;
    } finally {
      if (!this.#connection.isLost) await this.#connection.query('RELEASE count; SET LOCAL statement_timeout TO 0');
    }
  }
}

const MAKES = new Set(['CreateStmt', 'CreateTableAsStmt', 'ViewStmt', 'CreateSeqStmt', 'SelectStmt']);
const keyOf = ({ kind, name }: Pick<Loss, 'kind' | 'name'>) => `${kind} ${name}`;
const nameSql = ({ schema, name }: QualifiedName) =>
  schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;

/** Values that are neither NULL nor the default, where that is a constant. */
function valueCondition(column: string, fallback: string | null): string {
  if (fallback === null || !isConstant(fallback)) return `${column} IS NOT NULL`;
  return `${column} IS NOT NULL AND ${column}::text IS DISTINCT FROM (${fallback})::text`;
}

/** Constants and casts only: the same for every row. */
function isConstant(expression: string): boolean {
  const nodes = parseNodes(`SELECT ${expression}`);
  const text = JSON.stringify(nodes);
  return nodes.length === 1 && !/"(FuncCall|SQLValueFunction|ColumnRef|SubLink|A_Expr|NextValueExpr)"/.test(text);
}
