// Where a command works: the database's URL, the folder of the migrations, the ledger's schema. From the environment, an
// optional migrate.yaml, and options, the later winning. migrate.yaml holds names of environment variables, never values:
// it is made to be committed. Reads files and the environment; opens nothing.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from './failure.ts';
import { readText } from './folder.ts';
import type { Options } from './options.ts';

export interface Settings {
  /** Where paths begin: the directory of the person, also under `npm run`. */
  readonly directory: string;
  /** Section of migrate.yaml; undefined where none was asked for. */
  readonly environmentName: string | undefined;
  readonly url: string | undefined;
  /** Name of the variable that holds the URL. */
  readonly urlVariable: string;
  readonly migrations: string;
  readonly ledgerSchema: string;
  readonly appRoles: readonly string[];
  /** Texts that no message may show. */
  readonly secrets: readonly string[];
}

export const CONFIG_FILE = 'migrate.yaml';
const KEYS = ['url', 'migrations', 'ledgerSchema', 'appRoles'] as const;
type Section = { readonly [K in (typeof KEYS)[number]]?: K extends 'appRoles' ? readonly string[] : string };

interface Asked {
  readonly environment: NodeJS.ProcessEnv;
  readonly directory: string;
}

/** Reads what is set. Throws UsageError; a missing URL is no error before a command needs it. */
export async function readSettings(options: Options, asked: Asked): Promise<Settings> {
  const { environment } = asked;
  const directory = personsDirectory(asked);
  const file = resolve(directory, options.text('config') ?? CONFIG_FILE);
  const { shared, sections } = await readConfig(file, options.text('config') === undefined ? 'Optional' : 'Needed');
  const environmentName = chosenSection(options.text('env'), environment.ENVIRONMENT, sections, file);
  const section = { ...shared, ...(environmentName === undefined ? {} : sections.get(environmentName)) };
  const urlVariable = section.url ?? 'DATABASE_URL';
  const url = environment[urlVariable]?.trim() || undefined;
  return Object.freeze({
    directory,
    environmentName,
    url,
    urlVariable,
    migrations: migrationsFolder(options.text('dir'), section.migrations, { directory, file }),
    ledgerSchema: section.ledgerSchema ?? 'migrate',
    appRoles: section.appRoles ?? [],
    secrets: url === undefined ? [] : await secretsIn(url),
  });
}

/** An option is relative to where the person stands, a setting to the file that it stands in. */
function migrationsFolder(
  option: string | undefined,
  setting: string | undefined,
  { directory, file }: { readonly directory: string; readonly file: string },
): string {
  return option === undefined && setting !== undefined
    ? resolve(dirname(file), setting)
    : resolve(directory, option ?? 'migrations');
}

/** `npm run migrate` starts in the project's root; INIT_CWD is where the person stands. Other scripts inherit it too. */
function personsDirectory({ environment, directory }: Asked): string {
  const isOurScript = environment.npm_lifecycle_event === 'migrate' && environment.INIT_CWD !== undefined;
  return isOurScript ? (environment.INIT_CWD ?? directory) : directory;
}

async function secretsIn(url: string): Promise<readonly string[]> {
  if (!/^postgres/i.test(url)) return [];
  return (await import('../database/url.ts')).secretsOf(url);
}

function chosenSection(
  option: string | undefined,
  variable: string | undefined,
  sections: ReadonlyMap<string, Section>,
  file: string,
): string | undefined {
  const name = option ?? (sections.size > 0 ? variable || undefined : undefined);
  if (name === undefined || sections.has(name)) return name;
  const known = sections.size === 0 ? 'there are no environments in it' : `it has ${[...sections.keys()].join(', ')}`;
  const where = existsSync(file) ? `${file}: ${known}` : `${file}, which is not there`;
  const asked = option === undefined ? `ENVIRONMENT=${name}` : `--env ${name}`;
  throw new UsageError(`${asked} names no section "environments: ${name}:" of ${where}.`);
}

interface Config {
  readonly shared: Section;
  readonly sections: ReadonlyMap<string, Section>;
}

async function readConfig(file: string, need: 'Optional' | 'Needed'): Promise<Config> {
  if (need === 'Optional' && !existsSync(file)) return { shared: {}, sections: new Map() };
  const text = readText(file);
  const { parse } = await import('./yaml.ts');
  let whole: unknown;
  try {
    whole = parse(text) ?? {};
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]?.replace(/:$/, '.') : String(error);
    throw new UsageError(`${file} is not YAML: ${reason}`);
  }
  if (!isMap(whole)) throw new UsageError(`${file} must be a map of settings.`);
  const { environments = {}, ...rest } = whole;
  if (!isMap(environments)) throw new UsageError(`${file}: "environments" must be a map of names to settings.`);
  const sections = Object.entries(environments).map(
    ([name, section]) => [name, readSection(section ?? {}, `${file}: environments.${name}`)] as const,
  );
  return { shared: readSection(rest, file), sections: new Map(sections) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As crds/databasemigrations.yaml demands of `spec.database.ledgerSchema`. */
function assertLedgerSchema(name: string, where: string): void {
  const isForeign = name.startsWith('pg_') || name === 'public' || name === 'information_schema';
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(name) && !isForeign) return;
  const rule = isForeign
    ? 'a schema of its own, such as migrate, not one that PostgreSQL or the application uses'
    : 'of a-z, 0-9 and _ (up to 63) and not begin with a digit, such as migrate';
  throw new UsageError(`${where}: ledgerSchema must be ${rule}, not ${JSON.stringify(name)}.`);
}

function readSection(value: unknown, where: string): Section {
  if (!isMap(value)) throw new UsageError(`${where} must be a map of settings.`);
  for (const [key, entry] of Object.entries(value)) {
    if (!(KEYS as readonly string[]).includes(key)) {
      throw new UsageError(`${where} has the unknown setting ${JSON.stringify(key)}; known are ${KEYS.join(', ')}.`);
    }
    const isList = Array.isArray(entry) && entry.every(item => typeof item === 'string');
    if (key === 'appRoles' ? !isList : typeof entry !== 'string') {
      throw new UsageError(`${where}: ${key} must be ${key === 'appRoles' ? 'a list of role names' : 'a text'}.`);
    }
    if (key === 'ledgerSchema') assertLedgerSchema(String(entry), where);
    if (key === 'url' && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(String(entry))) {
      throw new UsageError(
        `${where}: url must be the name of an environment variable, such as DATABASE_URL, never the URL itself: this file is made to be committed.`,
      );
    }
  }
  return value as Section;
}
