import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseJobResult } from '../../src/api/job-contract.ts';
import { PASSWORDS } from '../postgres.ts';
import { EXECUTION, OWNER, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();
const scratch = mkdtempSync(join(tmpdir(), 'migrate-runner-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

let runs = 0;

/** Runs main.ts as a container does. */
function start(args: readonly string[], environment: Readonly<Record<string, string>>) {
  runs += 1;
  const file = join(scratch, `result-${runs}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/runner/main.ts'), ...args], {
    env: { PATH: process.env.PATH ?? '', MIGRATE_RESULT_FILE: file, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise<{ code: number | null; output: string; text: string }>(resolve => {
    child.once('close', code => {
      let text = '';
      try {
        text = readFileSync(file, 'utf8');
      } catch {
        // No result was written.
      }
      resolve({ code, output, text });
    });
  });
  return { child, ended };
}

const job = (step: string, more: object) =>
  JSON.stringify({
    step,
    contract: 1,
    resource: 'shop/truledgr',
    owner: OWNER,
    attempt: 1,
    runId: 1,
    job: 'a-job',
    ledgerSchema: 'migrate',
    ...more,
  });
const planJob = job('plan', {
  target: 'latest',
  strategy: 'Recreate',
  execution: EXECUTION,
  appRoles: [],
  backups: 'NotMounted',
});

describe('The runner', () => {
  for (const [what, args, environment] of [
    ['without a step', [], {}],
    ['with an unknown step', ['dance'], {}],
  ] as const) {
    it(`${what} ends with 2`, async () => {
      const { code, output } = await start(args, environment).ended;
      assert.equal(code, 2);
      assert.match(output, /plan, backup, migrate, settle, validate/);
    });
  }

  for (const [what, input] of [
    ['no input', ''],
    ['garbled input', '{"step":'],
    ['input of another contract', planJob.replace('"contract":1', '"contract":2')],
    ['input for another step', job('settle', { appRoles: [] })],
    ['input that lacks a field', planJob.replace('"target":"latest",', '')],
  ] as const) {
    it(`with ${what} ends with 2 and a result that says so`, async () => {
      const { code, text } = await start(['plan'], { MIGRATE_JOB: input, DATABASE_URL: 'postgresql://u@h/d' }).ended;
      assert.equal(code, 2);
      const result = parseJobResult(text);
      assert.deepEqual([result?.kind, result?.exitCode, result?.error?.code], ['PlanResult', 2, 'BadInput']);
    });
  }

  it('writes its result, and its password nowhere', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'SELECT 1' });
    const environment = {
      MIGRATE_JOB: planJob,
      DATABASE_URL: site.url,
      MIGRATE_MIGRATIONS_DIRECTORY: site.migrations,
    };
    const { code, text, output } = await start(['plan'], environment).ended;
    assert.equal(code, 0, output);
    const result = parseJobResult(text);
    assert.equal(result?.kind === 'PlanResult' && result.plan?.target, '001_a');
    for (const secret of [PASSWORDS.owner, encodeURIComponent(PASSWORDS.owner)]) {
      assert.equal(`${text}${output}`.includes(secret), false);
    }
  });

  it('hides a password that a migration puts into an error, be that a megabyte long', async () => {
    const long = "repeat('ab', 500000)";
    const site = await Site.create(server, {
      '001_a.up.sql': `DO $$ BEGIN
        RAISE NOTICE 'using ${PASSWORDS.owner} %', ${long};
        RAISE EXCEPTION 'cannot use ${PASSWORDS.owner} % ${PASSWORDS.owner}', ${long};
      END $$`,
    });
    const result = await site.migrate();
    assert.equal(result.exitCode, 20);
    assert.match(result.error?.message ?? '', /cannot use \*\*\*/);
    assert.equal(`${JSON.stringify(result)}${site.log.join()}`.includes(PASSWORDS.owner), false);
  });

  it('hides the value at which a statement fails, and what a value was taken to name', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'CREATE TABLE c(c text)' });
    assert.equal((await site.migrate()).exitCode, 0);
    const LEFT_OUT = 'the name stands in no statement of the file: the log of the server has it';
    for (const [value, expression, said] of [
      ['4111111111111111', 'c::int', 'value "…" is out of range for type integer (SQLSTATE 22003)'],
      ['1e999', 'c::float8', '"…" is out of range for type double precision (SQLSTATE 22003)'],
      ['S3" cret', "to_date(c, 'YYYY-MM-DD')", 'invalid value "…" (SQLSTATE 22007)'],
      ['Secretville', "timestamp '2020-01-01' AT TIME ZONE c", 'time zone "…" not recognized (SQLSTATE 22023)'],
      ['S3cret', "date_part(c, timestamp '2020-01-01')", /^(timestamp units|unit) "…" not recognized/],
      ['S3cret', 'c::regclass', `relation "…" does not exist (SQLSTATE 42P01); ${LEFT_OUT}`],
      ['S3cret', 'current_setting(c)', `unrecognized configuration parameter "…" (SQLSTATE 42704); ${LEFT_OUT}`],
      ['S3cret', 'c::int; SELECT 1 FROM nowhere', /^invalid input syntax for (type )?integer \(SQLSTATE 22P02\)/],
      ['5', 'c::int; SELECT 1 FROM nowhere', 'relation "nowhere" does not exist (SQLSTATE 42P01)'],
    ] as const) {
      site.sql(`TRUNCATE c; INSERT INTO c VALUES ('${value}')`);
      site.write('002_b.up.sql', `ALTER TABLE c ALTER c TYPE text USING ${expression}`);
      site.runId += 1;
      const result = await site.migrate();
      const reason = /failed: (.*?)\.?$/.exec(result.error?.message ?? '')?.[1] ?? '';
      if (typeof said === 'string') assert.equal(reason, said);
      else assert.match(reason, said);
      assert.equal(`${JSON.stringify(result)}${site.log.join()}`.includes(value.slice(0, 5)) && value !== '5', false);
    }
  });

  it('hides what the server quotes of a connection string', async () => {
    for (const text of [
      'host=h user=u password=T0p S3cret',
      'host=h passphrase=S3cret',
      'postgresql://u:S3%zzcret@h/d',
    ]) {
      const site = await Site.create(server, {
        '001_s.up.sql': `CREATE SUBSCRIPTION s CONNECTION '${text}' PUBLICATION p WITH (connect = false)`,
      });
      const environment = { databaseUrl: server.url('postgres', site.name) };
      const result = await site.migrate({ environment });
      assert.equal(result.exitCode, 20);
      assert.match(result.error?.message ?? '', /"…"/);
      assert.doesNotMatch(`${JSON.stringify(result)}${site.log.join()}`, /S3|cret|passphrase/);
    }
  });

  it('told to end by SIGTERM rolls back, says so and leaves no session', async () => {
    const site = await Site.create(server, { '001_slow.up.sql': 'CREATE TABLE slow(id int); SELECT pg_sleep(60)' });
    const plan = await site.planned();
    const input = job('migrate', {
      attempt: 7,
      strategy: 'Recreate',
      execution: EXECUTION,
      appRoles: [],
      from: plan.version,
      to: plan.target,
      sourceDigest: plan.sourceDigest,
      ledgerDigest: plan.ledgerDigest,
    });
    const { child, ended } = start(['migrate'], {
      MIGRATE_JOB: input,
      DATABASE_URL: site.url,
      MIGRATE_MIGRATIONS_DIRECTORY: site.migrations,
    });
    await until(
      'it is at work',
      () => site.sql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") !== '0',
    );
    const told = Date.now();
    child.kill('SIGTERM');
    const { code, text } = await ended;
    assert.equal(code, 12);
    assert.ok(Date.now() - told < 5_000);
    const result = parseJobResult(text);
    assert.equal(result?.kind === 'MigrateResult' && result.wrote, true);
    assert.deepEqual(site.sessions, []);
    assert.equal(site.hasTable('slow'), false);
  });
});

describe('Validate', () => {
  it('passes when every check has its status, and tells each answer without a body', async () => {
    let asked = 0;
    const web = createServer((request, response) => {
      asked += 1;
      const isReady = request.url === '/moved' || asked > 2;
      response.writeHead(request.url === '/moved' ? 302 : isReady ? 200 : 503, { location: '/' });
      response.end('S3CRET body');
    });
    await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve));
    const address = web.address();
    const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const site = await Site.create(server);
    const http = [
      { name: 'health', url: `${base}/health?token=S3CRET`, expectedStatus: 200 },
      { name: 'moved', url: `${base}/moved`, expectedStatus: 302 },
    ];
    const passed = await site.validate({ http, timeoutSeconds: 10 });
    assert.equal(passed.exitCode, 0);
    assert.deepEqual(
      passed.checks.map(check => [check.name, check.answer, check.message]),
      [
        ['health', 'Passed', '200'],
        ['moved', 'Passed', '302'],
      ],
    );
    await new Promise(resolve => web.close(resolve));
    const failed = await site.validate({ http, timeoutSeconds: 1 });
    assert.deepEqual([failed.exitCode, failed.error?.code], [1, 'ValidationFailed']);
    assert.deepEqual(
      failed.checks.map(check => check.message),
      ['connection refused', 'connection refused'],
    );
    assert.doesNotMatch(JSON.stringify([passed, failed]) + site.log.join(), /S3CRET/);
  });

  it('without checks has nothing to ask', async () => {
    const site = await Site.create(server);
    assert.equal((await site.validate()).exitCode, 0);
  });
});
