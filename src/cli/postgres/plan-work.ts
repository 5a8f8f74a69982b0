// What a plan for PostgreSQL would do: its statements in their transactions, and what they would lose. Reads only. Called
// by plan.ts, which loads it only where there is something to do.
import type { Connection } from '../../engine/connection.ts';
import { continuedFile } from '../../engine/continued-file.ts';
import { prepareDowngrade, remaining } from '../../engine/downgrade.ts';
import { type EngineError, gathered } from '../../engine/errors.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from '../../engine/half-done.ts';
import type { Ledger } from '../../engine/ledger/ledger.ts';
import { countLosses } from '../../engine/losses/loss-counter.ts';
import type { Loss } from '../../engine/losses/losses.ts';
import type { MigrationPlan } from '../../engine/plan.ts';
import type { Server } from '../../engine/server.ts';
import { isLeftOut, type Trial } from '../../engine/sql/reach.ts';
import type { Repeatable, Script } from '../../engine/sql/script.ts';
import { loadGrammar, type ParsedFile, parseFile, parseRepeatable } from '../../engine/sql/statements.ts';
import type { DownFile } from '../../engine/work.ts';
import type { Plan, PlannedTransaction } from '../database.ts';

export interface PlanningPlace {
  readonly connection: Connection;
  readonly server: Server;
  readonly ledger: Ledger;
  readonly ledgerSchema: string;
  readonly appRoles: readonly string[];
  /** Of a scratch database: whose it is. */
  readonly trial: Trial | undefined;
}

export interface PlannedWork extends Pick<Plan, 'versions' | 'transactions' | 'losses' | 'notes'> {
  /** What a yes to the losses of a downgrade names. */
  readonly lossDigest: string | undefined;
  /** The ups as they were parsed, by the very scripts of the source: they need not be parsed again. */
  readonly parsed: ReadonlyMap<Script, ParsedFile>;
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
  const again = plan.repeatables.map(one => ({ migration: one, parsed: parseRepeatable(one) }));
  return { ...shown(plan, [...files, ...again], place), losses, lossDigest: digest, parsed: new Map() };
}

interface Shown {
  readonly migration: { readonly version: string };
  readonly parsed: ParsedFile;
}

/** In the order in which they run. */
function shown(plan: MigrationPlan, files: readonly Shown[], place: PlanningPlace) {
  return {
    versions: files.map(file => file.migration.version),
    transactions: files.flatMap(file => transactionsOf(file.migration.version, file.parsed, place)),
    notes: [...plan.notes, ...files.flatMap(file => file.parsed.notes)],
  };
}

interface UpScript extends Shown {
  readonly migration: Repeatable;
}

/** Of the way up: every pending file parsed. Throws EngineError, every mistake of the files at once. */
export async function workOfUp(place: PlanningPlace, plan: MigrationPlan): Promise<PlannedWork> {
  await loadGrammar();
  const { ledger } = place;
  const errors: EngineError[] = [];
  const forsaken = forsakenProblem(nextOf(plan), ledger.progress);
  if (forsaken !== undefined) errors.push(forsaken);
  const parsedBy = (migrations: readonly Repeatable[], parse: (migration: Repeatable) => ParsedFile) =>
    migrations.flatMap((migration): UpScript[] => {
      try {
        const parsed = continuedFile(migration.version, parse(migration), ledger.progress);
        const problem = halfDoneProblem(migration.version, parsed, ledger.progress);
        if (problem !== undefined) errors.push(problem);
        return [{ migration, parsed }];
      } catch (error) {
        errors.push(error as EngineError);
        return [];
      }
    });
  const ups = parsedBy(plan.pending, one => parseFile(one.up));
  const files = [...ups, ...parsedBy(plan.repeatables, parseRepeatable)];
  if (errors.length > 0) throw gathered(errors);
  return {
    ...shown(plan, files, place),
    losses: await lossesGoingUp(place, files, plan),
    lossDigest: undefined,
    parsed: new Map(ups.map(file => [file.migration.up, file.parsed])),
  };
}

/** Going up, rows are changed on purpose: what counts is what is dropped or narrowed, and holds something. */
async function lossesGoingUp(
  { connection, server, ledger }: PlanningPlace,
  files: readonly UpScript[],
  { pending }: MigrationPlan,
): Promise<readonly Loss[]> {
  const asDowns = files
    .filter(file => file.parsed.statements.some(statement => MAY_DROP.has(statement.type)))
    .map(({ migration: { version, up }, parsed }): DownFile => {
      const reversal = {
        version,
        number: 0n,
        origin: 'Source',
        down: up,
        up: undefined,
        upChecksum: up.checksum,
      } as const;
      return remaining({ direction: 'Down', migration: reversal, parsed }, ledger);
    });
  if (asDowns.length === 0) return [];
  const { losses } = await countLosses(connection, server, { files: asDowns, back: pending.map(({ down }) => down) });
  return losses.filter(loss => loss.kind !== 'Statement' && loss.rows !== 0);
}

const MAY_DROP = new Set(['DropStmt', 'AlterTableStmt']);

const STATES = { none: 'ToRun', started: 'Begun', done: 'Done' } as const;

/** As the engine runs them (apply.ts): what is half done goes on in its pieces. */
function transactionsOf(
  version: string,
  parsed: ParsedFile,
  { ledger: { progress }, trial }: PlanningPlace,
): readonly PlannedTransaction[] {
  const states = new Map(progress.filter(row => row.version === version).map(row => [row.segment, row.state]));
  const listed = (statements: ParsedFile['statements']) =>
    statements.map(({ line, text, reach }) => {
      const planned = { version, line, text: text.trim() };
      return isLeftOut(reach, trial) ? { ...planned, leftOut: reach.what } : planned;
    });
  if (parsed.transactional && states.size === 0) {
    const statements = listed(parsed.statements);
    return statements.length === 0 ? [] : [{ kind: 'Transaction', state: 'ToRun', statements }];
  }
  return parsed.segments.map((segment, number) => {
    const state = STATES[states.get(number) ?? 'none'];
    return segment.kind === 'Alone'
      ? { kind: 'Alone', state, statements: listed([segment.statement]) }
      : { kind: 'Transaction', state, statements: listed(segment.statements) };
  });
}
