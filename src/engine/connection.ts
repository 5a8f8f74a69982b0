// What the engine needs of a database connection, and the two ways in which it can fail. `src/database` implements it
// with `pg`; tests may implement it otherwise. Every value travels as text, so that no driver's idea of a type comes
// between PostgreSQL and us. Never import a driver here.

/** One row: column name to its text form, null for NULL. */
export type Row = Readonly<Record<string, string | null>>;

/**
 * One session with one backend, used by one caller at a time. What is called before an earlier call was answered is sent at
 * once and answered in its turn (a pipeline): that saves the way there and back. The server does not stop at an error, so
 * only that may be sent ahead which an aborted transaction refuses anyway; and never what a person would have to undo when
 * BEGIN had failed: nothing of a migration is sent before BEGIN was answered.
 */
export interface Connection {
  /** Backend pid as the server's startup told it (BackendKeyData), not as SQL answers it: a pooler shows here. */
  readonly pid: number;
  /** Host that was connected to, for messages. */
  readonly host: string;
  /** Whether the connection has ended; once true it stays true. */
  readonly isLost: boolean;
  /** Runs SQL and answers its rows. Several statements without values are sent as one message. */
  query(sql: string, values?: readonly (string | null)[]): Promise<readonly Row[]>;
  /**
   * Runs one statement, and no more than one: the server refuses a text in which it finds several. Rows are dropped as they
   * come, so that a long SELECT costs no memory.
   */
  execute(sql: string): Promise<void>;
  /** Ends the session; safe to call twice. */
  close(): Promise<void>;
}

/** Opens one more session with the same settings, application name and server. */
export type Connect = () => Promise<Connection>;

/** The server answered a statement with an error; the session goes on. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly sqlstate: string;
  /** 1-based position in the statement, in characters; undefined when the server gave none. */
  readonly position: number | undefined;
  readonly hint: string | undefined;
  /** Which objects hindered a DROP. Any other detail is left behind: it may quote rows. */
  readonly dependents: string | undefined;
  constructor(fields: {
    message: string;
    sqlstate: string;
    position?: number | undefined;
    hint?: string | undefined;
    dependents?: string | undefined;
  }) {
    super(fields.message);
    this.sqlstate = fields.sqlstate;
    this.position = fields.position;
    this.hint = fields.hint;
    this.dependents = fields.dependents;
  }
}

/** The session ended while a statement ran, or before it was sent. What that statement did is not known here. */
export class ConnectionLost extends Error {
  override readonly name: string = 'ConnectionLost';
}

/** The session ended while a statement ran outside any transaction: it may have been done, in part or not at all. */
export class LostAlone extends ConnectionLost {}

/** Quotes an identifier the way PostgreSQL reads it back. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/**
 * Quotes text as a string constant, for statements that take no parameters or travel together; null is NULL. Right
 * whatever standard_conforming_strings says; the client's encoding must be UTF-8.
 */
export function literal(value: string | null): string {
  if (value === null) return 'NULL';
  const text = `'${value.replaceAll("'", "''")}'`;
  return value.includes('\\') ? ` E${text.replaceAll('\\', '\\\\')}` : text;
}

/** An answer that is awaited later: until then its failure is not an unhandled one. */
export function awaitedLater<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => {});
  return answer;
}

/** Waits for answers in the order of their questions: the first failure is the cause, later ones are its consequence. */
export async function inTurn(answers: readonly Promise<unknown>[]): Promise<void> {
  for (const answer of answers) awaitedLater(answer);
  for (const answer of answers) await answer;
}

/** The only row of an answer; a missing one is a mistake of ours. */
export function only(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('a query that must answer one row answered none');
  return row;
}

/** A column that is never NULL. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (value === null || value === undefined) throw new Error(`the column ${column} is missing or NULL`);
  return value;
}
