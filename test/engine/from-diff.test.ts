import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { readServer } from '../../src/engine/server.ts';
import { loadGrammar, parseFile } from '../../src/engine/sql/statements.ts';
import { compareSnapshots, describeDifference } from '../../src/schema/difference.ts';
import { readPrintedViews } from '../../src/schema/printed-views.ts';
import { readSnapshot, type SnapshotEntry } from '../../src/schema/snapshot.ts';
import { ASSIGNED, EXPLICIT } from '../../src/schema/statements/conversions.ts';
import { statementsBetween } from '../../src/schema/statements/write.ts';
import { CASES, TOLD } from './from-diff-cases.ts';
import { DEPENDENTS } from './from-diff-dependents.ts';
import { ROWS } from './from-diff-rows.ts';
import { CHANGES, SCHEMA, SINCE } from './schema-changes.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();
await loadGrammar();

interface Schema {
  readonly entries: readonly SnapshotEntry[];
  readonly printed: ReadonlyMap<string, string>;
}

interface Led {
  readonly text: string;
  readonly schema: Schema;
  /** What is other than it should be, all of it told in the text. */
  readonly left: readonly string[];
}

/** A session in which a schema is changed. */
class Stage {
  readonly session: Connection;
  readonly versionNumber: number;
  readonly role: string;

  constructor(session: Connection, versionNumber: number, role: 'owner' | 'postgres') {
    this.session = session;
    this.versionNumber = versionNumber;
    this.role = role;
  }

  async run(sql: string): Promise<void> {
    await this.session.query('SET search_path TO public');
    if (sql !== '') await this.session.query(sql);
    await this.session.query('SET search_path TO pg_catalog');
  }

  async schema(): Promise<Schema> {
    return {
      entries: await readSnapshot(this.session, this.versionNumber, 'migrate'),
      printed: await readPrintedViews(this.session, 'migrate'),
    };
  }

  /** Runs what leads from one to the other. */
  async lead(from: Schema, to: Schema, printed: Schema['printed']): Promise<Led> {
    const writing = { role: this.role, printed, serverMajor: server.major };
    const { directives, body } = statementsBetween(from.entries, to.entries, writing);
    const text = [...directives, body].join('\n');
    const { statements, transactional } = parseFile({ file: '001_x.up.sql', text, checksum: '' });
    try {
      const messages = transactional ? [text] : statements.map(statement => statement.text);
      for (const message of messages) await this.session.query(message);
      await this.session.query('SET search_path TO pg_catalog');
    } catch (error) {
      throw new Error(`${String(error)} in\n${text}`);
    }
    const schema = await this.schema();
    const { differences } = compareSnapshots(schema, to);
    const comments = text.split('\n').filter(line => line.startsWith('--'));
    const silent = differences.filter(({ name }) => !comments.some(line => line.includes(name)));
    assert.deepEqual(silent.map(describeDifference), [], `left out in silence by\n${text}`);
    return { text, schema, left: differences.map(describeDifference) };
  }
}

