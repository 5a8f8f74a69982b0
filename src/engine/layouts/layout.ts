// What a layout of migration files is: the way in which one tool names and writes them. A layout only reads: of a
// folder's files, given as names and bytes, it makes the versions with their scripts. Never a database, never the file
// system. Implemented by the other files of this folder; chosen by recognise.ts.
import type { EngineError } from '../errors.ts';
import type { Migration, Repeatable } from '../sql/script.ts';

/** One file below the folder of migrations. */
export interface SourceFile {
  /** Path below the folder, with `/`: `001_users.up.sql`, or `20240101_users/up.sql`. */
  readonly path: string;
  /** For messages that must tell two folders apart: the path and the folder it is in. */
  readonly place: string;
  readonly bytes: Uint8Array;
}

export type LayoutName = 'own' | 'golang-migrate' | 'Diesel' | 'dbmate' | 'goose' | 'Flyway';

export interface Reading {
  /** Unordered. A version is called by the stem of its file's or folder's name, as the other tool calls it. */
  readonly migrations: readonly (Migration & { readonly place: string })[];
  /** Scripts without a version that run again whenever they change (Flyway's R), in the order in which they run. */
  readonly repeatables: readonly Repeatable[];
  /** What is wrong; every mistake at once. */
  readonly errors: readonly EngineError[];
}

export interface Layout {
  readonly name: LayoutName;
  /** How a file of it is called, for messages: `001_users.up.sql`. */
  readonly example: string;
  /** Whether this file may be one of its migrations. */
  claims(file: SourceFile): boolean;
  /** Reads files that it claims. */
  read(files: readonly SourceFile[]): Reading;
}
