// `npm run test:mutations`: takes one point of the protocol at a time out of a copy of the code, runs the test that should
// notice, and demands that it fails. Prints the table of docs/protocol-tests.md. Each mutation is a text that must stand
// exactly once in its file, so that a change of the code shows here. Usage: node test/mutations.ts [word of a point …]
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTATIONS, type Mutation } from './mutations/table.ts';

const ROOT = join(import.meta.dirname, '..');
const LIMIT_MS = 90_000;

const copy = mkdtempSync(join(tmpdir(), 'mutations-'));
for (const name of ['src', 'test', 'package.json', 'tsconfig.json']) {
  cpSync(join(ROOT, name), join(copy, name), { recursive: true });
}
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(one => wanted.length === 0 || wanted.some(word => one.point.includes(word)));
let survivors = 0;
console.log('| point taken out | in | caught by |\n|---|---|---|');
try {
  for (const mutation of chosen) {
    const caught = isCaught(mutation);
    if (!caught) survivors += 1;
    const by = caught
      ? `\`${mutation.test}\`: ${mutation.named}`
      : `**nothing** (\`${mutation.test}\`: ${mutation.named})`;
    console.log(`| ${mutation.point} | \`${mutation.file}\` | ${by} |`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${chosen.length - survivors} of ${chosen.length} caught`);
process.exitCode = survivors > 0 ? 1 : 0;

/** Whether the named test fails, and by an assertion or an end of its own: a mutant that cannot be loaded proves nothing. */
function isCaught({ file, from, to, test, named }: Mutation): boolean {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold exactly once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  const pattern = named.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const { stdout, signal } = spawnSync(
    process.execPath,
    [
      '--test',
      `--test-name-pattern=${pattern}`,
      `--test-timeout=${LIMIT_MS}`,
      '--test-reporter=tap',
      join('test/engine', test),
    ],
    { cwd: copy, encoding: 'utf8', timeout: LIMIT_MS + 20_000, maxBuffer: 2 ** 27 },
  );
  writeFileSync(path, text);
  if (/SyntaxError|ERR_MODULE_NOT_FOUND|is not defined/.test(stdout))
    throw new Error(`${file} cannot be loaded: ${stdout.slice(-2_000)}`);
  const failed =
    Number(/^# fail (\d+)$/m.exec(stdout)?.[1] ?? 0) + Number(/^# cancelled (\d+)$/m.exec(stdout)?.[1] ?? 0);
  return failed > 0 || signal !== null;
}
