// Runs migrations in a SQLite database in memory, up and down again, to find what only SQLite can find: syntax, names,
// types. Nothing is kept. Called by validate.
import { sqliteInMemory } from '../../database/sqlite.ts';
import { failure } from '../../engine/errors.ts';
import type { Migration, Repeatable, Script } from '../../engine/sql/script.ts';
import { type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { leavesTraces, runSqliteFile } from '../../engine/sqlite/migrate.ts';
import { parseSqliteFile } from '../../engine/sqlite/statements.ts';

/** Throws MigrationFailed for the first statement, or the first file, that SQLite refuses. What is repeatable must bear to be run twice. */
export function rehearseInMemory(migrations: readonly Migration[], repeatables: readonly Repeatable[]): void {
  if (repeatables.length > 0) rehearse([...migrations, ...repeatables, ...repeatables]);
  rehearse(migrations);
}

function rehearse(migrations: readonly (Repeatable & Partial<Migration>)[]): void {
  const memory = new Memory();
  try {
    for (const { version, up } of migrations) run(memory, version, up);
    for (const { version, down } of migrations.toReversed()) {
      if (down === undefined) return;
      run(memory, version, down);
    }
  } finally {
    memory.connection.close();
  }
}

/** A database in memory, and the connection that it has at a time. */
class Memory {
  readonly #connect = sqliteInMemory();
  connection = this.#connect();

  renew(): void {
    const last = this.connection;
    // It is gone with its last connection.
    this.connection = this.#connect();
    last.close();
  }
}

function run(memory: Memory, version: string, script: Script): void {
  const { connection } = memory;
  const file = parseSqliteFile(script);
  connection.execute(`PRAGMA foreign_keys = ${file.foreignKeys === 'Enforced' ? 'ON' : 'OFF'}`);
  if (file.place === 'Transaction') connection.execute('BEGIN');
  runSqliteFile(connection, version, file);
  if (file.place === 'Transaction') commit(connection, version, file.file);
  // As upgrade and downgrade have it.
  if (leavesTraces(file)) memory.renew();
}

/** It may find rows that refer to nothing. */
function commit(connection: SqliteConnection, version: string, where: string): void {
  try {
    connection.execute('COMMIT');
  } catch (error) {
    if (!(error instanceof SqliteFailure)) throw error;
    throw failure('MigrationFailed', { where, reason: error.message }, { migration: version }, { cause: error });
  }
}
