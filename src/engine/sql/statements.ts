// Parses one migration file with PostgreSQL's own grammar into statements, each with its text, line and classification,
// and groups them into segments: runs of ordinary statements, and statements that must stand alone. One file at a time:
// the parser's memory grows with the longest string it has seen. The only importer of libpg-query; no database here.
import { createHash } from 'node:crypto';
import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';
import { type EngineError, failure, gathered } from '../errors.ts';
import {
  blockRefusalOf,
  type Effect,
  isPlainBegin,
  isPlainCommit,
  isSessionSetting,
  type LockStrength,
  lockStrengthOf,
  type Placement,
  placementOf,
  refusalOf,
  setsLockTimeout,
} from './classify.ts';
import { type Directives, hasDirective, readDirectives } from './directives.ts';
import { parserMessage } from './parser-message.ts';
import { type Reach, reachOf } from './reach.ts';
import { nothingToRun, type Repeatable, type Script } from './script.ts';
import { syntaxHint } from './syntax-hints.ts';
import { calledFunctions, type Node, nodeOf } from './tree.ts';

export interface Statement {
  /** 1-based number in the file, an outer BEGIN included: what a person counts. */
  readonly number: number;
  /** 1-based line of its first word. */
  readonly line: number;
  readonly text: string;
  readonly type: string;
  readonly lock: LockStrength;
  readonly setsLockTimeout: boolean;
  /** A setting of the session, which outlives its transaction. */
  readonly isSetting: boolean;
  /** What it does outside the database; undefined: nothing. */
  readonly reach: Reach | undefined;
  readonly placement: Placement;
  /** Of a statement between BEGIN and COMMIT: which of these pairs of the file it is; all of a pair is one transaction. */
  readonly block: number | undefined;
}

/** A part of a file that is done or not done as a whole. */
export type Segment =
  | { readonly kind: 'Ordinary'; readonly statements: readonly Statement[]; readonly digest: string }
  | { readonly kind: 'Alone'; readonly statement: Statement; readonly effect: Effect; readonly digest: string };

export interface ParsedFile {
  readonly file: string;
  readonly statements: readonly Statement[];
  readonly directives: Directives;
  readonly segments: readonly Segment[];
  /** Whether the whole file can be one transaction. */
  readonly transactional: boolean;
  readonly notes: readonly string[];
}

interface RawStatement {
  readonly node: Node;
  readonly start: number;
  readonly end: number;
}

/** Must have ended before the first `parseFile`: loads the grammar. */
export async function loadGrammar(): Promise<void> {
  await loadModule();
}

/** Parses a file. Throws SyntaxError, StatementRefused or BadDirective, all of a file's mistakes in one. */
export function parseFile(script: Script): ParsedFile {
  const bytes = Buffer.from(script.text, 'utf8');
  const raw = parse(script, bytes);
  const errors: EngineError[] = [];
  const written = readDirectives(script.file, bytes.toString('utf8', 0, raw[0]?.start ?? bytes.length), errors);
  const marked = script.noTransaction === true ? { ...written, noTransaction: true } : written;
  findLateDirectives(script.file, bytes, raw, errors);
  const blocks = blocksOf(raw, marked);
  const directives = blocks.are === 'WholeFile' ? { ...marked, noTransaction: false } : marked;
  const statements: Statement[] = [];
  const lines = lineCounter(bytes);
  raw.forEach(({ node, start, end }, index) => {
    const line = lines(start);
    if (blocks.bounds.has(index)) return;
    const calls = calledFunctions(node.fields);
    const placement = placementOf(node);
    const block = blocks.of[index];
    const refusal = refusalOf(node, calls) ?? (block === undefined ? undefined : blockRefusalOf(placement));
    const place = { migration: versionOf(script.file), statement: index + 1, line };
    if (refusal !== undefined) errors.push(failure('StatementRefused', { file: script.file, ...refusal }, place));
    statements.push(
      Object.freeze({
        number: index + 1,
        line,
        text: bytes.toString('utf8', start, end),
        type: node.type,
        lock: lockStrengthOf(node),
        setsLockTimeout: setsLockTimeout(node),
        isSetting: isSessionSetting(node, calls),
        reach: reachOf(node, calls),
        placement,
        block,
      }),
    );
  });
  if (errors.length > 0) throw gathered(errors);
  const segments = segmentsOf(statements, directives);
  const notes = [
    ...(blocks.are === 'None' ? [] : [`${script.file}: ${BLOCK_NOTES[blocks.are]}`]),
    ...(statements.length === 0 ? [nothingToRun(script)] : []),
  ];
  return Object.freeze({
    file: script.file,
    statements: Object.freeze(statements),
    directives,
    segments,
    transactional: !directives.noTransaction && segments.every(segment => segment.kind === 'Ordinary'),
    notes: Object.freeze(notes),
  });
}

/** Parses the file of a repeatable migration, which must be one transaction: of a half there would be no end to come to. */
export function parseRepeatable({ version, up }: Repeatable): ParsedFile {
  const parsed = parseFile(up);
  if (parsed.transactional) return parsed;
  const alone = parsed.segments.find(segment => segment.kind === 'Alone')?.statement;
  const what =
    alone === undefined ? 'the mark no-transaction' : `a statement that must stand alone in line ${alone.line}`;
  const remedy = 'A repeatable migration is one transaction with its record. Put that into a versioned migration.';
  const place = alone === undefined ? {} : { statement: alone.number, line: alone.line };
  throw failure('StatementRefused', { file: up.file, what, remedy }, { migration: version, ...place });
}

