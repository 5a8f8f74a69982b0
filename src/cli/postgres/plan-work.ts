// What a plan for PostgreSQL would do: its statements in their transactions, and what they would lose. Reads only. Called
// by plan.ts, which loads it only where there is something to do.
import type { Connection } from '../../engine/connection.ts';
import { prepareDowngrade } from '../../engine/downgrade.ts';
import { type EngineError, gathered } from '../../engine/errors.ts';
import type { Source } from '../../engine/files.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from '../../engine/half-done.ts';
import type { Ledger } from '../../engine/ledger.ts';
import { countLosses } from '../../engine/loss-counter.ts';
import type { Loss } from '../../engine/losses.ts';
import type { MigrationPlan } from '../../engine/plan.ts';
import type { Server } from '../../engine/server.ts';
import { loadGrammar, type ParsedFile, parseFile } from '../../engine/statements.ts';
import type { DownFile, UpFile } from '../../engine/work.ts';
import type { Plan, PlannedTransaction } from '../database.ts';

export interface PlanningPlace {
  readonly connection: Connection;
  readonly server: Server;
  readonly ledger: Ledger;
  readonly ledgerSchema: string;
}

export interface PlannedWork extends Pick<Plan, 'versions' | 'transactions' | 'losses' | 'notes'> {
  /** What a yes to the losses of a downgrade names. */
  readonly lossDigest: string | undefined;
}

/** Of the way down: the scripts, from the folder or the ledger, and what they lose. Throws EngineError. */
export async function workOfDown(place: PlanningPlace, plan: MigrationPlan): Promise<PlannedWork> {
  await loadGrammar();
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

/** Of the way up: every pending file parsed. Throws EngineError, every mistake of the files at once. */
export async function workOfUp(place: PlanningPlace, plan: MigrationPlan, source: Source): Promise<PlannedWork> {
  await loadGrammar();
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
