// Loaded into a command by `node --import`: no file gets a second name, as on a file system without links, or where the kernel
// lets nobody link to a file of somebody else.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

fs.linkSync = () => {
  throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
};
syncBuiltinESMExports();
