// The stages of `npm test`, in their order: the cheap and telling ones first. Each says what it runs, and what it needs
// that a machine may lack. test/run.ts runs them.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { builtBefore } from './cluster/kit/binaries.ts';
import { PrerequisiteError, requireGo, requireRoot } from './cluster/kit/prerequisites.ts';
import { embeddedBinaries } from './embedded-postgres.ts';

export type Stage = Commands | TestFiles;

interface Commands {
  readonly name: string;
  readonly about: string;
  /** Names of scripts in package.json. */
  readonly scripts: readonly string[];
}

export interface TestFiles {
  readonly name: string;
  readonly about: string;
  /** Each must match a file. */
  readonly globs: readonly string[];
  /** Test files at the same time. */
  readonly concurrency: number;
  /** `dot`: a line of dots, then what failed; `spec`: a line a test, for stages in which a test takes long. */
  readonly reporter: 'dot' | 'spec';
  readonly env?: Readonly<Record<string, string>>;
  /** Why it cannot run on this machine, in a sentence with the remedy; undefined when it can. */
  readonly lack?: () => Promise<string | undefined>;
}

export type Selection = 'all' | 'quick' | 'crash' | 'cluster';

export function stagesOf(selection: Selection): readonly Stage[] {
  switch (selection) {
    case 'quick':
      return [check, unit(['test/unit/**/*.test.ts', 'test/golden/*.test.ts'])];
    case 'crash':
      return [crash({ CRASH: 'both' })];
    case 'cluster':
      return [cluster([])];
    case 'all': {
      const chart = ['test/chart/*.test.ts'];
      const files = ['test/unit/**/*.test.ts', 'test/golden/*.test.ts'];
      const withHelm = isHelmThere();
      return [
        check,
        unit(withHelm ? [...files, ...chart] : files),
        engine,
        engineOn(11),
        engineOn(18),
        cli,
        crash({}),
        control,
        cluster(withHelm ? [] : chart),
      ];
    }
  }
}

const check: Commands = {
  name: 'check',
  about: 'types, style, imports, dead code, and that what is generated is up to date',
  scripts: ['check', 'verify'],
};

function unit(globs: readonly string[]): TestFiles {
  const concurrency = availableParallelism();
  const about = 'functions, the operator decision by decision, and the chart where Helm is at hand';
  return { name: 'unit', about, globs, concurrency, reporter: 'dot' };
}

const engine: TestFiles = {
  name: 'engine',
  about: 'migrations and backups on a real PostgreSQL',
  globs: ['test/engine/*.test.ts'],
  concurrency: availableParallelism(),
  reporter: 'spec',
};

/** Those of the engine's tests that need a server and no pg_dump: builds of other majors have none. */
const ELSEWHERE = [
  ...[
    'backup',
    'corpora',
    'files',
    'layouts',
    'restore',
    'result',
    'signatures',
    'sqlite-histories',
    'statements',
    'url',
  ],
];
export const ON_EVERY_MAJOR: readonly string[] = [`test/engine/!(${ELSEWHERE.join('|')}).test.ts`];

/** The oldest and the newest supported server; `npm run test:majors` has them all. */
function engineOn(major: 11 | 18): TestFiles {
  return {
    name: `engine on ${major}`,
    about: `the same migrations on PostgreSQL ${major}`,
    globs: ON_EVERY_MAJOR,
    concurrency: availableParallelism(),
    reporter: 'dot',
    env: { POSTGRES_MAJOR: String(major) },
    lack: async () => {
      try {
        await embeddedBinaries(major);
        return undefined;
      } catch (error) {
        return `PostgreSQL ${major} is not at hand and cannot be fetched: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
      }
    },
  };
}

const cli: TestFiles = {
  name: 'cli',
  about: 'the command line as processes, on SQLite files and a real PostgreSQL',
  globs: ['test/cli/*.test.ts'],
  concurrency: availableParallelism(),
  reporter: 'dot',
};

function crash(env: Readonly<Record<string, string>>): TestFiles {
  return {
    name: 'crash',
    about: 'the operator killed at each of its writes, on a real API server and a real PostgreSQL',
    globs: ['test/crash/*.test.ts'],
    concurrency: 1,
    reporter: 'spec',
    env,
    lack: () => lackOf(async () => void (await requireGo())),
  };
}

const control: TestFiles = {
  name: 'control',
  about: 'what goes wrong around the operator, on a real API server without nodes and a real PostgreSQL',
  // The machine's tests mostly wait for a Lease to expire: beside them there is room for the others.
  globs: ['test/machine/*.test.ts', 'test/input/*.test.ts', 'test/failures/*.test.ts'],
  concurrency: 2,
  reporter: 'spec',
  lack: () => lackOf(async () => void (await requireGo())),
};

function cluster(more: readonly string[]): TestFiles {
  return {
    name: 'cluster',
    about: 'everything real: a cluster, the installed chart, an application and its database',
    globs: ['test/cluster/*.test.ts', ...more, 'test/e2e/*.test.ts'],
    concurrency: 1,
    reporter: 'spec',
    lack: () =>
      lackOf(async () => {
        if (process.env.KUBECONFIG) return;
        requireRoot('The local cluster');
        await requireGo();
      }),
  };
}

async function lackOf(require: () => Promise<void>): Promise<string | undefined> {
  try {
    await require();
    return undefined;
  } catch (error) {
    if (error instanceof PrerequisiteError) return error.message;
    throw error;
  }
}

/** Otherwise it is built from its Go module, which takes longer than these tests should. */
function isHelmThere(): boolean {
  return process.env.HELM === undefined ? builtBefore('helm') !== undefined : existsSync(process.env.HELM);
}
