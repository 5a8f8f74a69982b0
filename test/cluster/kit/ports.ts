// Free TCP ports of 127.0.0.1, below the range from which the kernel takes ports for
// outgoing connections, so that none is taken between the look and the use.

import { createServer } from 'node:net';

const lowest = 20_000;
const count = 12_000;

export async function freePorts(amount: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < amount) {
    const port = lowest + Math.floor(Math.random() * count);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
