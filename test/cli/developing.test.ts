// docs/developing.md, done: its files written and its commands run in the order of the page, on SQLite and then on a real
// PostgreSQL, and what they print compared with what the page shows. Times, names and digests are whatever they are.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { Project } from './project.ts';

const PAGE = join(import.meta.dirname, '../../docs/developing.md');
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
/** The page's server, for which the test has its own. */
const SERVER = 'postgresql://me@localhost/shop';

interface Step {
  readonly line: number;
  readonly command: string;
  readonly shown: string;
}
interface FileText {
  readonly path: string;
  readonly text: string;
}

/** Blocks in their order: files of `sql` and `yaml`, commands with what is shown of `console`. */
function read(page: string): readonly (Step | FileText)[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(
    ({ 1: kind, 2: body = '', index }): readonly (Step | FileText)[] => {
      const line = page.slice(0, index).split('\n').length + 1;
      if (kind === 'console') return stepsOf(body, line);
      if (kind === 'sql' || kind === 'yaml') return filesOf(body);
      return [];
    },
  );
}

function stepsOf(body: string, first: number): readonly Step[] {
  const steps: { line: number; command: string; shown: string }[] = [];
  for (const [index, text] of body.trimEnd().split('\n').entries()) {
    if (text.startsWith('$ ')) steps.push({ line: first + index, command: text.slice(2), shown: '' });
    else {
      const step = steps.at(-1);
      if (step !== undefined) step.shown += `${text}\n`;
    }
  }
  return steps;
}

/** Each file begins with a comment that names it. */
function filesOf(body: string): readonly FileText[] {
  return body
    .split(/^(?=(?:--|#) \S+\.(?:sql|yaml)$)/m)
    .map(text => ({ path: /^(?:--|#) (\S+)/.exec(text)?.[1] ?? assert.fail(`names no file: ${text}`), text }));
}

/** What differs from machine to machine and from run to run. */
function comparable(text: string): string {
  return text
    .replaceAll(/\d+(\.\d+)? (ms|s)\b/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+Z/g, 'WHEN')
    .replaceAll(/\d{8}[tT]\d{6}[zZ]/g, 'WHEN')
    .replaceAll(/[0-9a-f]{64}/g, 'DIGEST')
    .replaceAll(/(?<=shop-migrations-)[0-9a-f]{10}/g, 'HASH')
    .replaceAll(/\d+ (bytes|objects)/g, 'N $1')
    .split('\n')
    .map(line => line.replaceAll(/ {2,}/g, '  ').trimEnd())
    .join('\n')
    .trim();
}

describe('The page for developers', () => {
  let postgres: TestPostgres;
  let url: string;
  before(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase('shop');
    postgres.psql('ALTER ROLE owner CREATEDB; CREATE ROLE shop_app');
  });
  after(() => postgres.stop());

  it('leads from an empty folder to a database and into the cluster, as it shows', () => {
    const project = new Project();
    const bin = project.path('.bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'migrate'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(join(bin, 'migrate'), 0o755);
    const environment: Record<string, string> = {
      PATH: `${bin}:${postgres.binaries}:${process.env.PATH}`,
      HOME: project.directory,
    };
    /** As on the page: its server, its machine, its folder. */
    const asShown = (text: string) =>
      text
        .replaceAll(`127.0.0.1:${postgres.port}`, 'localhost:5432')
        .replaceAll(execFileSync('hostname', { encoding: 'utf8' }).trim(), 'box')
        .replaceAll(`${userInfo().username}@box`, 'me@box')
        .replaceAll(`kept as ${project.directory}/`, 'kept as ');
    for (const step of read(readFileSync(PAGE, 'utf8'))) {
      if ('path' in step) {
        mkdirSync(dirname(project.path(step.path)), { recursive: true });
        writeFileSync(project.path(step.path), step.text);
        continue;
      }
      const [, name, value] = /^export (\w+)=(.*)$/.exec(step.command) ?? [];
      if (name !== undefined) {
        environment[name] = value === SERVER ? url : (value ?? '');
        continue;
      }
      const run = spawnSync('bash', ['-c', `{ ${step.command}\n} 2>&1`], {
        cwd: project.directory,
        env: environment,
        encoding: 'utf8',
      });
      assert.equal(
        comparable(asShown(run.stdout)),
        comparable(step.shown),
        `docs/developing.md, line ${step.line}: $ ${step.command}`,
      );
    }
  });
});
