// `npm test`: the stages of stages.ts one after another, each in processes of its own, until one fails; then a summary, and
// `N passed, N failed` on the last line. Ctrl-C is passed on once, so that tests take down what they started; a second one
// kills them. Usage: node test/run.ts all|quick|crash|cluster
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Selection, type Stage, stagesOf, type TestFiles } from './stages.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Outcome extends Counts {
  readonly name: string;
  readonly seconds: number;
  /** Why it did not run, or what was wrong besides failed tests. */
  readonly note?: string;
}

const ROOT = join(import.meta.dirname, '..');
const SELECTIONS: readonly string[] = ['all', 'quick', 'crash', 'cluster'] satisfies Selection[];

let current: ChildProcess | undefined;
let interrupts = 0;

async function main(words: readonly string[]): Promise<number> {
  const [selection = 'all', ...rest] = words;
  if (!isSelection(selection) || rest.length > 0) {
    console.error(`Usage: node test/run.ts ${SELECTIONS.join('|')}`);
    return 2;
  }
  const started = performance.now();
  const stages = stagesOf(selection);
  const outcomes: Outcome[] = [];
  for (const [index, stage] of stages.entries()) {
    console.log(`\n── ${index + 1}/${stages.length} ${stage.name}: ${stage.about}`);
    const outcome = await timed(stage);
    outcomes.push(outcome);
    console.log(`── ${stage.name}: ${describe(outcome)}`);
    if (outcome.failed > 0 || interrupts > 0) break;
  }
  summarize(stages, outcomes, (performance.now() - started) / 1000);
  return interrupts > 0 ? 130 : outcomes.some(outcome => outcome.failed > 0) ? 1 : 0;
}

function isSelection(word: string): word is Selection {
  return SELECTIONS.includes(word);
}

async function timed(stage: Stage): Promise<Outcome> {
  const started = performance.now();
  const outcome = 'scripts' in stage ? await runScripts(stage.scripts) : await runTests(stage);
  return { ...outcome, name: stage.name, seconds: (performance.now() - started) / 1000 };
}

/** Each script counts as one test. */
async function runScripts(scripts: readonly string[]): Promise<Counts & { note?: string }> {
  for (const [passed, script] of scripts.entries()) {
    const started = performance.now();
    const code = await run('npm', ['run', '--silent', script], {});
    console.log(`${code === 0 ? '✔' : '✖'} npm run ${script} (${duration((performance.now() - started) / 1000)})`);
    if (code !== 0) return { passed, failed: 1, skipped: 0, note: `npm run ${script} failed` };
  }
  return { passed: scripts.length, failed: 0, skipped: 0 };
}

async function runTests(stage: TestFiles): Promise<Counts & { note?: string }> {
  const found = stage.globs.map(glob => ({ glob, files: globSync(glob, { cwd: ROOT }).toSorted() }));
  const empty = found.find(({ files }) => files.length === 0);
  if (empty !== undefined) return { passed: 0, failed: 1, skipped: 0, note: `no test file matches ${empty.glob}` };
  const files = found.flatMap(one => one.files);
  const lack = await stage.lack?.();
  if (lack !== undefined) {
    const isAllowed = process.env.CI !== 'true';
    const counts = isAllowed ? { failed: 0, skipped: files.length } : { failed: files.length, skipped: 0 };
    return { passed: 0, ...counts, note: isAllowed ? lack : `cannot run, and CI must run everything: ${lack}` };
  }
  const directory = mkdtempSync(join(tmpdir(), 'migration-operator-tests-'));
  try {
    const tap = join(directory, 'result.tap');
    const code = await run(process.execPath, [...nodeFlags(stage, tap), ...files], stage.env ?? {});
    return counted(tap, code);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function nodeFlags(stage: TestFiles, tap: string): readonly string[] {
  return [
    '--test',
    '--import=./test/leaks.ts',
    `--test-concurrency=${stage.concurrency}`,
    `--test-reporter=${stage.reporter}`,
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${tap}`,
  ];
}

/** The closing lines of TAP. A process that ended badly without a failed test is a failure too. */
function counted(tap: string, code: number): Counts & { note?: string } {
  const text = readText(tap);
  const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const counts = {
    passed: count('pass'),
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
  };
  if (counts.failed > 0) return counts;
  if (code !== 0) return { ...counts, failed: 1, note: `the tests ended with exit code ${code}` };
  return counts.passed + counts.skipped > 0 ? counts : { ...counts, failed: 1, note: 'no test was run' };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Runs in a process group of its own, so that an interrupt at the terminal reaches it once: from us. */
function run(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env, PATH: path },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  current = child;
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      current = undefined;
      resolve(code ?? 1);
    });
  });
}

function interrupt(signal: NodeJS.Signals): void {
  interrupts += 1;
  console.error(interrupts === 1 ? `\n${signal}: the tests clean up; once more kills them` : '\nkilled');
  if (current?.pid === undefined) process.exit(130);
  process.kill(-current.pid, interrupts === 1 ? signal : 'SIGKILL');
}

function describe(outcome: Outcome): string {
  const { passed, failed, skipped, note, seconds } = outcome;
  const word = failed > 0 ? 'failed' : passed === 0 ? 'skipped' : 'ok';
  const counts = [`${passed} passed`, ...(failed > 0 ? [`${failed} failed`] : []), ...skips(skipped)].join(', ');
  return `${word}, ${counts}, ${duration(seconds)}${note === undefined ? '' : `: ${note}`}`;
}

function summarize(stages: readonly Stage[], outcomes: readonly Outcome[], seconds: number): void {
  const sum = (field: keyof Counts): number => outcomes.reduce((total, outcome) => total + outcome[field], 0);
  console.log(`\n── summary, after ${duration(seconds)}`);
  for (const stage of stages) {
    const outcome = outcomes.find(one => one.name === stage.name);
    console.log(`${stage.name.padEnd(8)} ${outcome === undefined ? 'not run' : describe(outcome)}`);
  }
  console.log(`\n${[`${sum('passed')} passed`, `${sum('failed')} failed`, ...skips(sum('skipped'))].join(', ')}`);
}

function skips(count: number): readonly string[] {
  return count === 0 ? [] : [`${count} skipped`];
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
process.exitCode = await main(process.argv.slice(2));
