// The tables of other tools in a SQLite file. Reads only. Values are asked for as text, because a version may be longer than a
// number of JavaScript; times are what the tools' own defaults write: UTC, without saying so. Called by the CLI for history.ts.
import { quotedName, type SqliteConnection } from '../sqlite/connection.ts';
import type { FoundTable, HistoryPlace } from './place.ts';

/** Asks the connection only within a call; the caller closes it when the history has been read. */
export function sqliteHistories(connection: SqliteConnection): HistoryPlace {
  return {
    async tables(names) {
      const found = connection.query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (SELECT value FROM json_each(?)) ORDER BY name",
        [JSON.stringify(names)],
      );
      return found.map(row => tableOf(connection, String(row.name)));
    },
    async rows(table, { fields, order }) {
      const columns = Object.entries(fields).map(
        ([name, { column }]) => `CAST(${quotedName(column)} AS TEXT) AS ${quotedName(name)}`,
      );
      const sorted = order === undefined ? '' : ` ORDER BY ${quotedName(order)}`;
      const rows = connection.query(`SELECT ${columns.join(', ')} FROM ${table.quoted}${sorted}`);
      return rows.map(row =>
        Object.fromEntries(
          Object.entries(fields).map(([name, { kind }]) => {
            const value = row[name] === null || row[name] === undefined ? null : String(row[name]);
            return [name, kind === 'Moment' ? momentOf(value) : value];
          }),
        ),
      );
    },
  };
}

function tableOf(connection: SqliteConnection, name: string): FoundTable {
  const columns = connection.query('SELECT name FROM pragma_table_info(?)', [name]);
  return { name, shown: name, quoted: quotedName(name), columns: new Set(columns.map(row => String(row.name))) };
}

/** `2026-01-02 03:04:05`, with or without fractions; anything else is no time that we could be sure of. */
function momentOf(text: string | null): string | null {
  const [, day, time] = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)Z?$/.exec(text ?? '') ?? [];
  if (day === undefined) return null;
  const moment = new Date(`${day}T${time}Z`);
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}
