// A request to the API server as another client than ours would make it: with the field validation that it asks for, by
// create or by server-side apply, and with the warnings of the answer.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#setting-the-field-validation-level
import { request } from 'node:https';
import { API_VERSION } from '../../src/api/names.ts';
import type { Upstream } from '../control/world.ts';

export interface Answer {
  readonly code: number;
  /** Of the Status object, when it is one. */
  readonly message: string;
  readonly warnings: readonly string[];
}

export type Manner = 'Strict' | 'Warn' | 'Apply';

export async function submit(
  upstream: Upstream,
  namespace: string,
  manner: Manner,
  object: { readonly metadata: { readonly name: string }; readonly spec: unknown },
): Promise<Answer> {
  const collection = `/apis/${API_VERSION}/namespaces/${namespace}/databasemigrations`;
  const body = { apiVersion: API_VERSION, kind: 'DatabaseMigration', ...object };
  if (manner !== 'Apply') return send(upstream, 'POST', `${collection}?fieldValidation=${manner}`, body);
  const path = `${collection}/${object.metadata.name}?fieldManager=somebody`;
  return send(upstream, 'PATCH', path, body, 'application/apply-patch+yaml');
}

function send(
  { server, tls, headers }: Upstream,
  method: string,
  path: string,
  body: unknown,
  contentType = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      new URL(path, server),
      { method, ...tls, headers: { ...headers, 'content-type': contentType }, agent: false },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const { message = '' } = JSON.parse(text) as { message?: string };
          resolve({ code: response.statusCode ?? 0, message, warnings: warningsOf(response.headers.warning) });
        });
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

/** `299 - "unknown field …"`, several in one header. */
function warningsOf(header: string | undefined): readonly string[] {
  return [...(header ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );
}
