// Reads one migration file for SQLite into statements, and says of each how it may be run. Pure: SQLite itself finds
// syntax errors when the statement is prepared. Called by migrate.ts, and by `show` and `validate`.
import { type EngineError, failure, gathered } from '../errors.ts';
import { nothingToRun, type Repeatable, type Script } from '../sql/script.ts';
import { keyword, nameOf, type Token, tokensOf, Unterminated } from './tokens.ts';

export interface SqliteStatement {
  /** 1-based number in the file. */
  readonly number: number;
  /** 1-based line of its first word. */
  readonly line: number;
  readonly text: string;
  readonly tokens: readonly Token[];
}

/** `Enforced`: while the statements run. `AtTheEnd`: the file switches enforcement off, or drops a table. */
export type ForeignKeys = 'Enforced' | 'AtTheEnd';

export interface SqliteFile {
  readonly file: string;
  readonly statements: readonly SqliteStatement[];
  readonly foreignKeys: ForeignKeys;
  /** `Alone`: statements that SQLite refuses in a transaction (VACUUM, a change of the journal mode), and nothing else. */
  readonly place: 'Transaction' | 'Alone';
  readonly notes: readonly string[];
}

const CONTROL = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK']);
const ALONE_PRAGMAS = new Set(['journal_mode', 'page_size', 'auto_vacuum', 'wal_checkpoint', 'incremental_vacuum']);

/** Reads a file. Throws SyntaxError or StatementRefused, every mistake at once. */
export function parseSqliteFile(script: Script): SqliteFile {
  const all = split(script);
  const pragmas = all.filter(statement => foreignKeysPragma(statement) !== undefined);
  const rest = all.filter(statement => !pragmas.includes(statement));
  const wrapped = isWrapped(rest);
  const statements = wrapped ? rest.slice(1, -1) : rest;
  const alone = statements.filter(isAlone);
  const errors = statements.flatMap(statement => refusals(script.file, statement));
  if (alone.length > 0 && alone.length < statements.length) {
    errors.push(refused(script.file, alone[0], 'a statement that cannot be part of a transaction', OWN_FILE));
  }
  if (errors.length > 0) throw gathered(errors);
  const isOff = pragmas.some(statement => foreignKeysPragma(statement) === 'off');
  const drops = statements.some(
    statement => keyword(statement.tokens[0]) === 'DROP' && keyword(statement.tokens[1]) === 'TABLE',
  );
  return Object.freeze({
    file: script.file,
    statements: Object.freeze(statements),
    foreignKeys: isOff || drops ? 'AtTheEnd' : 'Enforced',
    place: alone.length > 0 ? 'Alone' : 'Transaction',
    notes: Object.freeze([
      ...(wrapped
        ? [`${script.file}: the outer BEGIN and COMMIT were left out; the engine opens the transaction`]
        : []),
      ...(statements.length === 0 ? [nothingToRun(script)] : []),
    ]),
  });
}

/** Reads the file of a repeatable migration, which must be one transaction with its record. */
export function parseSqliteRepeatable({ up }: Repeatable): SqliteFile {
  const parsed = parseSqliteFile(up);
  if (parsed.place === 'Transaction') return parsed;
  const remedy = 'A repeatable migration is one transaction with its record. Put that into a versioned migration.';
  throw refused(up.file, parsed.statements[0], 'a statement that cannot be part of a transaction', remedy);
}

const OWN_FILE =
  'Put it in a migration of its own: the others are run in one transaction with their row in the ledger.';
const OWN_CONTROL = 'Remove it: each migration runs in a transaction of its own, together with its row in the ledger.';

