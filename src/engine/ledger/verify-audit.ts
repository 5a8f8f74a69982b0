// Walks the audit's hash chain and says what was done to it: a row edited, removed or put in; its tail cut off or the whole
// written anew, which only a head noted elsewhere (status, a file) can show. Reads only. Called by `history --verify`, and by
// the runner's plan for the one row that status has noted.
//
//   const report = await verifyAudit(connection, schema, head);     // head: optional, from outside
//   report.problems.length === 0

import { type Connection, only, quoted, type Row, textOf } from '../connection.ts';
import { type AuditHead, COMPUTED_HASH, readAuditHead } from './audit.ts';
import {
  type AuditProblem,
  type AuditReport,
  chainProblems,
  differs,
  type Link,
  ledgerWords,
  type Span,
  undoneByRestores,
} from './chain.ts';
import { ledgerFailure } from './ledger.ts';
import { strangeObjects } from './verify-tables.ts';

export type { AuditHead } from './audit.ts';

/** What has become of a row that was noted elsewhere; undefined: it is there. Reads two rows, however long the chain is. */
export async function findNotedRow(
  connection: Connection,
  schema: string,
  noted: AuditHead,
): Promise<NotedRowProblem | undefined> {
  const head = await readAuditHead(connection, schema);
  const lastId = head?.id ?? 0;
  if (lastId < noted.id) return { kind: 'RowsMissing', lastId };
  const [row] = await connection.query(`SELECT hash FROM ${quoted(schema)}.audit WHERE id = $1`, [String(noted.id)]);
  return row?.hash === noted.hash ? undefined : { kind: 'RowReplaced', lastId };
}

export interface NotedRowProblem {
  /** `RowsMissing`: the audit ends before it. `RowReplaced`: another row has its number. */
  readonly kind: 'RowsMissing' | 'RowReplaced';
  /** 0: there is no row, or no audit. */
  readonly lastId: number;
}

/** Reads the whole audit at one moment; where there is no ledger yet, it has no rows. Throws RightMissing or LedgerDamaged. */
export async function verifyAudit(connection: Connection, schema: string, known?: AuditHead): Promise<AuditReport> {
  const role = textOf(only(await connection.query('SELECT session_user AS role')), 'role');
  try {
    if (await isAnyThere(connection, schema)) return await reportOf(connection, schema, known);
    return Object.freeze({ rows: 0, head: null, problems: Object.freeze(headProblems([], known)) });
  } catch (error) {
    throw ledgerFailure(error, schema, role);
  }
}

/** An audit without the rest is verified too, and a ledger without its audit is damaged. */
async function isAnyThere(connection: Connection, schema: string): Promise<boolean> {
  const tables = ['epoch', 'audit'].map(table => `${quoted(schema)}.${table}`);
  const found = await connection.query(
    'SELECT coalesce(pg_catalog.to_regclass($1), pg_catalog.to_regclass($2)) AS oid',
    tables,
  );
  return only(found).oid !== null;
}

async function reportOf(connection: Connection, schema: string, known: AuditHead | undefined): Promise<AuditReport> {
  const s = quoted(schema);
  const rows = await connection.query(
    `SELECT id, previous, hash, ${COMPUTED_HASH} AS computed FROM ${s}.audit ORDER BY id`,
  );
  const links = rows.map(linkOf);
  const last = links.at(-1);
  const head = last === undefined ? null : Object.freeze({ id: last.id, hash: last.hash });
  const ofLedger = await ledgerProblems(connection, s, head);
  const strange = (await strangeObjects(connection, schema)).map(what =>
    differs(head?.id ?? 0, `${what} in schema ${s}`),
  );
  const problems = [...chainProblems(links), ...headProblems(links, known), ...ofLedger, ...strange];
  problems.sort((a, b) => a.id - b.id);
  return Object.freeze({ rows: links.length, head, problems: Object.freeze(problems) });
}

