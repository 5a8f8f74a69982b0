// A file that an earlier attempt left half done, in the segments in which that attempt ran it: what is done, or was begun, is as its
// progress rows say, and only what follows is divided anew. So statements may be put right behind those that are done, which were
// perhaps one transaction, and the marker no-transaction may come or go. Pure; called wherever a file is prepared to be run or
// shown. Where something that was run has changed, what stands before it is as it was run, so that halfDoneProblem names the first that does
// not fit.
import { createHash } from 'node:crypto';
import type { ProgressRow } from './ledger/ledger.ts';
import {
  aloneSegment,
  ordinarySegment,
  type ParsedFile,
  type Segment,
  type Statement,
  segmentsOf,
} from './sql/statements.ts';

export function continuedFile(version: string, file: ParsedFile, progress: readonly ProgressRow[]): ParsedFile {
  const rows = progress.filter(row => row.version === version).sort((a, b) => a.segment - b.segment);
  if (rows.length === 0) return file;
  const segments: Segment[] = [];
  let left = file.statements;
  for (const row of rows) {
    const count = lengthOf(left, row.digest);
    const segment = count === undefined ? undefined : segmentOf(left.slice(0, count), row);
    if (segment === undefined || row.segment !== segments.length) break;
    segments.push(segment);
    left = left.slice(count);
  }
  segments.push(...segmentsOf(left, file.directives));
  // Whatever is left of it: as one transaction it would be run from its beginning.
  return Object.freeze({ ...file, segments: Object.freeze(segments), transactional: false });
}

/** How many of the first statements make this digest. */
function lengthOf(statements: readonly Statement[], digest: string): number | undefined {
  const hash = createHash('sha256');
  for (const [index, { text }] of statements.entries()) {
    hash.update(`${text}\0`);
    if (hash.copy().digest('hex') === digest) return index + 1;
  }
  return undefined;
}

/** As its row says that it was run: of what stood alone the effect is of another kind than Ordinary. */
function segmentOf(statements: readonly Statement[], { effect, state }: ProgressRow): Segment | undefined {
  const [first] = statements;
  if (effect.kind === 'Ordinary' || first === undefined) return ordinarySegment(statements);
  const alone = statements.length === 1 ? aloneSegment(first) : undefined;
  return alone ?? (state === 'done' ? ordinarySegment(statements) : undefined);
}
