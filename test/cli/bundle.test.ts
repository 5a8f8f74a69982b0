// The bundle of the command line, as the image has it: what is loaded late is found, and says the same as the source.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildBundle } from '../../build.ts';
import { Project } from './project.ts';

const folder = mkdtempSync(join(tmpdir(), 'migrate-bundle-'));
after(() => rmSync(folder, { recursive: true, force: true }));
await buildBundle('cli', folder);
const BUNDLE = join(folder, 'main.js');

const FILES = {
  '001_users.up.sql': 'CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);',
  '001_users.down.sql': 'DROP TABLE users;',
  '002_tags.up.sql': 'CREATE TABLE tags (id integer PRIMARY KEY, users_id integer REFERENCES users);',
  '002_tags.down.sql': 'DROP TABLE tags;',
};

test('what writes nothing ends in the bundle as it does from the source', async () => {
  const project = new Project(FILES);
  project.write('migrate.yaml', 'migrations: migrations');
  const up = await project.start(['upgrade', '001_users'], {}, BUNDLE).ended;
  assert.equal(up.code, 0, up.said);
  const commands = [
    ...[['--help'], ['no-such-command'], ['upgrade', '001_users'], ['upgrade', '--dry-run', '-o', 'yaml']],
    ...[
      ['validate', '--dialect', 'postgresql'],
      ['current', '--dir', 'nowhere'],
      ['check', '-o', 'json'],
    ],
    ...[
      ['erd', '--format', 'svg'],
      ['bundle', 'migrations'],
    ],
  ];
  await Promise.all(
    commands.map(async command => {
      const [bundled, source] = await Promise.all([
        project.start(command, {}, BUNDLE).ended,
        project.migrate(...command),
      ]);
      assert.deepEqual(bundled, source, command.join(' '));
    }),
  );
});
