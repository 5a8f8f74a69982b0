// What statements for SQLite would lose: rows of tables that they drop or empty, values of columns that they drop or convert,
// and what they do to rows that nobody can count. Counts against the database as it is now, under the names that things have
// there; a table that is rebuilt loses what is not copied (rebuild.ts). What is not known to lose nothing is asked about. Reads
// only. Called before an upgrade or a downgrade, to be shown and asked.
import { failure } from '../errors.ts';
import type { Loss } from '../losses/losses.ts';
import type { Script } from '../sql/script.ts';
import { quotedName, type SqliteConnection, SqliteFailure } from './connection.ts';
import { droppedTable, madeTable, Names, nameAt } from './names.ts';
import { isMadeBy } from './own-doing.ts';
import { definitionsOf, holdersIn, namesTaken, rebuildOf, type Step, stepsOf } from './rebuild.ts';
import { spelled } from './snapshot.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf, tokensOf } from './tokens.ts';
import { changedByType, isOtherThanGiven } from './values.ts';
import { SqliteWayBack, type Surroundings } from './way-back.ts';

type Lost = Omit<Loss, 'version' | 'where'>;

interface Planned {
  readonly version: string;
  readonly file: SqliteFile;
}

export interface Way {
  readonly direction: 'Up' | 'Down';
  /** What goes the other way again, of all versions of the run; undefined for one that nobody has. */
  readonly back: readonly (Script | undefined)[];
}

/** Everything that the files lose, in order; on the way up without what cannot be counted: rows are changed on purpose. */
export function sqliteLosses(
  connection: SqliteConnection,
  files: readonly Planned[],
  { direction, back }: Way,
): readonly Loss[] {
  const reader = new Reader(connection, new SqliteWayBack(back));
  return files.flatMap(({ version, file }) => {
    reader.begin(file);
    return file.statements
      .flatMap(statement =>
        reader.read(file, statement).map(lost => ({ version, ...lost, where: whereOf(file, statement) })),
      )
      .filter(lost => lost.rows !== 0 && (direction === 'Down' || lost.kind !== 'Statement'));
  });
}

/**
 * Behind the lock, before the first of the files that are left to run: rows may have come since a person was asked. Throws
 * PlanOutdated if a statement now loses something that was not said to lose anything.
 */
export function assertLosesNoMore(
  connection: SqliteConnection,
  { done, left }: { readonly done: readonly Planned[]; readonly left: readonly Planned[] },
  way: Way & { readonly said: readonly Loss[] },
): void {
  const known = new Set(way.said.flatMap(({ kind, name, where }) => [`${kind} ${name}`, where]));
  const isOwn = isMadeBy(done.map(({ file }) => file));
  const more = sqliteLosses(connection, left, way).find(
    loss => !known.has(`${loss.kind} ${loss.name}`) && !known.has(loss.where) && !isOwn(loss),
  );
  if (more === undefined) return;
  const what = `what would be lost of ${more.name}`;
  throw failure('PlanOutdated', { what, planned: 'nothing', found: 'some rows' }, { migration: more.version });
}

/** First words of statements that change no row. An INSERT adds some; SELECT calls nothing but SQLite's own. */
const HARMLESS = new Set([
  ...['CREATE', 'SELECT', 'VALUES', 'WITH', 'EXPLAIN', 'ANALYZE'],
  ...['REINDEX', 'VACUUM', 'SAVEPOINT', 'RELEASE', 'ROLLBACK'],
  ...['ALTER', 'DROP', 'INSERT', 'PRAGMA'],
]);
const CHANGING = new Set(['DELETE', 'UPDATE', 'REPLACE']);

class Reader {
  readonly #connection: SqliteConnection;
  readonly #back: SqliteWayBack;
  readonly #names = new Names();
  /** A trigger that is made on the way may do anything to the rows of any table. */
  #hasNewTrigger = false;
  #steps: readonly Step[] = [];
  /** What this file makes, and what holds the rows of a rebuilt table, in lower case. */
  readonly #made = new Set<string>();
  readonly #holders = new Set<string>();
  /** `Unsure` after ROLLBACK TO, which gives back names too. */
  #sure: 'Sure' | 'Unsure' = 'Sure';

  constructor(connection: SqliteConnection, back: SqliteWayBack) {
    this.#connection = connection;
    this.#back = back;
  }

