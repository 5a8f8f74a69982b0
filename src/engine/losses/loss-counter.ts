// Counts what the statements of downs lose: finds each object that a statement names as the file will find it, follows the
// server's own dependencies to everything that goes with it, and counts rows and values there. Reads only, in a read-only
// transaction, under a statement limit each. What cannot be found or counted is a loss all the same. Called by
// downgrade.ts, and by the command line to show what an upgrade drops.
//
//   const { losses } = await countLosses(connection, server, { files, back }, { statementMs: 10_000, totalMs: 60_000 });
//   losses.length === 0                                       // lossless
//   downgradeDigest(ledger, target, reversals, losses) // what a confirmation names
import { type Connection, only, QueryError, quoted, type Row, textOf } from '../connection.ts';
import { whereOf } from '../half-done.ts';
import { ownSettings, type Server } from '../server.ts';
import type { Script } from '../sql/script.ts';
import { stringOf } from '../sql/tree.ts';
import type { DownFile, Guard } from '../work.ts';
import { ChangedTypes } from './changed-types.ts';
import {
  ANY_NAME,
  type Drop,
  dropsOf,
  isNamedIn,
  namedBy,
  nameSql,
  namesChangedBy,
  namesLeftBy,
  typeSql,
  type WrittenType,
} from './drops.ts';
import { GivenValues } from './given-values.ts';
import { LOSS_LIMITS, type Loss, type LossCount, type LossLimits } from './losses.ts';
import {
  COLUMN_SQL,
  DEFINITION_SQL,
  LOST_SQL,
  movedCondition,
  NAMESAKES_SQL,
  OWN_PATH_SQL,
  TYPE_SQL,
} from './lost-objects.ts';
import { retypedCondition, valueCondition } from './lost-values.ts';
import { isMadeBy, madeNames, nodeOfStatement } from './made-relations.ts';
import { areHarmless, reactsToInserts } from './reactions.ts';
import { isFollowed } from './settings.ts';
import { type Target, targetOf } from './target.ts';

/** Counts in a read-only transaction of its own, in which the names are found as the files will find them. */
export async function countLosses(
  connection: Connection,
  server: Server,
  { files, back }: ToCount,
  limits: LossLimits = LOSS_LIMITS,
): Promise<LossCount> {
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const counter = new Counter(connection, server, limits, { files, back });
    for (const file of files) await counter.count(file);
    const { losses, guards, names } = counter;
    const isOpen = losses.some(loss => loss.kind === 'Statement');
    return Object.freeze({ losses, guards, counted: isOpen ? undefined : { names, made: madeNames(files) } });
  } finally {
    if (!connection.isLost) await connection.query('ROLLBACK');
  }
}

export interface ToCount {
  readonly files: readonly DownFile[];
  /** The scripts that go the other way again, in their order; undefined where one is missing. */
  readonly back: readonly (Script | undefined)[];
}

const nodesOf = (files: readonly DownFile[]) => files.flatMap(file => file.parsed.statements.map(nodeOfStatement));

/** Where a loss comes from. */
interface Cause {
  readonly version: string;
  readonly statement: number;
  readonly where: string;
}

type Found = Pick<Loss, 'kind' | 'name'>;

class Counter {
  readonly #connection: Connection;
  readonly #server: Server;
  readonly #limits: LossLimits;
  readonly #changed: ReadonlySet<string>;
  readonly #changedTypes: ChangedTypes;
  readonly #given: GivenValues;
  readonly #deadline: number;
  /** By kind and name: what several downs lose is said once. */
  readonly #losses = new Map<string, Loss>();
  readonly #guards: Guard[] = [];
  /** Whatever was looked at, lost or not. */
  readonly names = new Set<string>();
  /** Names of what was dropped, and of what the downs rename: the next of that name is another object. */
  readonly #left: Set<string>;

