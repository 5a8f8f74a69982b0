// A plan for PostgreSQL as the commands show it, by the same functions that `migrate` uses under the fence. Writes nothing.
import type { Connection } from '../../engine/connection.ts';
import { prepareDowngrade } from '../../engine/downgrade.ts';
import { type EngineError, gathered } from '../../engine/errors.ts';
import type { Source } from '../../engine/files.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from '../../engine/half-done.ts';
import { assertBaseline, type Ledger } from '../../engine/ledger.ts';
import { countLosses } from '../../engine/loss-counter.ts';
import type { Loss } from '../../engine/losses.ts';
import { type MigrationPlan, planMigrations } from '../../engine/plan.ts';
import type { Server } from '../../engine/server.ts';
import { loadGrammar, type ParsedFile, parseFile } from '../../engine/statements.ts';
import type { DownFile, UpFile } from '../../engine/work.ts';
import type { Plan, PlannedTransaction } from '../database.ts';

export interface PostgresPlan extends Plan {
  /** The target as the engine names it. */
  readonly target: string;
  readonly ledgerDigest: string;
  /** What a yes to the losses of a downgrade names. */
  readonly lossDigest: string | undefined;
}

export interface PlanningPlace {
  readonly connection: Connection;
  readonly server: Server;
  readonly ledger: Ledger;
  readonly ledgerSchema: string;
}

/** Throws EngineError, every mistake of the files at once. */
export async function planPostgres(place: PlanningPlace, source: Source, target: string): Promise<PostgresPlan> {
  await loadGrammar();
  const { ledger, connection, ledgerSchema } = place;
  const plan = planMigrations(source, ledger, target);
  const shared = {
    from: ledger.version,
    to: plan.target === 'empty' ? null : plan.target,
    target: plan.target,
    direction: plan.direction,
    ledgerDigest: ledger.digest,
  };
  if (plan.direction === 'Down') return { ...shared, ...(await planDown(place, plan)) };
  if (plan.direction === 'Up') await assertBaseline(connection, ledger, ledgerSchema);
  return { ...shared, ...(await planUp(place, plan, source)) };
}

type Planned = Pick<PostgresPlan, 'versions' | 'transactions' | 'losses' | 'lossDigest' | 'notes'>;

async function planDown(place: PlanningPlace, plan: MigrationPlan): Promise<Planned> {
  const { connection, server, ledger, ledgerSchema } = place;
  const { files, losses, digest } = await prepareDowngrade(connection, server, {
    ledgerSchema,
    ledger,
    plan,
    trust: undefined,
  });
  return {
    versions: files.map(file => file.migration.version),
    transactions: files.flatMap(file => transactionsOf(file.migration.version, file.parsed)),
    losses,
    lossDigest: digest,
    notes: [...plan.notes, ...files.flatMap(file => file.parsed.notes)],
  };
}

async function planUp(place: PlanningPlace, plan: MigrationPlan, source: Source): Promise<Planned> {
  const { connection, server, ledger } = place;
  const errors: EngineError[] = [];
  const forsaken = forsakenProblem(nextOf(plan), ledger.progress);
  if (forsaken !== undefined) errors.push(forsaken);
  const files = plan.pending.flatMap((migration): UpFile[] => {
    try {
      const parsed = parseFile(migration.up);
      const problem = halfDoneProblem(migration.version, parsed, ledger.progress);
      if (problem !== undefined) errors.push(problem);
      return [{ direction: 'Up', migration, layout: source.layout, parsed, signature: undefined }];
    } catch (error) {
      errors.push(error as EngineError);
      return [];
    }
  });
  if (errors.length > 0) throw gathered(errors);
  return {
    versions: plan.pending.map(migration => migration.version),
    transactions: files.flatMap(file => transactionsOf(file.migration.version, file.parsed)),
    losses: await lossesGoingUp(connection, server, files),
    lossDigest: undefined,
    notes: [...plan.notes, ...files.flatMap(file => file.parsed.notes)],
  };
}

/** Going up, rows are changed on purpose: what counts is what is dropped or narrowed, and holds something. */
async function lossesGoingUp(
  connection: Connection,
  server: Server,
  files: readonly UpFile[],
): Promise<readonly Loss[]> {
  const asDowns = files
    .filter(file => file.parsed.statements.some(statement => MAY_DROP.has(statement.type)))
    .map(({ migration: { version, number, up }, parsed }): DownFile => {
      const reversal = { version, number, origin: 'Source', down: up, upChecksum: up.checksum } as const;
      return { direction: 'Down', migration: reversal, parsed };
    });
  if (asDowns.length === 0) return [];
  const { losses } = await countLosses(connection, server, asDowns);
  return losses.filter(loss => loss.kind !== 'Statement' && loss.rows !== 0);
}

const MAY_DROP = new Set(['DropStmt', 'AlterTableStmt']);

function transactionsOf(version: string, parsed: ParsedFile): readonly PlannedTransaction[] {
  const shown = (statements: ParsedFile['statements']) =>
    statements.map(({ line, text }) => ({ version, line, text: text.trim() }));
  if (parsed.transactional) {
    return parsed.statements.length === 0 ? [] : [{ kind: 'Transaction', statements: shown(parsed.statements) }];
  }
  return parsed.segments.map(segment =>
    segment.kind === 'Alone'
      ? { kind: 'Alone', statements: shown([segment.statement]) }
      : { kind: 'Transaction', statements: shown(segment.statements) },
  );
}
