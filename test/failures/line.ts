// The way from Pods to a database, which a test can cut and mend: a TCP forwarder on 127.0.0.1. Cut, it breaks every
// connection and takes new ones only to break them.
import { connect, createServer, type Socket } from 'node:net';

export interface Line {
  /** The same URL with the forwarder's port. */
  readonly url: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openLine(url: string): Promise<Line> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let state: 'whole' | 'cut' = 'whole';
  const server = createServer(near => {
    if (state === 'cut') return near.destroy();
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    return undefined;
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');
  const through = new URL(url);
  through.port = String(address.port);
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    cut() {
      state = 'cut';
      breakAll();
    },
    mend() {
      state = 'whole';
    },
    async close() {
      breakAll();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
