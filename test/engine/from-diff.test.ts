import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { readServer } from '../../src/engine/server.ts';
import { loadGrammar, parseFile } from '../../src/engine/statements.ts';
import { compareSnapshots, describeDifference } from '../../src/schema/difference.ts';
import { readPrintedViews } from '../../src/schema/printed-views.ts';
import { readSnapshot, type SnapshotEntry } from '../../src/schema/snapshot.ts';
import { statementsBetween } from '../../src/schema/statements/write.ts';
import { CASES } from './from-diff-cases.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();
await loadGrammar();

interface Schema {
  readonly entries: readonly SnapshotEntry[];
  readonly printed: ReadonlyMap<string, string>;
}

/** A session in a transaction that is never committed, so that every case begins with nothing. */
class Stage {
  readonly session: Connection;
  readonly versionNumber: number;

  constructor(session: Connection, versionNumber: number) {
    this.session = session;
    this.versionNumber = versionNumber;
  }

  async run(sql: string): Promise<void> {
    await this.session.query(`SET LOCAL search_path TO public; ${sql}`);
    await this.session.query('SET LOCAL search_path TO pg_catalog');
  }

  async schema(): Promise<Schema> {
    return {
      entries: await readSnapshot(this.session, this.versionNumber, 'migrate'),
      printed: await readPrintedViews(this.session, 'migrate'),
    };
  }

  /** Runs what leads from one to the other; answers its text and what it leaves. */
  async lead(from: Schema, to: Schema, printed: Schema['printed']): Promise<{ text: string; left: readonly string[] }> {
    const writing = { role: 'owner', printed, serverMajor: server.major };
    const { directives, body } = statementsBetween(from.entries, to.entries, writing);
    const text = [...directives, body].join('\n');
    parseFile({ file: '001_x.up.sql', text, checksum: '' });
    try {
      await this.session.query(text);
      await this.session.query('SET LOCAL search_path TO pg_catalog');
    } catch (error) {
      throw new Error(`${String(error)} in\n${text}`);
    }
    const { differences } = compareSnapshots(await this.schema(), to);
    const comments = text.split('\n').filter(line => line.startsWith('--'));
    const silent = differences.filter(({ name }) => !comments.some(line => line.includes(name)));
    assert.deepEqual(silent.map(describeDifference), [], `left out in silence by\n${text}`);
    return { text, left: differences.map(describeDifference) };
  }
}

describe('Statements from the difference of two schemas', () => {
  const isRunHere = (least: number | undefined) => server.major >= (least ?? 0);

  it('lead there and back, and name what they leave', { skip: server.major < 12 }, async t => {
    const site = await Site.create(server);
    const session = await site.session('postgres');
    try {
      const { versionNumber } = await readServer(session);
      const stage = new Stage(session, versionNumber);
      for (const { name, base, change, up = [], down = [], says } of CASES.filter(one => isRunHere(one.since))) {
        await t.test(name, async () => {
          await session.query('BEGIN; SET LOCAL ROLE owner');
          try {
            await stage.run(base);
            const before = await stage.schema();
            await session.query('SAVEPOINT base');
            await stage.run(change);
            const after = await stage.schema();
            await session.query('ROLLBACK TO base');
            const there = await stage.lead(before, after, after.printed);
            assert.deepEqual(there.left, up, there.text);
            for (const pattern of says ?? []) assert.match(there.text, pattern);
            const back = await stage.lead(await stage.schema(), before, new Map());
            assert.deepEqual(back.left, down, back.text);
          } finally {
            await session.query('ROLLBACK');
          }
        });
      }
    } finally {
      await session.close();
    }
  });
});
