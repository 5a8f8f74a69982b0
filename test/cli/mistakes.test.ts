import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Project } from './project.ts';

const ONE = { '001_a.up.sql': 'CREATE TABLE a (n INTEGER);', '001_a.down.sql': 'DROP TABLE a;' };
const KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`;

/** What the command says when it ends with 2, after the word "error:"; on the way it looks for a stack trace. */
async function refusal(project: Project, ...args: readonly string[]): Promise<string> {
  const { code, out, said } = await project.migrate(...args);
  assert.equal(code, 2, said);
  assert.equal(out, '', 'what is said of a mistake is no data');
  assert.doesNotMatch(said, /\n {4}at |mistake of ours/);
  return said.replace(/^error: /, '').trimEnd();
}

describe("A person's mistake on the command line", { concurrency: 3 }, () => {
  it('in a word is answered with the nearest, and with where to read on', async () => {
    const project = new Project(ONE);
    const help = '(see: migrate --help)';
    assert.equal(await refusal(project, 'upgrad'), `unknown command 'upgrad'\n(Did you mean upgrade?)\n${help}`);
    assert.equal(await refusal(project, 'help', 'foo'), `unknown command 'foo'\n${help}`);
    assert.equal(await refusal(project, '--foo'), `unknown option '--foo'\n${help}`);
    assert.match(await refusal(project, 'upgrade', '--dryrun'), /Did you mean --dry-run\?/);
    assert.match(await refusal(project, 'bundle', 'x', '--max-bytes', 'many'), /^--max-bytes must be a whole number/);
  });

  it('is told with the path that is a directory, a file, or not there', async () => {
    const project = new Project(ONE);
    assert.equal(
      await refusal(project, 'sign', '--key', 'migrations'),
      `${project.path('migrations')} is a directory.`,
    );
    assert.equal(
      await refusal(project, 'current', '--config', 'migrations'),
      `${project.path('migrations')} is a directory.`,
    );
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal(await refusal(project, 'erd', '--out', 'migrations'), `${project.path('migrations')} is a directory.`);
    assert.match(await refusal(project, 'validate', '--dir', 'migrations/001_a.up.sql'), /is a file\. Name the folder/);
  });

  it('of an empty value, as of a variable that is not set, is never another place', async () => {
    const project = new Project(ONE);
    assert.equal(
      await refusal(project, 'create', '--dir=', 'more'),
      '--dir is given without a value. Give it one, or leave it out.',
    );
    assert.match(await refusal(project, 'upgrade', '--config', ' '), /^--config is given without a value/);
    assert.match(await refusal(project, 'upgrade', ''), /^\[target\] is given and empty\. It is a version/);
    assert.deepEqual([project.has('001_more.up.sql'), project.has('dev.db')], [false, false]);
  });

  it('in migrate.yaml is told in one sentence', async () => {
    const project = new Project(ONE);
    project.write('migrate.yaml', 'environments: [');
    assert.match(await refusal(project, 'validate'), /migrate\.yaml is not YAML: .* column \d+\.$/);
  });

  it("in the name of the ledger's schema is told before anything is made of it", async () => {
    const project = new Project(ONE);
    for (const [name, rule] of [
      ['Bad Name', /ledgerSchema must be of a-z, 0-9 and _ .*not "Bad Name"\.$/],
      ['public', /ledgerSchema must be a schema of its own, .*not "public"\.$/],
    ] as const) {
      project.write('migrate.yaml', `environments: {dev: {ledgerSchema: "${name}"}}`);
      assert.match(await refusal(project, 'current', '--env', 'dev'), rule);
    }
  });

  it('of an "@" in the password never shows the rest of the password', async () => {
    const project = new Project(ONE, { DATABASE_URL: 'postgresql://me:half@secret@127.0.0.1:1/shop' });
    const said = await refusal(project, 'current');
    assert.doesNotMatch(said, /secret/);
    assert.match(said, /"@" as %40/);
  });

  it('of a name that Kubernetes refuses is told before the manifest is printed', async () => {
    const project = new Project(ONE);
    assert.match(await refusal(project, 'bundle', 'shop', '-n', 'Foo bar'), /"Foo bar" cannot be a namespace/);
    assert.match(await refusal(project, 'bundle', 'Shop'), /"Shop" cannot be the name of a ConfigMap/);
  });

  it('of bundling a signature of other files is refused, for every runner would refuse it', async () => {
    const project = new Project(ONE);
    project.write('release.key', KEY);
    assert.equal((await project.migrate('sign', '--key', 'release.key')).code, 0);
    assert.match((await project.migrate('bundle', 'shop')).out, /migrate-signatures 1/);
    project.write('migrations/001_a.up.sql', 'CREATE TABLE b (n INTEGER);');
    assert.match(await refusal(project, 'bundle', 'shop'), /migrations\.sig was made for other files/);
    assert.equal((await project.migrate('bundle', 'shop', '--key', 'release.key')).code, 0);
  });
});

describe('What a person may expect of the command line', { concurrency: 3 }, () => {
  it('is that a dry run is said to be one, and a run that had nothing to do is not', async () => {
    const project = new Project(ONE);
    assert.equal(((await project.data('upgrade', '--dry-run')) as { dryRun?: boolean }).dryRun, true);
    assert.equal(((await project.data('upgrade')) as { version?: string }).version, '001_a');
    const again: { dryRun?: boolean; version?: string } = await project.data('upgrade');
    assert.deepEqual([again.version, 'dryRun' in again], ['001_a', false]);
  });

  it('is that the folder in migrate.yaml is found from wherever the file is named', async () => {
    const project = new Project();
    project.write('migrate.yaml', 'migrations: db/migrations');
    project.write('db/migrations/001_a.up.sql', 'CREATE TABLE a (n INTEGER);');
    project.write('elsewhere/migrate.yaml', 'migrations: ../db/migrations');
    assert.match((await project.migrate('current', '--config', 'elsewhere/migrate.yaml')).out, /1 migration pending/);
    assert.match(
      (await project.migrate('current', '--config', project.path('migrate.yaml'))).out,
      /1 migration pending/,
    );
  });

  it('is to be told where no pending migrations are seen for want of a folder', async () => {
    const { code, said } = await new Project().migrate('current');
    assert.deepEqual([code, /^note: there is no folder .*migrations/.test(said)], [0, true]);
  });

  it('is sentences, also where waiting was in vain', async () => {
    const project = new Project(ONE, { DATABASE_URL: 'postgresql://me@127.0.0.1:1/shop' });
    const { code, said } = await project.migrate('wait', '--for', '001_a', '--timeout', '0');
    assert.equal(code, 10);
    assert.match(said, /error: 001_a was not reached within 0 s\. The database .* cannot be reached: .*[^.]\.\n$/);
  });

  it('is a drawing that GitHub shows in a Markdown file', async () => {
    const project = new Project(ONE);
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal((await project.migrate('erd', '--out', 'schema.md')).code, 0);
    assert.match(project.read('schema.md'), /^```mermaid\nerDiagram\n[^`]*\n```\n$/);
    assert.equal((await project.migrate('erd', '--out', 'schema.md', '--check')).code, 0);
  });

  it('is a file name that can be read, of words in other languages', async () => {
    const { files } = (await new Project().data('create', 'Größe ændern, Łódź')) as { files: readonly string[] };
    assert.equal(files[0], 'migrations/001_grosse_aendern_lodz.up.sql');
  });

  it('of an option of check that goes with another is told before the database is asked', async () => {
    const project = new Project({}, { DATABASE_URL: 'postgresql://nobody@localhost:1/nothing' });
    for (const options of [['--to', '1'], ['--disposable-server']]) {
      const run = await project.migrate('check', ...options);
      assert.equal(run.code, 2, run.said);
      assert.match(run.said, /goes with --from-files/);
    }
  });
});
