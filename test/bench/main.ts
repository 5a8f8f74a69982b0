// `npm run bench`: the figures of docs/benchmarks.md, each with its aim, and beside a limit or a peer of the same run where
// there is one. Measures, asserts nothing: a slow machine is no failure; what could not be measured is. Usage:
// npm run bench [-- NAME…], the names of groups below.
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { burst } from './burst.ts';
import { engine } from './engine.ts';
import { failover } from './failover.ts';
import { type Figure, type Group, linesOf, tableOf } from './figure.ts';
import { releases } from './releases.ts';
import { rest } from './rest.ts';
import { sizes } from './sizes.ts';
import { tools } from './tools.ts';

const GROUPS: readonly Group[] = [engine, releases, rest, burst, failover, sizes, tools];
/** Of each group; the whole takes about ten minutes on a quiet machine. */
const LIMIT_MINUTES = 10;

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter(name => !GROUPS.some(group => group.name === name));
  if (unknown.length > 0) {
    const known = GROUPS.map(({ name, about }) => `  ${name.padEnd(10)}${about}`).join('\n');
    console.error(`npm run bench: there is no group "${unknown.join('", "')}". The groups are:\n${known}`);
    return 2;
  }
  const groups = names.length === 0 ? GROUPS : GROUPS.filter(group => names.includes(group.name));
  const figures: Figure[] = [];
  let failures = 0;
  for (const group of groups) {
    const started = performance.now();
    console.error(`── ${group.name}: ${group.about} (load ${load()})`);
    try {
      const measured = await limited(group);
      for (const figure of measured) console.log(linesOf(figure));
      figures.push(...measured);
    } catch (error) {
      failures += 1;
      console.error(`── ${group.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    }
    console.error(`── ${group.name}: ${((performance.now() - started) / 1000).toFixed(0)} s (load ${load()})`);
  }
  console.log(`\n${tableOf(figures)}`);
  return failures === 0 ? 0 : 1;
}

/** What is still held when the time is over goes with the process: see `process.exit` below. */
function limited(group: Group): Promise<readonly Figure[]> {
  const progress = (line: string): void => console.error(`   ${line}`);
  const late = sleep(LIMIT_MINUTES * 60_000, undefined, { ref: false }).then(() => {
    throw new Error(`it was not done after ${LIMIT_MINUTES} minutes`);
  });
  return Promise.race([group.measure(progress), late]);
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

process.exit(await main(process.argv.slice(2)));
