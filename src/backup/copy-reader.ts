// Reads COPY streams as pg_dump and pg_restore write them, of data alone, so that no function's body can look like a COPY:
// each table's rows counted and digested, in pieces of any size. Pure. Used to prove an archive, and what was restored.
import { createHash, type Hash } from 'node:crypto';

/** One table of the stream. */
export interface CopiedTable {
  readonly rows: number;
  /** SHA-256, hexadecimal: of its lines with their line feeds; in any order, the sum of the lines' own modulo 2^256. */
  readonly sha256: string;
}

/** `Any`: a digest that does not change with the order of the lines, which costs a digest for each. */
export type LineOrder = 'AsWritten' | 'Any';

interface Digest {
  add(line: Buffer): void;
  end(): string;
}

class Stream implements Digest {
  readonly #hash: Hash = createHash('sha256');
  add(line: Buffer): void {
    this.#hash.update(line).update('\n');
  }
  end(): string {
    return this.#hash.digest('hex');
  }
}

class Sum implements Digest {
  #sum = 0n;
  add(line: Buffer): void {
    const digest = createHash('sha256').update(line).update('\n').digest('hex');
    this.#sum = BigInt.asUintN(256, this.#sum + BigInt(`0x${digest}`));
  }
  end(): string {
    return this.#sum.toString(16).padStart(64, '0');
  }
}

const NEWLINE = 0x0a;
const END_OF_DATA = Buffer.from('\\.');
/** Only the beginning of a line outside COPY is ever looked at: a large object is one line of any length. */
const LINE_START_BYTES = 8_192;

export class CopyReader {
  /** Keys are `JSON.stringify([schema, name])`. */
  readonly tables = new Map<string, CopiedTable>();
  readonly #order: LineOrder;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #current: { readonly key: string; readonly digest: Digest; rows: number } | undefined;

  constructor(order: LineOrder = 'AsWritten') {
    this.#order = order;
  }

  take(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      this.#line(this.#pendingBytes === 0 ? piece : Buffer.concat([...this.#pending, piece]));
      this.#pending = [];
      this.#pendingBytes = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    if (this.#current === undefined && this.#pendingBytes > LINE_START_BYTES) return;
    if (rest.length > 0) this.#pending.push(Buffer.from(rest));
    this.#pendingBytes += rest.length;
  }

  #line(line: Buffer): void {
    const table = this.#current;
    if (table === undefined) {
      const key = copiedTable(line.subarray(0, LINE_START_BYTES).toString('utf8'));
      if (key === undefined) return;
      this.#current = { key, digest: this.#order === 'Any' ? new Sum() : new Stream(), rows: 0 };
    } else if (line.equals(END_OF_DATA)) {
      this.tables.set(table.key, Object.freeze({ rows: table.rows, sha256: table.digest.end() }));
      this.#current = undefined;
    } else {
      table.digest.add(line);
      table.rows += 1;
    }
  }
}

const NAME = '("(?:[^"]|"")+"|[^\\s".(]+)';
const COPY = new RegExp(`^COPY ${NAME}\\.${NAME} (?:\\(.*\\) )?FROM stdin;$`);

function copiedTable(line: string): string | undefined {
  if (!line.startsWith('COPY ')) return undefined;
  const [, schema, name] = COPY.exec(line.replace(/ {2,}FROM stdin;$/, ' FROM stdin;')) ?? [];
  return schema === undefined || name === undefined ? undefined : JSON.stringify([bare(schema), bare(name)]);
}

function bare(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}
