// `migrate verify --keys <file>`
import { resolve } from 'node:path';
import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'Check that the migrations are signed by a key that is trusted; exit code 23 if not',
  options: [
    { flags: '--keys <file>', about: 'public keys, PEM or OpenSSH lines, several in one file' },
    {
      flags: '--dialect <name>',
      about: 'sqlite or postgresql (default: that of the URL, else postgresql)',
      choices: ['sqlite', 'postgresql'],
    },
  ],
  examples: [{ line: 'migrate verify --keys release.pub', about: 'in CI' }],
  takes: ['Files', 'Database'],
  async run(invocation) {
    const [{ signedText, verifyFolder }, { chosenDialect, readFolder }] = await Promise.all([
      import('../signing.ts'),
      import('../source.ts'),
    ]);
    const { terminal, settings, options } = invocation;
    const keys = options.text('keys');
    if (keys === undefined)
      throw new UsageError('Name the public keys that are trusted: migrate verify --keys release.pub');
    const source = await readFolder(settings, chosenDialect(options.text('dialect'), settings));
    await verifyFolder(source, resolve(settings.directory, keys));
    terminal.print(terminal.styled('good', `Signed by a trusted key: ${signedText(source)}.`));
    return 0;
  },
};
