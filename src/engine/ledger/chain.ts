// The audit as a chain of rows, of which each names the hash of the one before: what its rows tell of an edited, a removed and
// an inserted one, which of them a restore has undone, and the words for it. Pure. Called by verify-audit.ts of both kinds of
// database.
import { type AuditHead, GENESIS } from './audit.ts';

export interface AuditProblem {
  /** `LedgerDiffers`: the ledger and what the audit saw are not the same, or the ledger's objects not those that were made. */
  readonly kind: 'Edited' | 'Removed' | 'Inserted' | 'TailCut' | 'Rewritten' | 'LedgerDiffers';
  /** Id of the row at which it shows. */
  readonly id: number;
  /** For a person. */
  readonly message: string;
}

export interface AuditReport {
  readonly rows: number;
  /** Null: the audit is empty. */
  readonly head: AuditHead | null;
  /** In order of ids; empty: the chain is whole. */
  readonly problems: readonly AuditProblem[];
}

/** One row of the chain, with the hash that its content has now. */
export interface Link {
  readonly id: number;
  readonly previous: string;
  readonly hash: string;
  readonly computed: string;
}

/** Each row must hash to what it says, follow the number before it, and name the hash before it. */
export function chainProblems(links: readonly Link[]): readonly AuditProblem[] {
  const problems: AuditProblem[] = [];
  let [id, hash] = [0, GENESIS];
  for (const link of links) {
    const problem = link.id < 1 ? insertedBefore(link) : problemOf(link, id, hash);
    if (problem !== undefined) problems.push(problem);
    if (link.id >= 1) [id, hash] = [link.id, link.hash];
  }
  return problems;
}

const insertedBefore = ({ id }: Link): AuditProblem => ({
  kind: 'Inserted',
  id,
  message: `row ${id} was put in before the first`,
});

function problemOf(link: Link, before: number, hash: string): AuditProblem | undefined {
  const { id } = link;
  if (link.computed !== link.hash) {
    const isInserted = link.previous !== hash && id === before + 1;
    if (isInserted)
      return { kind: 'Inserted', id, message: `row ${id} was put in or replaced: neither it nor its place fits` };
    return { kind: 'Edited', id, message: `row ${id} was edited: its content is not what its hash says` };
  }
  if (id > before + 1) {
    const gone = id === before + 2 ? `row ${before + 1} was` : `rows ${before + 1} to ${id - 1} were`;
    return { kind: 'Removed', id: before + 1, message: `${gone} removed` };
  }
  if (link.previous === hash) return undefined;
  return {
    kind: 'Inserted',
    id,
    message: `row ${id} does not follow row ${before}: one of the two was put in or replaced`,
  };
}

/** `Gone` from the ledger, `Unseen` by the audit, or `Other` than what that saw. */
export function ledgerWords(name: string, what: 'Gone' | 'Unseen' | 'Other'): string {
  if (what === 'Gone') return `the ledger has no row of ${name}, which the audit saw applied`;
  if (what === 'Unseen') return `the ledger has a row of ${name}, which the audit never saw applied`;
  return `the ledger's row of ${name} is not what the audit saw`;
}

export function differs(id: number, message: string): AuditProblem {
  return { kind: 'LedgerDiffers', id, message };
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Rows whose effect a restore has undone: those between what the backup had seen (`upTo`) and the row `restored`. A restore
 * that was itself undone by a later one undoes nothing.
 */
export function undoneByRestores(restores: readonly { readonly id: number; readonly upTo: number }[]): readonly Span[] {
  const spans: Span[] = [];
  let counted = Number.POSITIVE_INFINITY;
  for (const { id, upTo } of restores.toReversed()) {
    if (id > counted) continue;
    if (upTo + 1 < id) spans.push({ from: upTo + 1, to: id - 1 });
    counted = upTo;
  }
  return spans;
}
