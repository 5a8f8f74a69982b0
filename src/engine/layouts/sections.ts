// Layouts with both ways in one file, parted by comments: dbmate (`-- migrate:up`, https://github.com/amacneil/dbmate) and
// goose (`-- +goose Up`, https://pressly.github.io/goose/documentation/annotations). A part keeps the line numbers of its
// file, because everything else in it is left blank. Called by recognise.ts.
import { createHash } from 'node:crypto';
import { orderOf, writtenNumberOf } from '../../api/versions.ts';
import { type EngineError, failure } from '../errors.ts';
import { hasDirective, NO_TRANSACTION_LINE } from '../sql/directives.ts';
import { decodeScript, type Migration, type Script } from '../sql/script.ts';
import type { Layout, LayoutName, Reading, SourceFile } from './layout.ts';

const NAME = /^([0-9]{1,18}[-_][A-Za-z0-9_.-]{1,120}|[0-9]{1,18})\.sql$/;

interface Marker {
  readonly kind: 'up' | 'down' | 'noTransaction' | 'comment';
  /** An option that cannot be kept, in its own words. */
  readonly unknown?: string;
}

interface Grammar {
  readonly name: LayoutName;
  readonly marks: RegExp;
  /** Names of what the tool would run beside SQL. */
  readonly program?: RegExp;
  /** Of a line without the white space at its end: CR is there in a file from Windows, in the whole of it or here and there. */
  marker(line: string): Marker | undefined;
}

// A marker that is taken for a comment lets the Down run with the Up. So whatever looks like one and is none is refused, and
// nothing here ends at a character at which a line does not end ("." would, at CR).

const DBMATE_GRAMMAR: Grammar = {
  name: 'dbmate',
  marks: /^[^\S\n]*--[^\S\n]*migrate:(up|down)\b/m,
  marker(line) {
    const [, written, way, options = ''] = /^\s*--\s*(migrate:\s*(up|down)\b)(.*)$/is.exec(line) ?? [];
    if (written === undefined) return undefined;
    if (written !== 'migrate:up' && written !== 'migrate:down') return { kind: 'comment', unknown: line.trim() };
    const words = options.split(/\s+/).filter(word => word !== '');
    const unknown = words.find(word => !/^transaction:(true|false)$/.test(word));
    return { kind: way === 'up' ? 'up' : 'down', ...(unknown === undefined ? {} : { unknown }) };
  },
};

const GOOSE_GRAMMAR: Grammar = {
  name: 'goose',
  marks: /^[^\S\n]*--[^\S\n]*\+goose[^\S\n]+(up|down)\b/im,
  program: /^[0-9]+_[^/]*(?<!_test)\.go$/,
  marker(line) {
    const words = /^\s*--.*?\+goose(.*)$/is.exec(line)?.[1]?.trim().toLowerCase().replace(/\s+/g, ' ');
    if (words === undefined) return undefined;
    const isPlain = /^\s*--\s*\+goose\s/i.test(line);
    if (isPlain && (words === 'up' || words === 'down')) return { kind: words };
    if (isPlain && words === 'no transaction') return { kind: 'noTransaction' };
    if (isPlain && ['statementbegin', 'statementend', 'envsub off'].includes(words)) return { kind: 'comment' };
    return { kind: 'comment', unknown: line.trim() };
  },
};

export const DBMATE: Layout = layoutOf(DBMATE_GRAMMAR, '20240101120000_users.sql with "-- migrate:up"');
export const GOOSE: Layout = layoutOf(GOOSE_GRAMMAR, '00001_users.sql with "-- +goose Up"');

function layoutOf(grammar: Grammar, example: string): Layout {
  return {
    name: grammar.name,
    example,
    claims: file => {
      if (grammar.program?.test(file.path)) return true;
      return NAME.test(file.path) && grammar.marks.test(Buffer.from(file.bytes).toString('utf8'));
    },
    read: files => readSections(files, grammar),
  };
}

function readSections(files: readonly SourceFile[], grammar: Grammar): Reading {
  const errors: EngineError[] = [];
  const migrations: (Migration & { place: string })[] = [];
  for (const file of files) {
    try {
      migrations.push(sectionsOf(file, grammar));
    } catch (error) {
      errors.push(error as EngineError);
    }
  }
  return { migrations, repeatables: [], errors };
}

/** Of one behind a CR within the line the tool knows nothing, but a person sees it in a line of its own. */
function markerOf(line: string, grammar: Grammar): Marker | undefined {
  const [, ...behind] = line.split('\r');
  const hidden = behind.find(piece => grammar.marker(piece) !== undefined);
  return hidden === undefined ? grammar.marker(line) : { kind: 'comment', unknown: hidden.trim() };
}

function sectionsOf(file: SourceFile, grammar: Grammar): Migration & { place: string } {
  const refused = (reason: string): EngineError =>
    failure('BadMarker', { file: file.path, layout: grammar.name, reason });
  if (grammar.program?.test(file.path)) throw refused('only SQL can be run: write it as an SQL migration');
  const { text } = decodeScript(file.path, file.bytes);
  const version = file.path.slice(0, -'.sql'.length);
  // Diesel's names are written so, and would be another number: the operator has the name alone to order it by.
  if (writtenNumberOf(version)?.includes('-'))
    throw refused(`where its number ends cannot be told: write ${version.replace('-', '_')}.sql`);
  const lines = text.split('\n');
  const markers = lines.map(line => markerOf(line.trimEnd(), grammar));
  const strange = markers.findIndex(marker => marker?.unknown !== undefined);
  if (strange >= 0) {
    throw refused(
      `line ${strange + 1} has ${JSON.stringify(markers[strange]?.unknown)}, which this operator cannot honour`,
    );
  }
  const starts = markers.flatMap((marker, line) => (marker?.kind === 'up' || marker?.kind === 'down' ? [line] : []));
  const kinds = starts.map(line => markers[line]?.kind);
  if (kinds[0] !== 'up' || kinds.length > 2 || (kinds.length === 2 && kinds[1] !== 'down')) {
    throw refused('its parts must be one Up and then at most one Down');
  }
  const [up = 0, down = lines.length] = starts;
  const early = lines.slice(0, up).findIndex(line => !/^\s*(--[^\r]*)?$/.test(line.trimEnd()));
  if (early >= 0) throw refused(`line ${early + 1} stands before the first part and would never run`);
  const goesAlone = markers.some(marker => marker?.kind === 'noTransaction');
  const part = (from: number, to: number): Script => {
    const isAlone = goesAlone || /\btransaction:false\b/.test(lines[from] ?? '');
    const kept = lines.slice(0, to).map((line, index) => {
      // Our own word in the place of the tool's.
      if (index === from && isAlone) return NO_TRANSACTION_LINE;
      // What is set above the first marker is set for the file: for both of its parts.
      const isKept = index > from || (index < up && hasDirective(line));
      return isKept && markers[index] === undefined ? line : '';
    });
    const partText = `${kept.join('\n').trimEnd()}\n`;
    return { file: file.path, text: partText, checksum: createHash('sha256').update(partText).digest('hex') };
  };
  const hasDown = lines.some((line, index) => index > down && markers[index] === undefined && line.trim() !== '');
  return {
    version,
    number: orderOf(version) ?? 0n,
    up: part(up, down),
    down: hasDown ? part(down, lines.length) : undefined,
    place: file.place,
  };
}
