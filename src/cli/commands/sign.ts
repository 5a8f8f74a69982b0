// `migrate sign --key <file>`
import { join, relative, resolve } from 'node:path';
import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';
import { writeText } from '../folder.ts';

export const sign: Command = {
  name: 'sign',
  summary: 'Sign the migrations: writes migrations.sig beside them',
  about: [
    'ed25519 over the checksums of every file and over the list of all, so that none can be changed, added or removed. Make a key with `openssl genpkey -algorithm ed25519 -out release.key` or `ssh-keygen -t ed25519 -N "" -f release.key`.',
  ],
  options: [
    { flags: '--key <file>', about: 'private key, PEM or OpenSSH, without a passphrase' },
    {
      flags: '--dialect <name>',
      about: 'sqlite or postgresql (default: that of the URL, else postgresql)',
      choices: ['sqlite', 'postgresql'],
    },
  ],
  examples: [{ line: 'migrate sign --key release.key', about: 'before the commit of a release' }],
  takes: ['Files', 'Database'],
  async run(invocation) {
    const [{ signatureText, signedText }, { chosenDialect, readFolder }, { SIGNATURE_FILE }] = await Promise.all([
      import('../signing.ts'),
      import('../source.ts'),
      import('../../engine/source/signatures.ts'),
    ]);
    const { terminal, settings, options } = invocation;
    const key = options.text('key');
    if (key === undefined) throw new UsageError('Name the private key: migrate sign --key release.key');
    const source = await readFolder(settings, chosenDialect(options.text('dialect'), settings));
    const file = join(settings.migrations, SIGNATURE_FILE);
    writeText(file, signatureText(source, resolve(settings.directory, key)));
    terminal.print(
      `${relative(settings.directory, file)} signs ${signedText(source)}, up to ${source.migrations.at(-1)?.version}`,
    );
    return 0;
  },
};
