// Loaded into a command by `node --import`: ends it by SIGKILL just before the effect on files whose number is in KILLED_AT
// (1, 2 …): a link, a rename, a removal, a directory made, other rights, a file opened to be synced. A command with fewer effects ends by
// itself. The effects are the real ones; those of SQLite itself are not counted.
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const wanted = Number(process.env.KILLED_AT);
let seen = 0;

function effect(): void {
  seen += 1;
  if (seen === wanted) process.kill(process.pid, 'SIGKILL');
}

function counted<F extends (...args: never[]) => unknown>(original: F): F {
  return ((...args: never[]) => {
    effect();
    return original(...args);
  }) as F;
}

fs.linkSync = counted(fs.linkSync);
fs.renameSync = counted(fs.renameSync);
fs.rmSync = counted(fs.rmSync);
fs.rmdirSync = counted(fs.rmdirSync);
fs.mkdirSync = counted(fs.mkdirSync);
fs.chmodSync = counted(fs.chmodSync);
fs.chownSync = counted(fs.chownSync);
promises.rename = counted(promises.rename);
promises.open = counted(promises.open);
syncBuiltinESMExports();
