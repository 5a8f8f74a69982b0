// The step `plan`: what would run, and whether everything that later steps need is there (files, rights, owner, volume,
// pg_dump). Writes nothing to the database; its answer is a forecast and never ends a run.
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../api/job-contract.ts';
import { assertSameMajor } from '../backup/backup.ts';
import { runChild } from '../backup/children.ts';
import { proveWritable } from '../backup/volume.ts';
import { type Adoption, findAdoption } from '../engine/adoption.ts';
import { lockLimitsOf, readBounded } from '../engine/bounded-reads.ts';
import { type Connection, quoted } from '../engine/connection.ts';
import { continuedFile } from '../engine/continued-file.ts';
import { COUNTING, type Downgrade, prepareDowngrade } from '../engine/downgrade.ts';
import { type EngineError, failure, gathered } from '../engine/errors.ts';
import { assertRolesExist } from '../engine/fence/application-roles.ts';
import { assertMayOwn } from '../engine/fence/epoch.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from '../engine/half-done.ts';
import { assertBaseline, type Ledger, type ProgressRow, readLedger } from '../engine/ledger/ledger.ts';
import { describeLoss } from '../engine/losses/losses.ts';
import { type MigrationPlan, planMigrations, transactionMode } from '../engine/plan.ts';
import { openSession, type Server } from '../engine/server.ts';
import { assertTellable } from '../engine/source/long-names.ts';
import { withoutPasswords } from '../engine/sql/constants.ts';
import { loadGrammar, type ParsedFile, parseFile, parseRepeatable } from '../engine/sql/statements.ts';
import { findAuditDifference } from './audit-seen.ts';
import { attemptOf, programPath, StepConnections, type StepEnvironment, surroundingsOf } from './environment.ts';
import { ledgerState } from './ledger-state.ts';
import { readMountedSource } from './source.ts';

export async function plan(
  input: JobInputOf<'plan'>,
  environment: StepEnvironment,
): Promise<JobResultOf<'PlanResult'>> {
  const source = await readMountedSource(environment);
  if (input.backups === 'Mounted') await proveWritable(environment.backupsDirectory);
  const connections = new StepConnections(input, environment);
  const surroundings = surroundingsOf(connections, environment);
  const { connection, server } = await openSession(surroundings);
  try {
    if (input.backups === 'Mounted') {
      const pgDump = programPath('pg_dump', server.versionNumber, environment);
      await assertSameMajor(server, { pgDump, run: runChild });
    }
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const found = await readLedger(connection, input.ledgerSchema, server.role);
    assertMayOwn(found.epoch, attemptOf(input));
    const audit = await findAuditDifference(connection, input, environment.log);
    const { ledgerSchema, knownVersion } = input;
    const asked = { ledgerSchema, baseline: input.baseline?.version, knownVersion };
    const adoption = await findAdoption(connection, found, source, asked);
    const ledger = adoption?.ledger ?? found;
    const planned = planMigrations(source, ledger, input.target);
    assertTellable([ledger.version, ...[...planned.reverts, ...planned.repeatables].map(({ version }) => version)]);
    if (planned.direction === 'Up') await assertBaseline(connection, ledger, input.ledgerSchema);
    await assertRights(connection, server, ledger, input.ledgerSchema);
    if (planned.direction !== 'None')
      await assertRolesExist(connection, server.database, input.appRoles, [...planned.pending, ...planned.repeatables]);
    await connection.query('COMMIT');
    await loadGrammar();
    const request = { ledgerSchema: input.ledgerSchema, ledger, plan: planned, trust: undefined };
    const downgrade =
      planned.direction === 'Down'
        ? await readBounded(connection, surroundings, lockLimitsOf(input.execution), COUNTING, () =>
            prepareDowngrade(connection, server, request),
          )
        : undefined;
    const facts = { planned, ledger, adoption, server, sourceDigest: source.digest, downgrade, audit };
    return answer(input, environment, facts);
  } finally {
    await connection.close();
  }
}

const SHOWN = 20;

interface Facts {
  readonly planned: MigrationPlan;
  /** With what is to be adopted. */
  readonly ledger: Ledger;
  readonly adoption: Adoption | undefined;
  readonly server: Server;
  readonly sourceDigest: string;
  readonly downgrade: Downgrade | undefined;
  readonly audit: Awaited<ReturnType<typeof findAuditDifference>>;
}

