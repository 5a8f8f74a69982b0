// Flyway's layout: `V1_2__users.sql` up, `U1_2__users.sql` down, `R__views.sql` again whenever it changes
// (https://documentation.red-gate.com/flyway). What Flyway would do beyond that (callbacks, placeholders, programs) is
// refused, not passed over. Called by recognise.ts.

import { orderOf } from '../../api/versions.ts';
import { type EngineError, failure } from '../errors.ts';
import { decodeScript, type Migration, type Repeatable, type Script } from '../sql/script.ts';
import { NO_SETTINGS, readSettings, type ScriptSettings } from './flyway-settings.ts';
import type { Layout, Reading, SourceFile } from './layout.ts';

const VERSIONED = /^([VU])([0-9]+(?:[._][0-9]+)*)__([A-Za-z0-9_.-]{1,120})\.sql$/;
const REPEATABLE = /^R__([A-Za-z0-9_.-]{1,120})\.sql$/;
const SETTINGS = /^[VUR].*__.*\.sql\.conf$/;
const CALLBACK = /^(before|after|create)[A-Z][A-Za-z]*(__.*)?\.sql$/;
const PROGRAM = /^([VU][0-9].*__|R__).*\.(java|class|kt|sh|bash|ps1|bat|cmd|py)$/;
const CALLBACK_PROGRAM =
  /^(before|after)(Each)?(Migrate|Undo|Clean|Info|Validate|Baseline|Repair|Repeatables|Versioned|Connect)[A-Za-z]*(__.*)?\.(sh|bash|ps1|bat|cmd|py)$/;

export const FLYWAY: Layout = {
  name: 'Flyway',
  example: 'V1__users.sql',
  claims: ({ path }) =>
    [VERSIONED, REPEATABLE, SETTINGS, CALLBACK, PROGRAM, CALLBACK_PROGRAM].some(pattern => pattern.test(path)),
  read(files) {
    const errors: EngineError[] = [];
    const settings = settingsOf(files, errors);
    const scripts = files.flatMap(file => readScript(file, settings.get(file.path) ?? NO_SETTINGS, errors));
    return { ...pair(scripts, errors), errors };
  },
};

interface Read {
  readonly path: string;
  readonly place: string;
  readonly script: Script;
}

/** By the path of the script that they are for. */
function settingsOf(files: readonly SourceFile[], errors: EngineError[]): ReadonlyMap<string, ScriptSettings> {
  const paths = new Set(files.map(({ path }) => path));
  return new Map(
    files
      .filter(({ path }) => SETTINGS.test(path))
      .map(file => {
        const script = file.path.slice(0, -'.conf'.length);
        if (!paths.has(script)) {
          const reason = `there is no ${script} beside it`;
          errors.push(failure('BadMarker', { file: file.path, layout: 'Flyway', reason }));
        }
        return [script, readSettings(file, errors)];
      }),
  );
}

function readScript(file: SourceFile, settings: ScriptSettings, errors: EngineError[]): readonly Read[] {
  const refuse = (reason: string): readonly Read[] => {
    errors.push(failure('BadMarker', { file: file.path, layout: 'Flyway', reason }));
    return [];
  };
  if (SETTINGS.test(file.path)) return [];
  if (CALLBACK.test(file.path) || CALLBACK_PROGRAM.test(file.path))
    return refuse('callbacks are not run: make it a migration, or remove it');
  if (PROGRAM.test(file.path)) return refuse('only SQL can be run: write it as an SQL migration');
  try {
    const script = decodeScript(file.path, file.bytes);
    const placeholder = /\$\{[A-Za-z0-9_:.-]+\}/.exec(script.text)?.[0];
    if (placeholder !== undefined && settings.placeholders === 'Filled')
      return refuse(`it has the placeholder ${placeholder}, and placeholders are not filled in`);
    return [
      {
        path: file.path,
        place: file.place,
        script: settings.transaction === 'None' ? { ...script, noTransaction: true } : script,
      },
    ];
  } catch (error) {
    errors.push(error as EngineError);
    return [];
  }
}

function pair(scripts: readonly Read[], errors: EngineError[]): Pick<Reading, 'migrations' | 'repeatables'> {
  const migrations: (Migration & { place: string })[] = [];
  const undos = new Map<bigint, Read>();
  for (const read of scripts) if (read.path.startsWith('U')) undos.set(numberOf(read, errors), read);
  for (const read of scripts.filter(({ path }) => path.startsWith('V'))) {
    const number = numberOf(read, errors);
    const version = read.path.slice(0, -'.sql'.length);
    migrations.push({ version, number, up: read.script, down: undos.get(number)?.script, place: read.place });
  }
  const known = new Set(migrations.map(one => one.number));
  for (const [number, { path, script }] of undos) {
    const up = path.replace(/^U/, 'V');
    if (!known.has(number)) errors.push(failure('DownWithoutUp', { file: script.file, up }));
  }
  return { migrations, repeatables: repeatablesOf(scripts) };
}

/** In the order of their descriptions, in which Flyway reads an underscore as a space. */
function repeatablesOf(scripts: readonly Read[]): readonly Repeatable[] {
  return scripts
    .filter(({ path }) => path.startsWith('R'))
    .map(({ path, script }) => {
      const version = path.slice(0, -'.sql'.length);
      return { description: version.slice('R__'.length).replaceAll('_', ' '), version, up: script };
    })
    .sort((a, b) => (a.description < b.description ? -1 : 1))
    .map(({ version, up }) => Object.freeze({ version, up }));
}

function numberOf({ path, script }: Read, errors: EngineError[]): bigint {
  const number = orderOf(path);
  if (number === undefined) {
    const reason = 'a version may have six parts of 18 digits';
    errors.push(failure('BadMarker', { file: script.file, layout: 'Flyway', reason }));
  }
  return number ?? 0n;
}