  constructor(connection: Connection, server: Server, limits: LossLimits, { files, back }: ToCount) {
    this.#connection = connection;
    this.#server = server;
    this.#limits = limits;
    // Of all files: what one down renames, the next may drop.
    const statements = nodesOf(files);
    this.#changed = new Set(statements.flatMap(namesChangedBy));
    this.#changedTypes = new ChangedTypes(statements);
    this.#left = new Set(statements.flatMap(namesLeftBy));
    this.#given = new GivenValues(connection, back);
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

  #isInTable({ kind, name }: Found): boolean {
    const tables = [...this.#losses.values()].filter(loss => loss.kind === 'Table').map(loss => `${loss.name}.`);
    return (kind === 'Column' || kind === 'Narrowing') && tables.some(table => name.startsWith(table));
  }

  async count(file: DownFile): Promise<void> {
    await this.#connection.query(
      'RESET search_path; RESET TimeZone; RESET DateStyle; RESET ROLE; SET LOCAL extra_float_digits TO 3',
    );
    const { role } = file.parsed.directives;
    // "$user" in the search path is this one's.
    if (role !== undefined) await this.#tried(`SET ROLE ${quoted(role)}`);
    let names: 'Sure' | 'Unsure' = 'Sure';
    for (const statement of file.parsed.statements) {
      const node = nodeOfStatement(statement);
      if (isFollowed(node)) await this.#tried(statement.text);
      // It takes settings back too, and so decides what a name finds.
      if (stringOf(node.fields, 'kind') === 'TRANS_STMT_ROLLBACK_TO') names = 'Unsure';
      const cause = {
        version: file.migration.version,
        statement: statement.number,
        where: whereOf(file.parsed, statement),
      };
      for (const drop of isFollowed(node) ? [] : dropsOf(node)) await this.#countDrop(file, cause, drop, names);
    }
    await this.#connection.query(ownSettings(this.#server.versionNumber));
  }

