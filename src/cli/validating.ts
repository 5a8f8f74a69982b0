// Checks a folder of migrations without the database that they are for: PostgreSQL's files by its grammar, SQLite's by
// running them in memory, up and down. Every mistake is reported at once. Called by validate.

import { type EngineError, gathered } from '../engine/errors.ts';
import type { LayoutName } from '../engine/layouts/layout.ts';
import { wayDownOf } from '../engine/layouts/names.ts';
import type { Source } from '../engine/source/files.ts';
import type { Dialect } from '../engine/sql/dialect.ts';
import type { Migration, Repeatable, Script } from '../engine/sql/script.ts';
import type { Settings } from './settings.ts';
import { chosenDialect, readFolder } from './source.ts';

export interface Validation {
  readonly dialect: Dialect;
  readonly layout: LayoutName;
  readonly migrations: number;
  readonly repeatables: number;
  readonly highest: string;
  readonly notes: readonly string[];
}

/** Throws EngineError with every mistake. */
export async function validateFolder(settings: Settings, dialectName: string | undefined): Promise<Validation> {
  const dialect = chosenDialect(dialectName, settings);
  const source = await readFolder(settings, dialect);
  const { migrations, repeatables } = source;
  const notes = dialect === 'SQLite' ? await validateSqlite(source) : await validatePostgres(source);
  return {
    dialect,
    layout: source.layout,
    migrations: migrations.length,
    repeatables: repeatables.length,
    highest: migrations.at(-1)?.version ?? 'empty',
    notes: [...notes, ...pairNotes(source)],
  };
}

function pairNotes({ migrations, layout }: Source): readonly string[] {
  return migrations
    .filter(one => one.down === undefined)
    .map(({ version }) => `${version} cannot be taken back: it has no ${wayDownOf(layout, version)}`);
}

type Notes = { readonly notes: readonly string[] };

/** Reads each script with the one and each repeatable with the other. Throws every mistake at once. */
function notesOf(
  { migrations, repeatables }: Source,
  parse: (script: Script) => Notes,
  parseRepeatable: (one: Repeatable) => Notes,
): readonly string[] {
  const errors: EngineError[] = [];
  const read = <T>(one: T, reading: (one: T) => Notes): readonly string[] => {
    try {
      return reading(one).notes;
    } catch (error) {
      errors.push(error as EngineError);
      return [];
    }
  };
  const notes = [
    ...scriptsOf(migrations).flatMap(script => read(script, parse)),
    ...repeatables.flatMap(one => read(one, parseRepeatable)),
  ];
  if (errors.length > 0) throw gathered(errors);
  return notes;
}

async function validatePostgres(source: Source): Promise<readonly string[]> {
  const { loadGrammar, parseFile, parseRepeatable } = await import('../engine/sql/statements.ts');
  await loadGrammar();
  return notesOf(source, parseFile, parseRepeatable);
}

function scriptsOf(migrations: readonly Migration[]): readonly Script[] {
  return migrations.flatMap(({ up, down }) => (down === undefined ? [up] : [up, down]));
}

/** Ups in their order, then downs from the highest as far as there are some, then what is left again up. */
async function validateSqlite(source: Source): Promise<readonly string[]> {
  const [{ parseSqliteFile, parseSqliteRepeatable }, { rehearseInMemory }] = await Promise.all([
    import('../engine/sqlite/statements.ts'),
    import('./sqlite/rehearse.ts'),
  ]);
  const notes = notesOf(source, parseSqliteFile, parseSqliteRepeatable);
  rehearseInMemory(source.migrations, source.repeatables);
  return notes;
}
