// The few requests to the API server that are made before anything better is there:
// is it ready, does this object exist. Everything else goes by kubectl or a client.

import { request } from 'node:https';

export interface Caller {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
}

export interface Answer {
  /** 0 when nobody answered. */
  readonly status: number;
  readonly body: string;
}

const timeoutMs = 3_000;

export async function get(caller: Caller, path: string): Promise<Answer> {
  return await new Promise(resolve => {
    const nobody = () => resolve({ status: 0, body: '' });
    const headers = { authorization: `Bearer ${caller.token}` };
    const sent = request(new URL(path, caller.server), { ca: caller.ca, headers, agent: false, timeout: timeoutMs });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', nobody);
    sent.on('response', response => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', chunk => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', nobody);
    });
    sent.end();
  });
}