function linkOf(row: Row): Link {
  const [previous, hash] = [textOf(row, 'previous'), textOf(row, 'hash')];
  return { id: Number(textOf(row, 'id')), previous, hash, computed: textOf(row, 'computed') };
}

function headProblems(links: readonly Link[], known: AuditHead | undefined): readonly AuditProblem[] {
  if (known === undefined) return [];
  const last = links.at(-1)?.id ?? 0;
  if (last < known.id) {
    const message = `the audit ends at row ${last}, but row ${known.id} was noted elsewhere: its tail was cut off`;
    return [{ kind: 'TailCut', id: known.id, message }];
  }
  if (links.find(link => link.id === known.id)?.hash === known.hash) return [];
  const message = `row ${known.id} is not the one that was noted elsewhere: the audit was written anew`;
  return [{ kind: 'Rewritten', id: known.id, message }];
}

/** That no restore has undone: the spans are the first value. */
const COUNTS = `NOT EXISTS (SELECT FROM pg_catalog.json_to_recordset($1::json) AS undone("from" bigint, "to" bigint)
  WHERE id BETWEEN undone."from" AND undone."to")`;

/** What the audit saw applied and not reverted must be what the ledger has, with the same checksums. */
async function ledgerProblems(
  connection: Connection,
  s: string,
  head: AuditHead | null,
): Promise<readonly AuditProblem[]> {
  const restores = await connection.query(
    `SELECT id, detail->>'upTo' AS up_to FROM ${s}.audit WHERE event = 'restored' ORDER BY id`,
  );
  const undone = undoneByRestores(restores.map(row => ({ id: Number(row.id), upTo: Number(row.up_to) })));
  const rows = await connection.query(
    `SELECT coalesce(l.version, a.version) AS version, a.id, l.version IS NULL AS gone, a.version IS NULL AS unseen
      FROM ${s}.ledger l FULL JOIN (
        SELECT DISTINCT ON (version) version, id, event, detail->>'upChecksum' AS checksum, detail AS told FROM ${s}.audit
        WHERE event IN ('applied', 'reverted', 'baseline') AND version IS NOT NULL AND ${COUNTS} ORDER BY version, id DESC
      ) a ON a.version = l.version
      WHERE (l.version IS NULL AND a.event <> 'reverted')
        OR (l.version IS NOT NULL AND (a.version IS NULL OR a.event = 'reverted' OR a.checksum IS DISTINCT FROM l.up_checksum
          OR (a.told ? 'downChecksum' AND a.told->>'downChecksum' IS DISTINCT FROM l.down_checksum)))
      ORDER BY 1`,
    [JSON.stringify(undone)],
  );
  return [...rows, ...(await repeatableRows(connection, s, undone))].map(row => {
    const version = textOf(row, 'version');
    const id = Number(row.id ?? head?.id ?? 0);
    return differs(id, ledgerWords(version, row.gone === 't' ? 'Gone' : row.unseen === 't' ? 'Unseen' : 'Other'));
  });
}

/** Of repeatable migrations the last that the audit saw counts; a ledger before format 3 has none. */
async function repeatableRows(connection: Connection, s: string, undone: readonly Span[]): Promise<readonly Row[]> {
  const [found] = await connection.query('SELECT pg_catalog.to_regclass($1) AS oid', [`${s}.repeatable`]);
  if (found?.oid === null) return [];
  return connection.query(
    `SELECT coalesce(r.name, a.version) AS version, a.id, r.name IS NULL AS gone, a.version IS NULL AS unseen
      FROM ${s}.repeatable r FULL JOIN (
        SELECT DISTINCT ON (version) version, id, detail->>'checksum' AS checksum FROM ${s}.audit
        WHERE event = 'repeated' AND ${COUNTS} ORDER BY version, id DESC
      ) a ON a.version = r.name
      WHERE r.name IS NULL OR a.version IS NULL OR a.checksum IS DISTINCT FROM r.checksum ORDER BY 1`,
    [JSON.stringify(undone)],
  );
}
