// `migrate wait --for <version>`
import type { Command } from '../command.ts';

export const wait: Command = {
  name: 'wait',
  summary: 'Wait until the database has reached a version; for init containers',
  about: [
    "Needs no more than the application's own role: it asks the ledger's function current_version(). A database that cannot be reached yet, or has no ledger yet, is waited for too. Exit code 10 when the time is over.",
  ],
  options: [
    { flags: '--for <version>', about: 'the version to wait for; a higher one will do as well' },
    { flags: '--timeout <seconds>', about: 'how long (default: 300)' },
  ],
  examples: [{ line: 'migrate wait --for 006_ledger_tables --timeout 600', about: 'in an init container' }],
  takes: ['Database'],
  async run(invocation) {
    const { waitForVersion } = await import('../waiting.ts');
    return waitForVersion(invocation);
  },
};
