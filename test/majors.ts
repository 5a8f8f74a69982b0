// `npm run test:majors`: the tests of the engine on a server of every supported major, one after another, and a table of
// what passed. Usage: node test/majors.ts [major …]
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { EMBEDDED, embeddedBinaries, isEmbeddedMajor } from './embedded-postgres.ts';
import { ON_EVERY_MAJOR } from './stages.ts';

const ROOT = join(import.meta.dirname, '..');

const wanted = process.argv.slice(2).map(Number);
const majors = wanted.length > 0 ? wanted : Object.keys(EMBEDDED).map(Number);
const files = ON_EVERY_MAJOR.flatMap(glob => globSync(glob, { cwd: ROOT })).toSorted();

let failures = 0;
const rows = ['| major | server | passed | failed | skipped |', '|---|---|---|---|---|'];
for (const major of majors) {
  if (!isEmbeddedMajor(major)) throw new Error(`there is no build of PostgreSQL ${major} for this machine`);
  await embeddedBinaries(major);
  const { stdout } = spawnSync(
    process.execPath,
    ['--test', '--import=./test/leaks.ts', '--test-concurrency=2', '--test-reporter=tap', ...files],
    { cwd: ROOT, env: { ...process.env, POSTGRES_MAJOR: String(major) }, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
  for (const line of stdout.split('\n'))
    if (/^\s*not ok/.test(line)) console.log(`PostgreSQL ${major}: ${line.trim()}`);
  const failed = count('fail') + count('cancelled');
  failures += failed + (count('pass') === 0 ? 1 : 0);
  const server = EMBEDDED[major].replace(/\.\d+-.*$/, '');
  rows.push(`| ${major} | ${server} | ${count('pass')} | ${failed} | ${count('skipped')} |`);
  console.log(rows.at(-1));
}
console.log(`\n${rows.join('\n')}`);
process.exitCode = failures > 0 ? 1 : 0;
