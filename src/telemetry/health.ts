// The HTTP port for kubelet and Prometheus: /healthz (do the workers move?), /readyz (have the caches been filled?) and
// /metrics. Neither probe asks the API server or a database: their bad days must not restart us.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Undefined: well; else what is wrong, for a person. */
type HealthCheck = () => string | undefined;

export interface HealthOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default: all interfaces, for kubelet is not on ours. */
  readonly host?: string;
  readonly live: HealthCheck;
  readonly ready: HealthCheck;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  /** Closes the port and every connection to it. */
  stop(): Promise<void>;
}

export function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://health').pathname;
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD\n');
    if (path === '/healthz') return answerCheck(response, options.live);
    if (path === '/readyz') return answerCheck(response, options.ready);
    if (path !== '/metrics') return answer(response, 404, 'there are /healthz, /readyz and /metrics\n');
    return void options.metrics().then(
      ({ contentType, text }) => answer(response, 200, text, contentType),
      error => answer(response, 500, `the metrics cannot be collected: ${error}\n`),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        stop: () =>
          new Promise(closed => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answerCheck(response: ServerResponse, check: HealthCheck): void {
  const trouble = check();
  if (trouble === undefined) answer(response, 200, 'ok\n');
  else answer(response, 503, `${trouble}\n`);
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType }).end(text);
}
