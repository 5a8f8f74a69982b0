// What the reading of other tools' histories needs of a database: which of their tables are there, and their rows as text.
// Implemented for PostgreSQL (postgres.ts) and SQLite (sqlite.ts) beside this; history.ts knows nothing else of either.
import type { Row } from '../connection.ts';
import type { Tool } from './tools.ts';

export interface FoundTable {
  /** As the tool calls it. */
  readonly name: string;
  /** For messages: with its schema, where there is one. */
  readonly shown: string;
  /** For a statement: quoted. */
  readonly quoted: string;
  readonly columns: ReadonlySet<string>;
}

export interface HistoryPlace {
  /** The tables of these names, in the order of `shown`. */
  tables(names: readonly string[]): Promise<readonly FoundTable[]>;
  /** All rows, with the fields that the tool asks for: every value as its text, a moment as ISO 8601 in UTC. */
  rows(table: FoundTable, asked: Pick<Tool, 'fields' | 'order'>): Promise<readonly Row[]>;
}
