// Scratch databases that commands have left on a PostgreSQL server: the next command drops what is known to be nobody's any
// more, and nothing else.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { Options } from '../../src/cli/options.ts';
import { makeScratch } from '../../src/cli/postgres/scratch.ts';
import { Sessions } from '../../src/cli/postgres/sessions.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { serverForTests, until } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
server.psql('ALTER ROLE owner CREATEDB; ALTER ROLE app CREATEDB');
const DATABASE_URL = await server.createDatabase('shop');
const project = new Project(
  { '001_a.up.sql': 'CREATE TABLE a (n int);', '001_a.down.sql': 'DROP TABLE a;' },
  { DATABASE_URL, MIGRATE_POSTGRES_BINARIES: server.binaries },
);

const scratches = () =>
  server
    .psql("SELECT datname FROM pg_database WHERE datname LIKE 'migrate\\_scratch%' ORDER BY 1")
    .split('\n')
    .filter(name => name !== '');
const connected = (name: string) => server.psql(`SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}'`);

/** A scratch database as a command of another process holds it. */
async function held() {
  const quiet = new PassThrough();
  const surroundings = {
    terminal: new Terminal(quiet as never, quiet as never, quiet as never, {}),
    signal: new AbortController().signal,
    letSignalsEnd: () => {},
  };
  const settings = await readSettings(new Options({}), { environment: { DATABASE_URL }, directory: project.directory });
  return makeScratch(new Sessions(settings, surroundings), 'Empty', surroundings);
}

describe('A scratch database that was left', () => {
  it('by a command that was killed is dropped by the next that makes one, which says so', async () => {
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.write('migrations/002_long.up.sql', 'SELECT pg_sleep(600);');
    project.write('migrations/002_long.down.sql', 'SELECT 1;');
    const { child, ended } = project.start(['test-copy']);
    const isAtWork = () =>
      server.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") !== '0';
    await until('the copy is being migrated', isAtWork, 60_000);
    child.kill('SIGKILL');
    await ended;
    const [left = '', ...more] = scratches();
    assert.deepEqual(more, []);
    server.psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${left}'`);
    await until('its sessions have ended', () => connected(left) === '0');
    const next = await project.migrate('check', '--from-files', '--to', '001_a');
    assert.equal(next.code, 0, next.said);
    assert.match(next.said, new RegExp(`^removing database ${left}, which an interrupted command has left$`, 'm'));
    assert.deepEqual(scratches(), []);
  });

  it('is not one that its command still holds, though nobody is connected to it', async () => {
    const { name, remove } = await held();
    assert.equal(connected(name), '0');
    const meanwhile = await project.migrate('check', '--from-files', '--to', '001_a');
    assert.deepEqual([meanwhile.code, meanwhile.said.includes(name), scratches()], [0, false, [name]], meanwhile.said);
    await remove();
    assert.deepEqual(scratches(), []);
  });

  it('and does not say whose it is, is named with the statement that drops it; those of others are not', async () => {
    const [unmarked, others] = ['migrate_scratch_0123456789ab', 'migrate_scratch_0123456789ac'];
    server.psql(`CREATE DATABASE ${unmarked} OWNER owner`);
    server.psql(`CREATE DATABASE ${others} OWNER app`);
    server.psql('CREATE DATABASE migrate_scratch_mine OWNER owner');
    const run = await project.migrate('check', '--from-files', '--to', '001_a');
    assert.match(
      run.said,
      /^note: database migrate_scratch_0123456789ab looks like .* DROP DATABASE migrate_scratch_0123456789ab$/m,
    );
    assert.doesNotMatch(run.said, new RegExp(`${others}|scratch_mine`));
    assert.deepEqual(scratches(), [unmarked, others, 'migrate_scratch_mine']);
  });
});