function refusals(file: string, statement: SqliteStatement): readonly EngineError[] {
  const [first, second] = statement.tokens;
  const word = keyword(first);
  const words = statement.tokens.map(keyword);
  if (word === 'ROLLBACK' && words.includes('TO')) return [];
  if (CONTROL.has(word)) return [refused(file, statement, `the transaction control statement ${word}`, OWN_CONTROL)];
  if (word === 'ATTACH' || word === 'DETACH') {
    return [refused(file, statement, word, 'A migration changes one database: the one that holds its ledger.')];
  }
  if (word === 'PRAGMA' && pragmaName(statement.tokens) === 'writable_schema') {
    const remedy = 'Make a new table, copy the rows, drop the old one and rename the new one instead.';
    return [refused(file, statement, 'PRAGMA writable_schema', remedy)];
  }
  if (word === 'VACUUM' && words.includes('INTO')) {
    // It would be written again by every command that tries the file: validate, test-copy.
    const remedy = 'A migration writes no other file. For a copy: migrate backup.';
    return [refused(file, statement, 'VACUUM INTO', remedy)];
  }
  if (word === 'PRAGMA' && pragmaName(statement.tokens) === 'query_only' && /[=(]/.test(words.join(''))) {
    const remedy = 'Remove it: what follows could not be written, nor the row in the ledger.';
    return [refused(file, statement, 'PRAGMA query_only', remedy)];
  }
  if (first?.text === '.') {
    const what = `the shell command .${second?.text ?? ''}`;
    return [refused(file, statement, what, 'Commands of the sqlite3 shell are not SQL: remove it.')];
  }
  return [];
}

function refused(file: string, statement: SqliteStatement | undefined, what: string, remedy: string): EngineError {
  const place = {
    migration: versionOf(file),
    ...(statement === undefined ? {} : { statement: statement.number, line: statement.line }),
  };
  const at = statement === undefined ? what : `${what} in line ${statement.line}`;
  return failure('StatementRefused', { file, what: at, remedy }, place);
}

function versionOf(file: string): string {
  return file.replace(/\.(up|down)(\.sqlite)?\.sql$/, '');
}

function isAlone({ tokens }: SqliteStatement): boolean {
  return keyword(tokens[0]) === 'VACUUM' || (keyword(tokens[0]) === 'PRAGMA' && ALONE_PRAGMAS.has(pragmaName(tokens)));
}

/** `PRAGMA main.journal_mode = wal` → `journal_mode`. */
function pragmaName(tokens: readonly Token[]): string {
  return nameOf(tokens[2]?.text === '.' ? tokens[3] : tokens[1]).toLowerCase();
}

/** SQLite ignores this setting inside a transaction, so the engine makes it outside: https://www.sqlite.org/foreignkeys.html */
function foreignKeysPragma({ tokens }: SqliteStatement): 'on' | 'off' | undefined {
  if (keyword(tokens[0]) !== 'PRAGMA' || pragmaName(tokens) !== 'foreign_keys') return undefined;
  const value = nameOf(tokens.findLast(token => token.text !== ';' && token.text !== ')')).toLowerCase();
  return ['off', '0', 'no', 'false'].includes(value) ? 'off' : 'on';
}

function isWrapped(statements: readonly SqliteStatement[]): boolean {
  const last = keyword(statements.at(-1)?.tokens[0]);
  return (
    statements.length >= 2 && keyword(statements[0]?.tokens[0]) === 'BEGIN' && (last === 'COMMIT' || last === 'END')
  );
}

function split(script: Script): readonly SqliteStatement[] {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(script.text);
  } catch (error) {
    if (!(error instanceof Unterminated)) throw error;
    const line = ascendingLines(script.text)(error.offset);
    const reason = `${error.message}, in line ${line}`;
    throw failure('SyntaxError', { file: script.file, reason }, { migration: versionOf(script.file), line });
  }
  const statements: SqliteStatement[] = [];
  const lineAt = ascendingLines(script.text);
  let run: Token[] = [];
  const close = () => {
    const [first] = run;
    const last = run.at(-1);
    if (first !== undefined && last !== undefined && first !== last) {
      const text = script.text.slice(first.start, last.end);
      statements.push({ number: statements.length + 1, line: lineAt(first.start), text, tokens: run });
    }
    run = [];
  };
  for (const token of tokens) {
    run.push(token);
    if (token.text === ';' && token.kind === 'symbol' && (!isTrigger(run) || endsTrigger(run))) close();
  }
  if (run.length === 1 && run[0]?.text !== ';') {
    // A lone word without a semicolon is still a statement, and SQLite will say what is wrong with it.
    const [word] = run as [Token];
    statements.push({ number: statements.length + 1, line: lineAt(word.start), text: word.text, tokens: run });
  } else close();
  return statements;
}

/** CREATE [TEMP] TRIGGER: its body has semicolons of its own. The rule is that of sqlite3_complete. */
function isTrigger(tokens: readonly Token[]): boolean {
  const words = tokens.slice(0, 3).map(keyword);
  if (words[0] !== 'CREATE') return false;
  return words[1] === 'TRIGGER' || ((words[1] === 'TEMP' || words[1] === 'TEMPORARY') && words[2] === 'TRIGGER');
}

function endsTrigger(tokens: readonly Token[]): boolean {
  return keyword(tokens.at(-2)) === 'END' && tokens.at(-3)?.text === ';';
}

/** The line of an offset, for offsets that never go back: counting from the start for each would be quadratic in the file. */
function ascendingLines(text: string): (offset: number) => number {
  let line = 1;
  let next = text.indexOf('\n');
  return offset => {
    for (; next >= 0 && next < offset; next = text.indexOf('\n', next + 1)) line += 1;
    return line;
  };
}
