// Walks the audit of a SQLite file and says what was done to it, as ledger/verify-audit.ts does on PostgreSQL: rows edited,
// removed or put in, a ledger that is not what the audit saw, and triggers on the ledger's tables that are not those that were
// made. Reads only. Called by `history --verify`.
import {
  type AuditProblem,
  type AuditReport,
  chainProblems,
  differs,
  ledgerWords,
  undoneByRestores,
} from '../ledger/chain.ts';
import type { AppliedMigration } from '../ledger/ledger.ts';
import { AUDIT_TABLE, auditHash } from './audit.ts';
import type { SqliteConnection, SqliteRow } from './connection.ts';
import { hasSqliteLedger, OWN_PREFIX, readSqliteLedger } from './ledger.ts';

export function verifySqliteAudit(connection: SqliteConnection): AuditReport {
  if (!hasSqliteLedger(connection)) return { rows: 0, head: null, problems: [] };
  const rows = connection.query(
    'SELECT id, at, event, version, by, detail, previous, hash FROM migrate_audit ORDER BY id',
  );
  const last = rows.at(-1);
  const head = last === undefined ? null : { id: Number(last.id), hash: String(last.hash) };
  const problems: AuditProblem[] = [
    ...chainProblems(rows.map(linkOf)),
    ...ledgerProblems(connection, rows).map(message => differs(head?.id ?? 0, message)),
    ...strangeTriggers(connection).map(message => differs(head?.id ?? 0, message)),
  ];
  return { rows: rows.length, head, problems: problems.sort((a, b) => a.id - b.id) };
}

function linkOf(row: SqliteRow) {
  const { at, event, version, by, detail, previous } = row;
  const told = [String(at), String(event), version as string | null, String(by), String(detail), String(previous)];
  return {
    id: Number(row.id),
    previous: String(previous),
    hash: String(row.hash),
    computed: auditHash([Number(row.id), ...told]),
  };
}

/** What an audit row tells of a migration's texts; of the way down only since a later release. */
interface Detail {
  readonly upChecksum?: string;
  readonly downChecksum?: string | null;
  readonly checksum?: string;
  readonly upTo?: number;
}

/** Of a row that was edited it may be anything: the chain tells that. */
function detailOf({ detail }: SqliteRow): Detail {
  try {
    return (JSON.parse(String(detail)) ?? {}) as Detail;
  } catch {
    return {};
  }
}

/** What the audit saw applied and not reverted must be what the ledger has, with the same checksums. */
function ledgerProblems(connection: SqliteConnection, rows: readonly SqliteRow[]): readonly string[] {
  const { applied, repeated } = seenBy(rows);
  const ledger = readSqliteLedger(connection);
  const words: string[] = [];
  for (const { version, checksum } of ledger.repeatables) {
    const told = repeated.get(version);
    if (told !== checksum) words.push(ledgerWords(version, told === undefined ? 'Unseen' : 'Other'));
    repeated.delete(version);
  }
  for (const row of ledger.applied) {
    const told = applied.get(row.version);
    if (told === undefined) words.push(ledgerWords(row.version, 'Unseen'));
    else if (!isAsTold(row, told)) words.push(ledgerWords(row.version, 'Other'));
    applied.delete(row.version);
  }
  return [...words, ...[...repeated.keys(), ...applied.keys()].map(name => ledgerWords(name, 'Gone'))];
}

function seenBy(rows: readonly SqliteRow[]) {
  const applied = new Map<string, Detail>();
  const repeated = new Map<string, string | undefined>();
  const restores = rows.filter(row => row.event === 'restored');
  const undone = undoneByRestores(
    restores.map(row => ({ id: Number(row.id), upTo: Number(detailOf(row).upTo ?? Number(row.id) - 1) })),
  );
  for (const row of rows) {
    const [id, version] = [Number(row.id), String(row.version)];
    if (undone.some(span => span.from <= id && id <= span.to)) continue;
    if (row.event === 'applied' || row.event === 'baseline') applied.set(version, detailOf(row));
    if (row.event === 'reverted') applied.delete(version);
    if (row.event === 'repeated') repeated.set(version, detailOf(row).checksum ?? '');
  }
  return { applied, repeated };
}

function isAsTold(row: AppliedMigration, { upChecksum, downChecksum }: Detail): boolean {
  return upChecksum === row.upChecksum && (downChecksum === undefined || downChecksum === row.downChecksum);
}

const OWN_TRIGGERS = [...AUDIT_TABLE.matchAll(/CREATE TRIGGER (\w+)[^;]*;[^;]*END/g)];

/** A trigger could keep rows out, or let them be changed. */
function strangeTriggers(connection: SqliteConnection): readonly string[] {
  const found = new Map(
    connection
      .query("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' AND substr(tbl_name, 1, ?) = ?", [
        OWN_PREFIX.length,
        OWN_PREFIX,
      ])
      .map(row => [String(row.name), row]),
  );
  const words: string[] = [];
  for (const [sql, name = ''] of OWN_TRIGGERS) {
    if (found.get(name)?.sql !== sql) words.push(`the trigger ${name} of migrate_audit is gone or another one`);
    found.delete(name);
  }
  for (const { name, tbl_name } of found.values()) words.push(`the trigger ${name} stands on ${tbl_name}`);
  return words;
}
