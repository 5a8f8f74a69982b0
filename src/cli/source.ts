// The folder of migrations as commands read it: for the dialect of the database that the settings name. Reads only.
import { accessSync, constants, statSync } from 'node:fs';
import { readSource, type Source } from '../engine/source/files.ts';
import type { NameRule } from '../engine/source/long-names.ts';
import type { Dialect } from '../engine/sql/dialect.ts';
import { UsageError } from './failure.ts';
import { dialectOf } from './opening.ts';
import type { Settings } from './settings.ts';

/** Reads the folder. Throws UsageError where there is none, EngineError for its mistakes. */
export async function readFolder(settings: Settings, dialect: Dialect, names: NameRule = 'Short'): Promise<Source> {
  assertFolder(settings);
  return readSource(settings.migrations, dialect, directory => directory, names);
}

export function assertFolder({ migrations }: Settings): void {
  const stat = statSync(migrations, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    // A folder that may not be read would count as an empty one.
    accessSync(migrations, constants.R_OK | constants.X_OK);
    return;
  }
  if (stat !== undefined) throw new UsageError(`${migrations} is a file. Name the folder that the migrations are in.`);
  throw new UsageError(
    `There is no folder ${migrations}. Make a first migration with: migrate create "first tables"; or name the folder with --dir.`,
  );
}

/** The dialect that is asked for, else that of the URL, else PostgreSQL. */
export function chosenDialect(asked: string | undefined, settings: Settings): Dialect {
  if (asked === 'sqlite') return 'SQLite';
  if (asked === 'postgresql') return 'PostgreSQL';
  return (settings.url === undefined ? undefined : dialectOf(settings.url)) ?? 'PostgreSQL';
}
