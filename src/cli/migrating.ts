// What `upgrade` and `downgrade` have in common: the plan first, a question where data would be lost, progress, and what
// came of it. The plan that was shown is the one that is run: one that is outdated by then is made and shown again.
import type { ExitCode } from '../api/exit-codes.ts';
import type { Invocation } from './command.ts';
import type { Outcome, Plan } from './database.ts';
import { UsageError } from './failure.ts';
import { planData, sayPlan } from './plan-text.ts';
import { readFolder } from './source.ts';
import { counted, duration } from './terminal.ts';

const MOST_PLANS = 3;

/** Plans, asks, runs. `Upgrade` never goes down and `Downgrade` never goes up. */
export async function runMigrating(
  invocation: Invocation,
  way: 'Upgrade' | 'Downgrade',
  target: string,
): Promise<ExitCode> {
  const { terminal, options, output } = invocation;
  const database = await invocation.database();
  const source = await readFolder(invocation.settings, database.dialect, 'ShortOrApplied');
  const began = performance.now();
  const done: string[] = [];
  let first: Plan | undefined;
  for (let tries = 1; ; tries += 1) {
    const plan = await database.plan(source, target);
    assertWay(plan, way, target);
    first ??= plan;
    sayPlan(terminal, plan);
    if (options.has('dryRun')) {
      const granted = way === 'Upgrade' ? plan.ungranted : [];
      for (const role of granted) terminal.say(terminal.noted('dim', `note: lets ${role} ask for the version`));
      await terminal.data(output, { ...planData(plan), dryRun: true }, () =>
        plan.versions.map(version => `  ${version}`),
      );
      return 0;
    }
    if (plan.direction === 'None') {
      if (way === 'Upgrade' && plan.ungranted.length > 0) await grant(invocation, plan.ungranted);
      const milliseconds = Math.round(performance.now() - began);
      const data = { ...planData(plan), from: first.from, versions: done, version: plan.from, milliseconds };
      await terminal.data(output, data, () => []);
      return 0;
    }
    if (!(await isWanted(invocation, plan, way))) {
      const had = done.length === 1 ? 'was' : 'were';
      terminal.say(done.length === 0 ? 'Nothing was done.' : `Nothing more was done; ${done.join(', ')} ${had}.`);
      return 12;
    }
    const consent = { adopts: options.text('adopt'), done: (version: string) => void done.push(version) };
    const outcome = await attempted(() => database.migrate(source, plan, consent));
    if (outcome === 'Outdated' && tries < MOST_PLANS) {
      terminal.say('Somebody else has changed the database meanwhile; planning again.');
      continue;
    }
    if (outcome === 'Outdated') throw new UsageError('The database keeps changing; run the command again.');
    const milliseconds = performance.now() - began;
    for (const note of outcome.notes) terminal.say(terminal.noted('dim', `note: ${note}`));
    const data = {
      ...planData(plan),
      ...outcome,
      from: first.from,
      versions: done,
      milliseconds: Math.round(milliseconds),
    };
    await terminal.data(output, data, () => [
      terminal.styled('good', `The database is at ${outcome.version ?? 'empty'}`) +
        ` (${counted(done.length, 'migration')} in ${duration(milliseconds)}).`,
    ]);
    return 0;
  }
}

async function grant(invocation: Invocation, roles: readonly string[]): Promise<void> {
  await (await invocation.database()).grantApplication(roles);
  const { terminal } = invocation;
  for (const role of roles) terminal.say(terminal.noted('dim', `note: ${role} may ask for the version now`));
}

/** Another process of the same person may have been quicker: that is no failure, but a reason to look again. */
async function attempted(run: () => Promise<Outcome>): Promise<Outcome | 'Outdated'> {
  try {
    return await run();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === 'PlanOutdated' || code === 'StaleAttempt') return 'Outdated';
    throw error;
  }
}

function assertWay(plan: Plan, way: 'Upgrade' | 'Downgrade', target: string): void {
  if (way === 'Upgrade' && plan.direction === 'Down') {
    throw new UsageError(`The database is at ${plan.from}, above ${target}. To go down: migrate downgrade ${target}`);
  }
  // At the target already, with a repeatable migration left to run, perhaps by a downgrade that was cut short.
  if (way === 'Downgrade' && plan.direction === 'Up' && plan.from !== plan.to) {
    throw new UsageError(
      `The database is at ${plan.from ?? 'empty'}, below ${target}. To go up: migrate upgrade ${target}`,
    );
  }
}

async function isWanted({ terminal, options, signal }: Invocation, plan: Plan, way: string): Promise<boolean> {
  if (plan.losses.length === 0 || options.has('yes')) return true;
  return (await terminal.confirm(`${way} and lose this data?`, signal)) === 'Yes';
}
