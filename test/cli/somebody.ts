// Whether a test can run a command as another user of the machine: only root can, and that one must be able to read this tree.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { SOMEBODY } from './project.ts';

/** Why no command can be run as somebody else; false where it can. */
export const whyNobodyElse: string | false = obstacle();

/** For a test of one who may not do everything: somebody else where this is root. */
export const whyNobodyLess: string | false = process.getuid?.() === 0 && whyNobodyElse;

function obstacle(): string | false {
  if (process.getuid?.() !== 0) return 'only root can become somebody';
  const program = join(import.meta.dirname, '../../src/cli/main.ts');
  const args = ['-e', 'require("node:fs").readFileSync(process.argv[1])', program];
  const { status } = spawnSync(process.execPath, args, { uid: SOMEBODY, gid: SOMEBODY, cwd: '/' });
  return status !== 0 && 'somebody else may not read this working tree';
}