function parse(script: Script, bytes: Buffer): readonly RawStatement[] {
  if (script.text.trim() === '') return [];
  try {
    return (
      parseSync(script.text).stmts?.flatMap(({ stmt, stmt_location, stmt_len }) => {
        const start = stmt_location ?? 0;
        return [{ node: nodeOf(stmt), start, end: stmt_len ? start + stmt_len : endOf(bytes) }];
      }) ?? []
    );
  } catch (error) {
    throw syntaxFailure(script, error);
  }
}

/** A last statement without semicolon ends where the text does, white space left out. */
function endOf(bytes: Buffer): number {
  return Buffer.byteLength(bytes.toString('utf8').trimEnd(), 'utf8');
}

function syntaxFailure(script: Script, error: unknown): EngineError {
  if (!hasSqlDetails(error)) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure('SyntaxError', { file: script.file, reason: `it cannot be parsed (${reason})` });
  }
  const position = error.sqlDetails?.cursorPosition ?? 0;
  const before = [...script.text].slice(0, position).join('');
  const lines = before.split('\n');
  const line = lines.length;
  const column = [...(lines.at(-1) ?? '')].length + 1;
  const reason = `${parserMessage(error.message, before)} in line ${line}, column ${column}`;
  return failure(
    'SyntaxError',
    { file: script.file, reason, hint: syntaxHint(script.text, before.length) },
    { migration: versionOf(script.file), line, sqlstate: '42601' },
  );
}

function versionOf(file: string): string {
  return file.replace(/([./](up|down))?\.sql$/, '');
}

function findLateDirectives(file: string, bytes: Buffer, raw: readonly RawStatement[], errors: EngineError[]): void {
  raw.forEach(({ end }, index) => {
    const gap = bytes.toString('utf8', end, raw[index + 1]?.start ?? bytes.length);
    if (!hasDirective(gap)) return;
    const remedy = 'It stands after the first statement, where it would do nothing. Move it to the head of the file.';
    errors.push(failure('BadDirective', { file, directive: gap.trim().slice(0, 80), remedy }));
  });
}

interface Blocks {
  readonly are: 'None' | 'WholeFile' | 'PartsOfFile';
  /** The BEGINs and COMMITs themselves, which are not run: the engine sends its own. */
  readonly bounds: ReadonlySet<number>;
  /** For each statement the block that it is in. */
  readonly of: readonly (number | undefined)[];
}

const BLOCK_NOTES = {
  WholeFile: 'the outer BEGIN and COMMIT were left out; the engine opens the transaction',
  PartsOfFile: 'each BEGIN … COMMIT is one transaction, which the engine opens',
} as const;

/**
 * One BEGIN … COMMIT around the whole file, or where the file is marked no-transaction any number of them in it. What is
 * not such a pair (an end that is missing, a BEGIN with options) is left for refusalOf.
 */
function blocksOf(raw: readonly RawStatement[], { noTransaction }: Directives): Blocks {
  const bounds = new Set<number>();
  const of: (number | undefined)[] = [];
  let begin: number | undefined;
  for (const [index, { node }] of raw.entries()) {
    if (begin === undefined && isPlainBegin(node)) begin = index;
    else if (begin !== undefined && isPlainCommit(node)) {
      for (let inside = begin + 1; inside < index; inside += 1) of[inside] = begin;
      bounds.add(begin).add(index);
      begin = undefined;
    }
  }
  if (bounds.size === 2 && bounds.has(0) && bounds.has(raw.length - 1)) return { are: 'WholeFile', bounds, of };
  if (bounds.size > 0 && noTransaction) return { are: 'PartsOfFile', bounds, of };
  return { are: 'None', bounds: new Set(), of: [] };
}

/** Counts lines forward only, so that a file of many statements is read once. */
function lineCounter(bytes: Buffer): (offset: number) => number {
  let line = 1;
  let counted = 0;
  return offset => {
    for (; counted < offset; counted += 1) if (bytes[counted] === 0x0a) line += 1;
    return line;
  };
}

/** A run of statements that is one transaction. */
export function ordinarySegment(run: readonly Statement[]): Segment {
  const digest = digestOf(run.map(statement => statement.text));
  return Object.freeze({ kind: 'Ordinary', statements: Object.freeze(run), digest });
}

/** A statement that is run outside a transaction; undefined where it can only be run in one. */
export function aloneSegment(statement: Statement): Segment | undefined {
  const { placement } = statement;
  if (placement.place === 'Transaction') return undefined;
  return Object.freeze({ kind: 'Alone', statement, effect: placement.effect, digest: digestOf([statement.text]) });
}

export function segmentsOf(statements: readonly Statement[], directives: Directives): readonly Segment[] {
  const segments: Segment[] = [];
  let run: Statement[] = [];
  const closeRun = () => {
    if (run.length === 0) return;
    segments.push(ordinarySegment(run));
    run = [];
  };
  for (const statement of statements) {
    const { placement, block } = statement;
    const mayStandAlone = placement.place === 'Alone' || (directives.noTransaction && block === undefined);
    const alone = mayStandAlone ? aloneSegment(statement) : undefined;
    if (alone !== undefined) {
      closeRun();
      segments.push(alone);
    } else {
      const last = run.at(-1);
      if (directives.noTransaction && last !== undefined && (block === undefined || last.block !== block)) closeRun();
      run.push(statement);
    }
  }
  closeRun();
  return Object.freeze(segments);
}

function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\0`);
  return hash.digest('hex');
}