describe('Statements from the difference of two schemas', { concurrency: 2 }, () => {
  const isRunHere = (least: number | undefined) => server.major >= (least ?? 0);

  it('lead there and back, and name what they leave', { skip: server.major < 12 }, async t => {
    const site = await Site.create(server);
    const session = await site.session('postgres');
    try {
      const { versionNumber } = await readServer(session);
      const stage = new Stage(session, versionNumber, 'owner');
      const cases = [...CASES, ...ROWS, ...DEPENDENTS].filter(one => isRunHere(one.since));
      for (const { name, base, change, use = '', up = [], down = [], says } of cases) {
        await t.test(name, async () => {
          await session.query('BEGIN; SET LOCAL ROLE owner');
          try {
            await stage.run(base);
            const before = await stage.schema();
            await session.query('SAVEPOINT base');
            await stage.run(change);
            const after = await stage.schema();
            await session.query('ROLLBACK TO base');
            await stage.run(use);
            const there = await stage.lead(before, after, after.printed);
            assert.deepEqual(there.left, up, there.text);
            await stage.run(use);
            for (const pattern of says ?? []) assert.match(there.text, pattern);
            const back = await stage.lead(there.schema, before, new Map());
            assert.deepEqual(back.left, down, back.text);
            await stage.run(use);
          } finally {
            await session.query('ROLLBACK');
          }
        });
      }
    } finally {
      await session.close();
    }
  });

  it('know which casts PostgreSQL has', async () => {
    const site = await Site.create(server);
    const session = await site.session('postgres');
    try {
      const rows =
        await session.query(`SELECT format_type(castsource, NULL) || ' > ' || format_type(casttarget, NULL) AS pair,
        castcontext = 'e' AS asked FROM pg_catalog.pg_cast`);
      const known = new Map(rows.map(row => [String(row.pair), row.asked === 't']));
      assert.deepEqual(
        [...ASSIGNED].filter(pair => known.get(pair) !== false),
        [],
      );
      assert.deepEqual(
        [...EXPLICIT].filter(pair => known.get(pair) !== true),
        [],
      );
    } finally {
      await session.close();
    }
  });

  it('run without a transaction where they use a value that they add to an enum', async () => {
    const [changed, led] = [await Site.create(server), await Site.create(server)];
    const [one, other] = [await changed.session('postgres'), await led.session('postgres')];
    try {
      const { versionNumber } = await readServer(one);
      const [byHand, byFile] = [new Stage(one, versionNumber, 'postgres'), new Stage(other, versionNumber, 'postgres')];
      const base = `CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t(m mood, n mood[] DEFAULT '{sad}'); CREATE TABLE p(m mood) PARTITION BY LIST (m)`;
      for (const stage of [byHand, byFile]) await stage.run(base);
      const uses = [
        "ALTER TABLE t ALTER m SET DEFAULT 'new1'",
        "ALTER TABLE t ALTER n SET DEFAULT '{sad,new2}'",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('new3')",
      ];
      for (const [index, use] of uses.entries()) {
        await byHand.run(`ALTER TYPE mood ADD VALUE 'new${index + 1}'`);
        await byHand.run(use);
        const [before, after] = [await byFile.schema(), await byHand.schema()];
        assert.deepEqual((await byFile.lead(before, after, after.printed)).left, []);
      }
    } finally {
      await one.close();
      await other.close();
    }
  });

  it('name whatever they do not write of everything that the snapshot notices', async () => {
    const [changed, led] = [await Site.create(server), await Site.create(server)];
    const [one, other] = [await changed.session('postgres'), await led.session('postgres')];
    try {
      const { versionNumber } = await readServer(one);
      await readServer(other);
      // The one is changed by hand, the other follows by what is written; what is only told is done there by hand, too.
      const [byHand, byFile] = [new Stage(one, versionNumber, 'postgres'), new Stage(other, versionNumber, 'postgres')];
      for (const stage of [byHand, byFile]) await stage.run(`SET ROLE owner; ${SCHEMA}; RESET ROLE`);
      const told: string[] = [];
      let now = await byFile.schema();
      for (const [what, sql] of Object.entries(CHANGES).filter(([name]) => server.major >= (SINCE[name] ?? 0))) {
        await byHand.run(sql);
        const after = await byHand.schema();
        const { left, schema } = await byFile.lead(now, after, after.printed);
        now = schema;
        if (left.length === 0) continue;
        told.push(what);
        await byFile.run(sql).catch(error => assert.fail(`${what}: ${error}; ${left.join('; ')}`));
        now = await byFile.schema();
      }
      assert.deepEqual(
        told,
        TOLD.filter(what => server.major >= (SINCE[what] ?? 0)),
      );
      for (const stage of [byHand, byFile]) {
        await stage.run('ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub');
      }
    } finally {
      await one.close();
      await other.close();
    }
  });
});