  begin(file: SqliteFile): void {
    this.#sure = 'Sure';
    this.#made.clear();
    this.#steps = stepsOf(file);
    for (const name of holdersIn(this.#steps, this.#names)) this.#holders.add(name.toLowerCase());
  }

  read(file: SqliteFile, statement: SqliteStatement): readonly Lost[] {
    const words = statement.tokens.map(keyword);
    const uncounted = [{ kind: 'Statement', name: whereOf(file, statement), rows: null } as const];
    const lost = this.#lossesOf(file, statement, words, uncounted);
    if (words[0] === 'ROLLBACK') this.#sure = 'Unsure';
    if (words[0] === 'CREATE' && words.slice(1, 3).includes('TRIGGER')) this.#hasNewTrigger = true;
    const made = madeTable(statement);
    if (made !== undefined) this.#made.add(this.#names.table(made).toLowerCase());
    this.#names.follow(statement);
    return this.#sure === 'Unsure' && lost !== NOTHING ? uncounted : lost;
  }

  #lossesOf(
    file: SqliteFile,
    statement: SqliteStatement,
    words: readonly string[],
    uncounted: readonly Lost[],
  ): readonly Lost[] {
    const { tokens } = statement;
    const [first = '', second] = words;
    if (first === 'DELETE' && second === 'FROM' && !words.includes('WHERE')) {
      const rows = this.#tableLoss(nameAt(tokens, 2));
      const goesFurther = rows.some(one => one.rows !== 0 && this.#isFollowed(one.name));
      return goesFurther ? [...rows, ...uncounted] : rows;
    }
    if (!HARMLESS.has(first) || changesRows(words)) return uncounted;
    if (first === 'PRAGMA') return setsNumber(words) ? uncounted : NOTHING;
    if (words.includes('INSERT') && first !== 'CREATE') {
      const into = this.#names.table(nameAt(tokens, words.indexOf('INTO') + 1));
      return this.#hasNewTrigger || this.#hasTriggers(into) ? uncounted : NOTHING;
    }
    const gone = droppedTable(statement);
    if (gone !== undefined) return this.#dropped(file, statement, gone);
    const drop = words.indexOf('DROP');
    if (first !== 'ALTER' || drop < 0) return NOTHING;
    const table = nameAt(tokens, 2);
    const given = nameOf(tokens[words[drop + 1] === 'COLUMN' ? drop + 2 : drop + 1]);
    const [existing, column] = [this.#existing(table), this.#names.column(table, given)];
    // A copy may call its columns as it likes.
    const isCopy = existing !== this.#names.table(table);
    const isKnown = this.#columns(existing).some(({ name }) => name.toLowerCase() === column.toLowerCase());
    return isCopy && !isKnown ? uncounted : [this.#columnLoss(existing, column)];
  }

  /**
   * What holds the rows of a table now: itself, or the one from which a table that is made on the way gets its rows. None does of a
   * helper, which comes and goes with one file: what happens to its source is asked about for itself.
   */
  #existing(table: string): string {
    const before = this.#names.table(table);
    const isHelper = this.#made.has(before.toLowerCase()) && !this.#holders.has(before.toLowerCase());
    return isHelper || this.#exists(before) ? before : (this.#names.origin(before) ?? before);
  }

  /** Of a table that is rebuilt only what its copy has not. */
  #dropped(file: SqliteFile, statement: SqliteStatement, table: string): readonly Lost[] {
    const before = this.#names.table(table);
    const rebuild = rebuildOf(this.#steps, statement, table, before);
    const whole = this.#tableLoss(table);
    if (rebuild === undefined || whole.every(one => one.rows === 0)) return whole;
    const { copy, columns, types, clauses } = rebuild;
    const existing = this.#existing(table);
    const known = this.#definitions(existing);
    if (clauses.some(clause => !known.includes(clause))) return whole;
    const uncounted = [{ kind: 'Statement', name: whereOf(file, copy), rows: null } as const];
    if (this.#hasCountedOn(existing)) return uncounted;
    const all = this.#columns(existing);
    if (columns === 'Unknown') {
      const taken = namesTaken(copy).map(name => this.#names.column(table, name).toLowerCase());
      const left = taken.includes('*') ? [] : all.filter(({ name }) => !taken.includes(name.toLowerCase()));
      return [...uncounted, ...left.map(({ name }) => this.#columnLoss(existing, name))];
    }
    const kept = columns === 'All' ? all.map(({ name }) => name) : columns.map(name => this.#names.column(table, name));
    return all.map(({ name, type }): Lost => {
      const at = kept.findIndex(one => one.toLowerCase() === name.toLowerCase());
      if (at < 0) return this.#columnLoss(existing, name);
      const rows = this.#countWhere(existing, changedByType(columnSql(existing, name), type, types[at]));
      return { kind: 'Narrowing', name: `${existing}.${name}`, rows };
    });
  }

  /** One that is not there, and gets its rows from no other, is made by the same run: nothing of it is lost. */
  #tableLoss(table: string): readonly Lost[] {
    const existing = this.#existing(table);
    return [{ kind: 'Table', name: existing, rows: this.#countWhere(existing, 'true') }];
  }

  #columnLoss(table: string, column: string): Lost {
    const found = this.#columns(table).find(({ name }) => name.toLowerCase() === column.toLowerCase());
    if (found === undefined) return { kind: 'Column', name: `${table}.${column}`, rows: 0 };
    const given = this.#back.givenTo(table, column, this.#around(table));
    const condition = isOtherThanGiven(columnSql(table, column), given, found.fallback);
    return { kind: 'Column', name: `${table}.${column}`, rows: this.#countWhere(table, condition) };
  }

  #around(table: string): Surroundings {
    const triggers = this.#connection.query("SELECT sql FROM sqlite_schema WHERE type = 'trigger'");
    const following = this.#connection.query(
      `SELECT 1 FROM pragma_foreign_key_list(?)
        WHERE on_delete NOT IN ('NO ACTION', 'RESTRICT') OR on_update NOT IN ('NO ACTION', 'RESTRICT')`,
      [table],
    );
    return {
      triggers: triggers.map(({ sql }) => String(sql)),
      follows: following.length > 0 ? 'References' : 'Nothing',
    };
  }

  /** Generated ones are left out: nothing is in them. */
  #columns(
    table: string,
  ): readonly { readonly name: string; readonly type: string; readonly fallback: 'HasDefault' | 'HasNone' }[] {
    const rows = this.#connection.query(
      `SELECT name, dflt_value, CASE WHEN upper(type) = 'ANY' AND EXISTS
          (SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE AND strict) THEN '' ELSE type END AS type
        FROM pragma_table_info(?1)`,
      [table],
    );
    return rows.map(({ name, type, dflt_value }) => ({
      name: String(name),
      type: String(type),
      fallback: dflt_value === null || dflt_value === undefined ? 'HasNone' : 'HasDefault',
    }));
  }

  /** Columns and constraints as they are written, word by word. */
  #definitions(table: string): readonly string[] {
    const sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
    const [row] = this.#connection.query(sql, [table]);
    return definitionsOf(tokensOf(String(row?.sql ?? ''))).map(spelled);
  }

  /** Whether AUTOINCREMENT has given out numbers above all rows that are there: a rebuilt table would give them again. */
  #hasCountedOn(table: string): boolean {
    if (!this.#exists('sqlite_sequence')) return false;
    // Compared by SQLite: they may be larger than a number of JavaScript.
    const sql = `SELECT 1 FROM sqlite_sequence AS counted WHERE counted.name = ? COLLATE NOCASE
      AND NOT EXISTS (SELECT 1 FROM ${quotedName(table)} AS t WHERE t.rowid >= counted.seq)`;
    return this.#connection.query(sql, [table]).length > 0;
  }

  /** Whether emptying a table sets off more: triggers, or references with which other rows go. */
  #isFollowed(table: string): boolean {
    const references = this.#connection.query(
      `SELECT 1 FROM sqlite_schema AS one JOIN pragma_foreign_key_list(one.name) AS reference
        WHERE one.type = 'table' AND reference."table" = ? COLLATE NOCASE`,
      [table],
    );
    return references.length > 0 || this.#hasNewTrigger || this.#hasTriggers(table);
  }

  #hasTriggers(table: string): boolean {
    const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE";
    return this.#connection.query(sql, [table]).length > 0;
  }

  #exists(table: string): boolean {
    const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
    return this.#connection.query(sql, [table]).length > 0;
  }

