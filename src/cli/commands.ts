// Every command, in the order of the help. A command that is not here is not in the help, the docs or the completion.
import type { Command } from './command.ts';
import { backup } from './commands/backup.ts';
import { baseline } from './commands/baseline.ts';
import { bundle } from './commands/bundle.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { create } from './commands/create.ts';
import { current } from './commands/current.ts';
import { downgrade } from './commands/downgrade.ts';
import { erd } from './commands/erd.ts';
import { history } from './commands/history.ts';
import { restore } from './commands/restore.ts';
import { show } from './commands/show.ts';
import { sign } from './commands/sign.ts';
import { testCopy } from './commands/test-copy.ts';
import { upgrade } from './commands/upgrade.ts';
import { validate } from './commands/validate.ts';
import { verify } from './commands/verify.ts';
import { wait } from './commands/wait.ts';

export const COMMANDS: readonly Command[] = [
  ...[create, validate, show, upgrade, downgrade, current, history],
  ...[check, testCopy, baseline, wait],
  ...[backup, restore, erd, sign, verify, bundle, completion],
];
