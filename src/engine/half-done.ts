// Whether a file that an earlier attempt left half done can be gone on with. Pure; asked by `plan`, so that it is known
// before anything is stopped, and again by `migrate` before it writes.
import { type EngineError, failure } from './errors.ts';
import type { ProgressRow } from './ledger/ledger.ts';
import type { MigrationPlan } from './plan.ts';
import type { ParsedFile, Segment, Statement } from './sql/statements.ts';

/** First statement of a segment. */
export function firstOf(segment: Segment): Statement {
  const first = segment.kind === 'Alone' ? segment.statement : segment.statements[0];
  if (first === undefined) throw new Error('a segment without statements');
  return first;
}

/** Last statement of a segment. */
export function lastOf(segment: Segment): Statement {
  return segment.kind === 'Alone' ? segment.statement : (segment.statements.at(-1) ?? firstOf(segment));
}

/** `003_groups.up.sql, statement 2 (line 14)`. */
export function whereOf(file: ParsedFile, statement: Statement): string {
  return `${file.file}, statement ${statement.number} (line ${statement.line})`;
}

/** What was run must still stand in the file, and be provable; what follows it may have been mended. */
export function halfDoneProblem(
  version: string,
  file: ParsedFile,
  progress: readonly ProgressRow[],
): EngineError | undefined {
  for (const row of progress.filter(one => one.version === version)) {
    const segment = file.segments[row.segment];
    const statement = segment === undefined ? undefined : firstOf(segment);
    if (segment === undefined || statement === undefined || segment.digest !== row.digest) {
      // Nothing is left of it: it stood behind the last one that is.
      const number = statement?.number ?? (file.statements.at(-1)?.number ?? 0) + 1;
      return failure(
        'HalfDoneFileChanged',
        { file: file.file, statement: number },
        { migration: version, statement: number },
      );
    }
    if (row.state === 'started' && row.effect.kind === 'Unprovable') return outcomeUnknown(version, file, statement);
  }
  return undefined;
}

/** A statement that was begun and leaves no trace: a person has to look. */
export function outcomeUnknown(version: string, file: ParsedFile, statement: Statement): EngineError {
  const reason = 'it leaves no trace in the catalogue';
  const place = { migration: version, statement: statement.number, line: statement.line };
  return failure('OutcomeUnknown', { where: whereOf(file, statement), reason }, place);
}

/** What is half done must be the next to run, in its own direction: nothing is built on top of a half. */
export function forsakenProblem(
  next: { readonly direction: 'Up' | 'None' | 'Down'; readonly version: string | undefined },
  progress: readonly ProgressRow[],
): EngineError | undefined {
  const [half] = progress;
  if (half === undefined || (next.version === half.version && next.direction === half.direction)) return undefined;
  const { version, direction } = half;
  if (direction === 'Down') return failure('HalfDoneDowngrade', { version }, { migration: version });
  if (next.version === undefined) return undefined;
  if (next.direction === 'Down') return failure('HalfDoneUpgrade', { version }, { migration: version });
  return failure('HalfDoneFileMissing', { version, next: next.version }, { migration: version });
}

/** The first script of a plan. */
export function nextOf(plan: Pick<MigrationPlan, 'direction' | 'pending' | 'reverts' | 'repeatables'>) {
  const { direction, pending, reverts, repeatables } = plan;
  const [first] = direction === 'Down' ? reverts : [...pending, ...repeatables];
  return { direction, version: first?.version };
}