  #countWhere(table: string, condition: string): number {
    try {
      const sql = `SELECT count(*) AS rows FROM ${quotedName(table)} WHERE ${condition}`;
      return Number(this.#connection.query(sql)[0]?.rows ?? 0);
    } catch (error) {
      if (error instanceof SqliteFailure && error.code === 1 && !this.#exists(table)) return 0;
      throw error;
    }
  }
}

const NOTHING: readonly Lost[] = Object.freeze([]);

/** A quoted name that is no column would be read as a string: asked for by the table's own name it is an error. */
const columnSql = (table: string, column: string) => `${quotedName(table)}.${quotedName(column)}`;

/** Triggers and foreign keys name the same words, but only in CREATE statements. */
function changesRows(words: readonly string[]): boolean {
  const [first = ''] = words;
  const mayHold = first === 'WITH' || first === 'INSERT';
  return CHANGING.has(first) || (mayHold && words.some(word => CHANGING.has(word)));
}

/** `PRAGMA user_version = 3`: the application's own numbers, which are kept nowhere else. */
function setsNumber(words: readonly string[]): boolean {
  const isNumber = words.some(word => word === 'USER_VERSION' || word === 'APPLICATION_ID');
  return isNumber && (words.includes('=') || words.includes('('));
}

const whereOf = (file: SqliteFile, { number, line }: SqliteStatement) =>
  `${file.file}, statement ${number} (line ${line})`;
