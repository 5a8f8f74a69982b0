// Prepares a downgrade: the scripts, parsed; what they would lose; and the digest that a confirmation names. The same for
// `plan`, which shows it, and for `migrate` under the fence, so that both say the same. Reads only.
import type { Connection } from './connection.ts';
import { continuedFile } from './continued-file.ts';
import { failure, gathered } from './errors.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from './half-done.ts';
import type { Ledger } from './ledger/ledger.ts';
import { countLosses } from './losses/loss-counter.ts';
import { describeLoss, downgradeDigest, type Loss, type LossLimits } from './losses/losses.ts';
import type { MigrationPlan } from './plan.ts';
import { completeReversals, type Reversal } from './reversal.ts';
import type { Server } from './server.ts';
import type { Trust } from './source/signatures.ts';
import type { Repeatable } from './sql/script.ts';
import { parseFile, parseRepeatable } from './sql/statements.ts';
import type { DownFile } from './work.ts';

export interface Downgrade {
  /** Highest first. */
  readonly reversals: readonly Reversal[];
  readonly files: readonly DownFile[];
  /** Empty: nothing is lost. */
  readonly losses: readonly Loss[];
  /** SHA-256 of all that may lose something, by version. */
  readonly scripts: Readonly<Record<string, string>>;
  /** What a confirmation of the losses names. */
  readonly digest: string;
}

export interface DowngradeRequest {
  readonly ledgerSchema: string;
  readonly ledger: Ledger;
  readonly plan: MigrationPlan;
  readonly trust: Trust | undefined;
  readonly limits?: LossLimits;
}

/** What it does, where it has to wait for a lock. */
export const COUNTING = 'Counting what the downgrade would lose';

/** Outside any transaction. Throws IrreversibleMigration, NotSigned, HalfDoneDowngrade and what a file's parsing throws. */
export async function prepareDowngrade(
  connection: Connection,
  server: Server,
  { ledgerSchema, ledger, plan, trust, limits }: DowngradeRequest,
): Promise<Downgrade> {
  const reversals = await completeReversals(connection, { ledgerSchema, format: ledger.format }, plan.reverts, trust);
  const files = reversals.map(migration => {
    const parsed = continuedFile(migration.version, parseFile(migration.down), ledger.progress);
    return { direction: 'Down', migration, parsed } as const;
  });
  const problems = [
    forsakenProblem(nextOf(plan), ledger.progress),
    ...files.map(file => halfDoneProblem(file.migration.version, file.parsed, ledger.progress)),
  ].filter(problem => problem !== undefined);
  if (problems.length > 0) throw gathered(problems);
  const repeated = plan.repeatables.map(repeatedAsDown);
  const { losses, guards, counted } = await countLosses(
    connection,
    server,
    {
      files: [...files.map(file => remaining(file, ledger)), ...repeated],
      back: reversals.map(({ up }) => up).reverse(),
    },
    limits,
  );
  const again = new Set(plan.repeatables.map(({ version }) => version));
  const guarded = files.map(file => ({
    ...file,
    guards: guards.filter(
      ({ version }) => version === file.migration.version || (file === files.at(-1) && again.has(version)),
    ),
    counted,
  }));
  const scripts = [...reversals, ...repeated.map(file => file.migration)];
  return Object.freeze({
    reversals,
    files: guarded,
    losses,
    scripts: Object.fromEntries(scripts.map(({ version, down }) => [version, down.checksum])),
    digest: downgradeDigest(ledger, plan.target, scripts, losses),
  });
}

/** A repeatable migration that is run after the way down loses data like a down. */
function repeatedAsDown(repeatable: Repeatable): DownFile {
  const { version, up } = repeatable;
  const migration = {
    version,
    number: 0n,
    origin: 'Source',
    down: up,
    up: undefined,
    upChecksum: up.checksum,
  } as const;
  return { direction: 'Down', migration, parsed: parseRepeatable(repeatable) };
}

/** Without the statements that an earlier attempt has done: what they took away cannot be lost again. Settings count on. */
export function remaining(file: DownFile, { progress }: Ledger): DownFile {
  const done = progress.filter(row => row.version === file.migration.version && row.state === 'done');
  const { segments, statements } = file.parsed;
  const gone = new Set(
    done.flatMap(row => {
      const segment = segments[row.segment];
      if (segment === undefined) return [];
      return segment.kind === 'Alone' ? [segment.statement] : segment.statements;
    }),
  );
  const left = statements.filter(statement => statement.isSetting || !gone.has(statement));
  return { ...file, parsed: { ...file.parsed, statements: left } };
}

/** Throws DowngradeWouldLoseData unless nothing is lost or exactly this was confirmed. */
export function assertMayLose({ losses, digest, reversals }: Downgrade, confirmed: string | undefined): void {
  if (losses.length === 0 || confirmed === digest) return;
  const place = { migration: losses[0]?.version ?? reversals[0]?.version ?? '' };
  throw failure('DowngradeWouldLoseData', { losses: losses.map(describeLoss), digest }, place);
}