  async #countDrop(file: DownFile, cause: Cause, drop: Drop, names: 'Sure' | 'Unsure'): Promise<void> {
    const unknown = () => this.#add(cause, { kind: 'Statement', name: cause.where }, null);
    if (drop.kind === 'Uncountable') return unknown();
    if (drop.kind === 'Calls') return (await areHarmless(this.#connection, drop.functions)) ? undefined : unknown();
    if (names === 'Unsure' || isNamedIn(drop, this.#changed) || (await this.#isAnother(drop))) return unknown();
    const target = await targetOf(this.#connection, drop);
    if (target !== undefined) return this.#countTarget(cause, target, drop);
    const isHarmless = drop.kind === 'Inserts' || ('ifExists' in drop && drop.ifExists);
    return isHarmless || isMadeBy(file, drop) ? undefined : unknown();
  }

  /** A name that was left before finds another object now, if there is one of that name further on in the search path. */
  async #isAnother(drop: Drop): Promise<boolean> {
    const named = drop.kind === 'Inserts' || drop.kind === 'Refresh' ? undefined : namedBy(drop);
    if (named === undefined || named.schema !== undefined) return false;
    if (![named.name, ANY_NAME].some(name => this.#left.has(name))) return false;
    return (await this.#connection.query(NAMESAKES_SQL, [named.name])).length > 1;
  }

  async #countTarget(cause: Cause, target: Target, drop: Drop): Promise<void> {
    if (drop.kind === 'Retype') return this.#countRetype(cause, target, drop.type);
    if (drop.kind === 'Inserts') {
      if (await reactsToInserts(this.#connection, target.oid))
        this.#add(cause, { kind: 'Statement', name: cause.where }, null);
      return undefined;
    }
    if (drop.kind === 'Object') this.#left.add(drop.name.name);
    if (drop.kind === 'Refresh') {
      const found = { kind: 'Statement', name: cause.where } as const;
      return this.#countView(cause, found, target.oid, nameSql(drop.view));
    }
    const { classId, oid, column } = target;
    const all = await this.#underOwnPath(() => this.#connection.query(LOST_SQL, [classId, oid, String(column)]));
    for (const lost of all) await this.#countLost(cause, lost);
    return undefined;
  }

  async #countLost(cause: Cause, lost: Row): Promise<void> {
    const table = `${quoted(textOf(lost, 'nspname'))}.${quoted(textOf(lost, 'relname'))}`;
    const name = textOf(lost, 'name');
    this.names.add(name);
    // An attribute goes from every value of the composite type, wherever that is stored.
    if (lost.relkind === 'c') return this.#add(cause, { kind: 'Column', name }, null);
    if (lost.relkind === 'm') return this.#countView(cause, { kind: 'Table', name }, textOf(lost, 'oid'), table);
    // The number that a sequence would give next is nowhere else. It cannot be locked, so there is no guard.
    if (lost.relkind === 'S')
      return this.#countInto(cause, { kind: 'Table', name }, table, movedCondition(textOf(lost, 'oid')));
    const isTable = lost.attname == null;
    const relation = isTable ? `ONLY ${table}` : table;
    const condition = isTable ? 'true' : valueCondition(await this.#given.of(lost));
    return this.#countGuarded(cause, { kind: isTable ? 'Table' : 'Column', name }, relation, condition);
  }

  /** Of a materialized view, what its own query would not bring back: rows of an earlier state of what it reads. */
  async #countView(cause: Cause, found: Found, oid: string, view: string): Promise<void> {
    await this.#connection.query("SAVEPOINT view; SET LOCAL search_path TO ''");
    const [row] = await this.#connection.query(DEFINITION_SQL, [oid]);
    await this.#connection.query('ROLLBACK TO view; RELEASE view');
    if (row === undefined || row.relispopulated === 'f') return;
    const gone = `(TABLE ${view} EXCEPT ALL (${textOf(row, 'definition')})) AS gone`;
    await this.#countInto(cause, found, gone, 'true');
  }

  /** Values that do not come back from the new type as they were; all of them where a USING decides. */
  async #countRetype(cause: Cause, { oid, column }: Target, type: WrittenType | undefined): Promise<void> {
    const after = type === undefined ? undefined : await this.#typeByThen(type);
    const row = only(await this.#underOwnPath(() => this.#connection.query(COLUMN_SQL, [oid, String(column)])));
    const condition = retypedCondition(quoted(textOf(row, 'attname')), textOf(row, 'type'), after);
    const relation = `${quoted(textOf(row, 'nspname'))}.${quoted(textOf(row, 'relname'))}`;
    await this.#countGuarded(cause, { kind: 'Narrowing', name: textOf(row, 'name') }, relation, condition);
  }

  /** Undefined where it may be another one by then; as it is written, where there is no such type yet. */
  async #typeByThen(type: WrittenType): Promise<string | undefined> {
    const found = await this.#tried(TYPE_SQL, { parameters: [nameSql(type.name)] });
    const [row] = found ?? [];
    const schema = row === undefined ? undefined : textOf(row, 'nspname');
    if (this.#changedTypes.mayConcern(type.name, schema)) return undefined;
    return typeSql(row === undefined ? type : { ...type, name: { schema, name: textOf(row, 'typname') } });
  }

  async #underOwnPath<T>(work: () => Promise<T>): Promise<T> {
    await this.#connection.query(`SAVEPOINT path; ${OWN_PATH_SQL}`);
    const answer = await work();
    await this.#connection.query('ROLLBACK TO path; RELEASE path');
    return answer;
  }

  async #countGuarded(
    cause: Cause,
    found: Found & Pick<Guard, 'kind'>,
    relation: string,
    condition: string,
  ): Promise<void> {
    const { version, statement } = cause;
    this.names.add(found.name);
    this.#guards.push(Object.freeze({ version, statement, ...found, relation, condition }));
    await this.#underOwnPath(() => this.#countInto(cause, found, relation, condition));
  }

  async #countInto(cause: Cause, found: Found, relation: string, condition: string): Promise<void> {
    if (this.#losses.has(keyOf(found))) return;
    const left = Math.min(this.#limits.statementMs, this.#deadline - Date.now());
    const sql = `SELECT count(*) AS rows FROM ${relation} WHERE ${condition}`;
    const answer = left <= 0 ? undefined : await this.#tried(sql, { limitMs: left });
    const rows = answer?.[0]?.rows;
    this.#add(cause, found, rows == null ? null : Number(rows));
  }

  #add({ version, where }: Cause, found: Found, counted: number | null): void {
    const rows = found.kind === 'Statement' && counted !== 0 ? null : counted;
    if (rows !== 0 && !this.#losses.has(keyOf(found)))
      this.#losses.set(keyOf(found), Object.freeze({ version, ...found, rows, where }));
  }

  /** Within a savepoint: a table that may not be read, or takes too long, must not end the count of the others. */
  async #tried(
    sql: string,
    { limitMs = this.#limits.statementMs, parameters }: { limitMs?: number; parameters?: readonly string[] } = {},
  ) {
    await this.#connection.query(
      `SAVEPOINT count; SET LOCAL row_security TO off; SET LOCAL statement_timeout TO ${limitMs}`,
    );
    try {
      return await this.#connection.query(sql, parameters);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      await this.#connection.query('ROLLBACK TO count');
      return undefined;
    } finally {
      if (!this.#connection.isLost) await this.#connection.query('RELEASE count; SET LOCAL statement_timeout TO 0');
    }
  }
}

const keyOf = ({ kind, name }: Found) => `${kind} ${name}`;
