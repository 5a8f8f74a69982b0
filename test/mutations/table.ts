// The points of the protocol, each as the text that is taken out of the code and the test that must notice. Data only; read
// by test/mutations.ts. A point without a row here is not proven.

export interface Mutation {
  /** The point, in a few words. */
  readonly point: string;
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** A file of test/engine, and the name of its test. */
  readonly test: string;
  readonly named: string;
}

const mutation = (
  point: string,
  file: string,
  change: readonly [string, string],
  test: string,
  named: string,
): Mutation => ({
  ...{ point, file: `src/${file}`, from: change[0], to: change[1] },
  ...{ test: `${test}.test.ts`, named },
});

export const MUTATIONS: readonly Mutation[] = [
  mutation(
    'the application name in the startup packet',
    'database/postgres.ts',
    ['    application_name: options.applicationName,\n', ''],
    'fence',
    'that wakes up cannot commit',
  ),
  mutation(
    'earlier attempts are ended',
    'engine/fence.ts',
    ['  await endEarlierAttempts(connection, attempt, { waitMs: fenceWaitMs, signal, log, ...lost });\n', ''],
    'fence',
    'are ended and waited for, and those of others are left alone',
  ),
  mutation(
    "another owner's sessions are left alone",
    'engine/earlier-attempts.ts',
    ['[applicationName(attempt.owner, 0).slice(0, -1)]', "['migrate/']"],
    'fence',
    'are ended and waited for, and those of others are left alone',
  ),
  mutation(
    "a later attempt's session is left alone",
    'engine/earlier-attempts.ts',
    ['return number < attempt.number ||', 'return number !== attempt.number ||'],
    'roles',
    'ends no session of a later one',
  ),
  mutation(
    'sessions are ended as the login role',
    'engine/server.ts',
    ["    'SET ROLE NONE',\n", ''],
    'roles',
    'that sets another role at login is undone before the fence',
  ),
  mutation(
    'the lock is taken',
    'engine/fence.ts',
    ['  await takeMigrationLock(connection, fenceWaitMs, signal);\n', ''],
    'fence',
    'that another holds is waited for, and its holder named',
  ),
  mutation(
    'attempts are compared before a write',
    'engine/epoch.ts',
    ['  if (epoch.attempt >= attempt.number) throw stale(epoch.attempt, attempt);\n', ''],
    'fence',
    'is refused by the epoch and writes nothing',
  ),
  mutation(
    'the epoch is held FOR SHARE',
    'engine/epoch.ts',
    ['.epoch FOR SHARE`', '.epoch`'],
    'epoch',
    'is held to the end of a transaction, and read at the beginning of the next',
  ),
  mutation(
    'the epoch is read in each transaction',
    'engine/epoch.ts',
    ['epoch?.attempt !== attempt.number) throw', 'epoch === null) throw'],
    'epoch',
    'is held to the end of a transaction, and read at the beginning of the next',
  ),
  mutation(
    'the epoch is read before a statement that stands alone',
    'engine/epoch.ts',
    ['epoch?.attempt !== attempt.number) throw', 'epoch === null) throw'],
    'epoch',
    'is read before a statement that stands alone is begun',
  ),
  mutation(
    'a database has one owner',
    'engine/epoch.ts',
    ['  if (epoch === undefined || epoch.owner === attempt.owner) return;', '  if (attempt !== undefined) return;'],
    'adopt',
    'is refused with the id that lifts it',
  ),
  mutation(
    'only the named owner is adopted from',
    'engine/epoch.ts',
    ['  if (epoch?.owner !== attempt.adopts) assertOwner', '  if (attempt.adopts === undefined) assertOwner'],
    'adopt',
    'is not adopted by the id of a third one',
  ),
  mutation(
    'the epoch belongs to the login role',
    'engine/transactions.ts',
    ['[...first, ownSettings(work.server.versionNumber)]', "[...first, 'SELECT 1']"],
    'migrate',
    'runs as the role it asks for, and the ledger is written as ours',
  ),
  mutation(
    'poolers are refused',
    'engine/server.ts',
    ["if (Number(textOf(row, 'pid')) !== connection.pid) throw", 'if (connection.pid < 0) throw'],
    'server-life',
    'in transaction mode is recognised and refused',
  ),
  mutation(
    'poolers are refused in session mode too',
    'engine/server.ts',
    ["if (Number(textOf(row, 'pid')) !== connection.pid) throw", 'if (connection.pid < 0) throw'],
    'server-life',
    'in session mode is recognised and refused',
  ),
  mutation(
    'read-only servers are refused',
    'engine/server.ts',
    ["if (row.read_only === 'on') throw", "if (row.read_only === '') throw"],
    'refusals',
    'on a server that takes no writes is neither migrated nor settled',
  ),
  mutation(
    'settle fences first',
    'engine/settle.ts',
    [
      'await takeFence(connection, server, attempt, surroundings);',
      '{ connection, server, ledger: await readLedger(connection, attempt.ledgerSchema, server.role) };',
    ],
    'fence',
    'that another holds is waited for, and its holder named',
  ),
  mutation(
    'a COMMIT still at work is waited for',
    'engine/recovery.ts',
    ['if (lost instanceof CommitUnknown) await wait', 'if (lost === undefined) await wait'],
    'lost-connection',
    'that still works on it is waited for, not ended: what it then commits is a success',
  ),
  mutation(
    'after a lost connection the ledger decides',
    'engine/recovery.ts',
    [
      'return isReached(ledger, goal) ? undefined : connectionLost;',
      'return isReached(ledger, goal) ? undefined : undefined;',
    ],
    'lost-connection',
    'of an earlier transaction ends the attempt, which runs nothing more; the next goes on',
  ),
  mutation(
    'a failover is noticed',
    'engine/recovery.ts',
    ['if (!isSameServer(server, work.server)) {', 'if (server === undefined) {'],
    'lost-connection',
    'in a transaction is for a new plan',
  ),
  mutation(
    'a failover outside a transaction is for a person',
    'engine/recovery.ts',
    ['if (lost instanceof LostAlone) return', 'if (lost === undefined) return'],
    'lost-connection',
    'outside any transaction is for a person',
  ),
  mutation(
    'RESET ALL before each file',
    'engine/server.ts',
    ["    'RESET ALL',\n", ''],
    'refusals',
    'is gone before the next file, its time zone too',
  ),
  mutation(
    'before COMMIT: transaction and lock',
    'engine/transactions.ts',
    ['awaitedLater(assertUnbroken(work, transaction))', 'Promise.resolve()'],
    'migrate',
    'that ends the transaction by a way the grammar does not show is found out before COMMIT',
  ),
  mutation(
    'before COMMIT: the lock is still held',
    'engine/transactions.ts',
    [" && row.locked === 't') return;", ') return;'],
    'migrate',
    'that ends the transaction by a way the grammar does not show is found out before COMMIT',
  ),
  mutation(
    'the transaction holds the lock too',
    'engine/migration-lock.ts',
    ['`pg_catalog.pg_try_advisory_xact_lock(', '`0 <> ('],
    'locks',
    'that a migration gives up by a way the grammar does not show goes to nobody before its transaction ends',
  ),
  mutation(
    'the ledger is written in UTF-8',
    'engine/server.ts',
    ['    "SET DateStyle TO \'ISO\'",\n    "SET client_encoding TO \'UTF8\'",\n', '    "SET DateStyle TO \'ISO\'",\n'],
    'refusals',
    'is not the encoding of the ledger',
  ),
  mutation(
    'a started row before a statement that stands alone',
    'engine/split.ts',
    ['  await inTransaction(work, () => recordSegmentStarted(work, file, number, segment, effect));\n', ''],
    'split',
    'that leave no trace are not run again after a crash: a person is asked',
  ),
  mutation(
    'an index that was there before is not dropped',
    'engine/effects.ts',
    [" || effect.existedBefore === true) return 'NotDone';\n  const state", ") return 'NotDone';\n  const state"],
    'split',
    "never drops an index that was somebody else's before",
  ),
  mutation(
    'IF NOT EXISTS over an invalid index is not done',
    'engine/effects.ts',
    ["if (before === 'Invalid' && effect.ifNotExists) throw", "if (before === 'Invalid' && effect.index === '') throw"],
    'split',
    "never drops an index that was somebody else's before",
  ),
  mutation(
    'an index that somebody builds is not dropped',
    'engine/effects.ts',
    ['  if (ours.pid !== null) {', "  if (ours.pid === '') {"],
    'refusals',
    'that somebody else is still building is not taken for a leftover of ours',
  ),
  mutation(
    'what failed alone is cleared',
    'engine/split.ts',
    ['    if (error instanceof StatementFailure) await clearFailed(work, file, number, effect);\n', ''],
    'split',
    'that fails leaves no invalid index and no row, so that nothing has changed',
  ),
  mutation(
    'lock timeouts and deadlocks are tried again',
    'engine/transactions.ts',
    [
      '!WORTH_ANOTHER_TRY.has(error.error.sqlstate)) throw error;',
      '!WORTH_ANOTHER_TRY.has(error.error.message)) throw error;',
    ],
    'refusals',
    'in a deadlock with them are let go, and the migration is tried again',
  ),
  mutation(
    'plain DML waits longer for rows',
    'engine/execute.ts',
    ["const wanted = statement.lock === 'Rows' ? rows : strong;", 'const wanted = Math.min(rows, strong);'],
    'refusals',
    'do not end an UPDATE of 100,000 rows that waits for one of them longer than the lock timeout',
  ),
  mutation(
    'the schema is read with an end',
    'engine/bounded-reads.ts',
    [
      '        return await monitor.watch(read, watching);',
      "        await connection.query('SET lock_timeout TO 0');\n        return await read();",
    ],
    'catalogue-locks',
    'does not hang `settle`',
  ),
  mutation(
    'sessions of the app are looked for',
    'engine/migrate.ts',
    ['  if (applicationSessions !== undefined) {', '  if (applicationSessions === null) {'],
    'fence',
    'that remain are named before anything is written',
  ),
  mutation(
    'what was planned still holds',
    'engine/migrate.ts',
    ['  assertAsPlanned(request, fenced.ledger, isFirst);\n', ''],
    'migrate',
    'by another state of the ledger is refused before anything is written',
  ),
  mutation(
    'tables without a ledger are not begun on',
    'engine/scripts-to-run.ts',
    ['  if (isFirst) await assertBaseline(', '  if (plan === null) await assertBaseline('],
    'refusals',
    'that is gone while its tables are there is not begun anew',
  ),
  mutation(
    'a later attempt loses what its run was allowed',
    'engine/scripts-to-run.ts',
    [
      'const isAllowed = begun !== undefined && isAccepted(',
      'const isAllowed = !isFirst || begun !== undefined && isAccepted(',
    ],
    'downgrade',
    'may lose no more than that: not a table that was empty when the run began',
  ),
  mutation(
    'what was empty is looked at again with writers locked out',
    'engine/guards.ts',
    ['    if (rows.length === 0) continue;', '    if (rows.length >= 0) continue;'],
    'downgrade',
    'is looked at once more with writers locked out: a row that is written after the count stops it',
  ),
  mutation(
    'what is taken away was counted',
    'engine/inventory.ts',
    ['  if (gone.length === 0) return;', '  if (gone.length >= 0) return;'],
    'inventory',
    'does not take away a table that came after the count',
  ),
  mutation(
    'DISCARD is refused',
    'engine/classify.ts',
    ["  if (type === 'DiscardStmt')", "  if (type === 'Discard')"],
    'refusals',
    'is refused before anything is written',
  ),
  mutation(
    'an index without a name is refused',
    'engine/classify.ts',
    ["&& stringOf(fields, 'idxname') === '') {", "&& stringOf(fields, 'idxname') === ' ') {"],
    'refusals',
    'is refused before anything is written',
  ),
];
