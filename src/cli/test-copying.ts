// Up, down, up on a copy, with the schema compared after the way back. The copy belongs to whoever runs this, so it is
// adopted there if the database belongs to somebody else. Called by test-copy.
import type { ExitCode } from '../api/exit-codes.ts';
import { failure } from '../engine/errors.ts';
import { wayDownOf } from '../engine/layouts/names.ts';
import type { Ledger } from '../engine/ledger/ledger.ts';
import { EMPTY_TARGET, planMigrations } from '../engine/plan.ts';
import type { Source } from '../engine/source/files.ts';
import { type Difference, describeDifference } from '../schema/difference.ts';
import type { Invocation } from './command.ts';
import type { Database } from './database.ts';
import { LeftOutStatements } from './left-out.ts';
import { readFolder } from './source.ts';
import { counted, duration } from './terminal.ts';

interface Leg {
  readonly way: 'Up' | 'Repeat' | 'Down' | 'Up again';
  readonly versions: readonly string[];
  readonly milliseconds: number;
}

export async function testOnCopy(invocation: Invocation): Promise<ExitCode> {
  const { terminal, output, settings, options } = invocation;
  const database = await invocation.database();
  const source = await readFolder(settings, database.dialect, 'ShortOrApplied');
  const target = invocation.arguments[0] ?? 'latest';
  assertReversible(source, (await database.state()).ledger, target);
  terminal.say(terminal.noted('dim', `copying ${database.place}`));
  const leftOut = new LeftOutStatements(terminal);
  const scratch = await database.scratch('Copy', options.has('disposableServer') ? 'Disposable' : 'Shared');
  try {
    const { legs, differences, from, to } = await thereAndBack({ copy: scratch.database, source, leftOut }, target);
    const isSame = differences.length === 0;
    await terminal.data(output, { from, to, legs, differences, leftOut: leftOut.all }, () => [
      ...legs.map(
        ({ way, versions, milliseconds }) =>
          `${way.padEnd(8)} ${counted(versions.length, 'migration')} in ${duration(milliseconds)}`,
      ),
      ...differences.map(one => terminal.styled('bad', `the way back leaves: ${describeDifference(one)}`)),
      ...(isSame && legs.length > 1 ? [terminal.styled('good', 'There and back is the same schema.')] : []),
      ...untried(leftOut.all.length, isSame ? 'Same' : 'Different'),
      ...(legs.length === 0 ? ['There was nothing to try: no migration is pending, and none was applied.'] : []),
    ]);
    return isSame ? 0 : 1;
  } finally {
    await scratch.remove();
  }
}

/** What would go down must have a way down: better known now than after a copy and the way up. Throws IrreversibleMigration. */
function assertReversible(source: Source, ledger: Ledger, target: string): void {
  const { direction, pending } = planMigrations(source, ledger, target);
  const last = direction === 'None' ? ledger.applied.slice(-1) : [];
  const files = new Map(source.migrations.map(one => [one.version, one]));
  const isKept = ({ version, downChecksum }: (typeof last)[number]) =>
    files.has(version) ? files.get(version)?.down !== undefined : downChecksum !== null;
  const versions = [...pending.filter(one => one.down === undefined), ...last.filter(row => !isKept(row))].map(
    ({ version }) => version,
  );
  const [first] = versions;
  if (first === undefined) return;
  const missing = versions.map(version => wayDownOf(source.layout, version));
  throw failure('IrreversibleMigration', { versions, missing }, { migration: first });
}

function untried(count: number, outcome: 'Same' | 'Different'): readonly string[] {
  if (count === 0) return [];
  const doubt = outcome === 'Same' ? '' : ', from which a difference may come';
  return [`Not tried: ${counted(count, 'statement')} that would have changed the server${doubt}.`];
}

interface Trying {
  readonly copy: Database;
  readonly source: Source;
  readonly leftOut: LeftOutStatements;
}

/**
 * With nothing pending it is the last migration that goes there and back: down first, then up. Repeatable migrations that are
 * pending are run in between, so that the downs meet what they made; what they changed has no way back, and is not compared.
 */
async function thereAndBack(trying: Trying, target: string) {
  const { copy, source } = trying;
  const before = await copy.schema();
  const legs: Leg[] = [];
  const up = await run({ ...trying, source: { ...source, repeatables: [] } }, target, 'Up', legs);
  const nothing: { legs: Leg[]; differences: readonly Difference[]; from: string | null; to: string | null } = {
    legs,
    differences: [],
    from: before.version,
    to: up.to,
  };
  if (up.direction === 'Down' || (before.version === null && up.direction === 'None')) return nothing;
  const bare = source.repeatables.length === 0 ? before : await copy.schema();
  const again = await run(trying, up.to ?? EMPTY_TARGET, 'Repeat', legs);
  const there = again.direction === 'None' ? bare : await copy.schema();
  if (up.direction === 'None') {
    const { applied } = await copy.state();
    const below = applied.at(-2)?.version ?? EMPTY_TARGET;
    await run(trying, below, 'Down', legs);
    await run(trying, before.version ?? target, 'Up again', legs);
    return { ...nothing, differences: await copy.compare(there, await copy.schema()) };
  }
  await run(trying, before.version ?? EMPTY_TARGET, 'Down', legs);
  const repeated = new Set((await copy.compare(bare, there)).map(nameOf));
  const left = await copy.compare(before, await copy.schema());
  await run(trying, target, 'Up again', legs);
  return { ...nothing, differences: left.filter(one => !repeated.has(nameOf(one))) };
}

const nameOf = ({ kind, name }: Difference) => `${kind} ${name}`;

async function run({ copy, source, leftOut }: Trying, target: string, way: Leg['way'], legs: Leg[]) {
  const plan = await copy.plan(source, target);
  if (plan.direction === 'None' || (way === 'Up' && plan.direction === 'Down')) return plan;
  leftOut.tell(plan);
  const began = performance.now();
  const { ledger } = await copy.state();
  const { versions } = await leftOut.running(() => copy.migrate(source, plan, { adopts: ledger.epoch?.owner }));
  legs.push({ way, versions, milliseconds: Math.round(performance.now() - began) });
  return plan;
}