function answer(
  input: JobInputOf<'plan'>,
  environment: StepEnvironment,
  { planned, ledger, adoption, server, sourceDigest, downgrade, audit }: Facts,
): JobResultOf<'PlanResult'> {
  const parsed = [...(downgrade?.files.map(file => file.parsed) ?? []), ...parseAll(planned, ledger.progress)];
  const { mode, notes } = transactionMode(parsed, input.execution.transaction, input.strategy);
  const asked = input.execution.transaction === 'PerMigration' ? [] : notes;
  const pending = [...planned.pending, ...planned.repeatables].map(one => one.version);
  const count = `${downgrade === undefined ? '' : `${downgrade.files.length} to revert, `}${pending.length} pending`;
  environment.log(`${planned.direction}: ${count} from ${ledger.version ?? 'nothing'} to ${planned.target}`);
  if (downgrade !== undefined) logDowngrade(downgrade, environment);
  return {
    kind: 'PlanResult',
    contract: CONTRACT_VERSION,
    exitCode: 0,
    notes: [...planned.notes, ...asked, ...parsed.flatMap(file => file.notes)],
    plan: {
      ...ledgerState(ledger, server),
      target: planned.target,
      direction: planned.direction,
      pendingCount: pending.length,
      pendingFirst: pending.slice(0, SHOWN),
      ...(planned.repeatables.length === 0 ? {} : { goalDigest: planned.goalDigest }),
      sourceDigest,
      transaction: mode,
      ...(adoption === undefined ? {} : { baseline: baselineAnswer(adoption) }),
      ...(downgrade === undefined ? {} : { downgrade: downgradeAnswer(downgrade) }),
      ...(audit === undefined ? {} : { audit }),
    },
  };
}

function baselineAnswer({ migrations, ledger, tables: { count, first } }: Adoption) {
  return { version: ledger.version ?? '', count: migrations.length, tables: { count, first: [...first] } };
}

function downgradeAnswer({ reversals, losses, digest }: Downgrade) {
  return {
    digest,
    reverts: reversals
      .slice(0, SHOWN)
      .map(({ version, origin, down }) => ({ version, origin, checksum: down.checksum })),
    revertCount: reversals.length,
    lossCount: losses.length,
    losses: losses.slice(0, SHOWN).map(({ kind, name, rows }) => ({ kind, name, rows })),
  };
}

/** A script that is no longer among the files can be read nowhere else before it runs. */
function logDowngrade({ reversals, losses }: Downgrade, { log }: StepEnvironment): void {
  for (const loss of losses) log(`would be lost by ${loss.version}: ${describeLoss(loss)}`);
  for (const { version, origin, down } of reversals) {
    if (origin === 'Ledger')
      log(`the down of ${version} comes from the ledger (SHA-256 ${down.checksum}):\n${withoutPasswords(down.text)}`);
  }
}

/** What is kept of a parsed file: statements are dropped as soon as they are classified, or 5,000 files fill the memory. */
function parseAll(plan: MigrationPlan, progress: readonly ProgressRow[]): readonly ParsedFile[] {
  const forsaken = plan.direction === 'Down' ? undefined : forsakenProblem(nextOf(plan), progress);
  const errors: EngineError[] = forsaken === undefined ? [] : [forsaken];
  const files: ParsedFile[] = [];
  for (const migration of plan.pending) {
    try {
      const parsed = continuedFile(migration.version, parseFile(migration.up), progress);
      const problem = halfDoneProblem(migration.version, parsed, progress);
      if (problem !== undefined) errors.push(problem);
      const alone = parsed.segments.filter(segment => segment.kind === 'Alone').slice(0, 1);
      files.push({ ...parsed, statements: [], segments: alone });
    } catch (error) {
      errors.push(error as EngineError);
    }
  }
  for (const repeatable of plan.repeatables) {
    try {
      files.push({ ...parseRepeatable(repeatable), statements: [], segments: [] });
    } catch (error) {
      errors.push(error as EngineError);
    }
  }
  if (errors.length > 0) throw gathered(errors);
  return files;
}

/** What `migrate` will need before it can write a first row: better known now than after the application was stopped. */
async function assertRights(connection: Connection, server: Server, ledger: Ledger, schema: string): Promise<void> {
  if (ledger.epoch !== undefined) return;
  const [row] = await connection.query(
    `SELECT n.oid, CASE WHEN n.oid IS NULL THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
        ELSE pg_catalog.has_schema_privilege(n.oid, 'CREATE') END AS allowed
      FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1`,
    [schema],
  );
  if (row?.allowed === 't') return;
  const where = row?.oid === null ? `DATABASE ${quoted(server.database)}` : `SCHEMA ${quoted(schema)}`;
  const remedy = `GRANT CREATE ON ${where} TO ${quoted(server.role)}; the ledger is kept in schema ${quoted(schema)}.`;
  throw failure('RightMissing', { role: server.role, right: `CREATE on ${where.toLowerCase()}`, remedy });
}
