// Puts the question "do we still lead?" before every write. Reads pass. A leader that was frozen past its lease and
// wakes up in the middle of a pass writes nothing: its next write is refused here, before anything is sent.
import type { Api } from '../../kubernetes/api.ts';
import type { Leadership } from './leader-election.ts';

/** The pass must end. Tried again like any failure: the lease may be renewed yet, or the process ends. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';

  constructor(verb: string, kind: string, name: string) {
    super(`${verb} of ${kind} ${name} was not sent: this process holds no lease that is renewed`);
  }
}

export function guardWrites(api: Api, leadership: Leadership): Api {
  const mayWrite = (verb: string, kind: string, name: string): void => {
    if (!leadership.isLeading()) throw new NotLeadingError(verb, kind, name);
  };
  return {
    get: (resource, namespace, name) => api.get(resource, namespace, name),
    list: (resource, options) => api.list(resource, options),
    async create(resource, namespace, body) {
      mayWrite('creation', resource.kind, nameOf(body));
      return api.create(resource, namespace, body);
    },
    async replace(resource, body, subresource) {
      mayWrite('update', resource.kind, nameOf(body));
      return api.replace(resource, body, subresource);
    },
    async patch(resource, namespace, name, body, options) {
      mayWrite('patch', resource.kind, name);
      return api.patch(resource, namespace, name, body, options);
    },
    async delete(resource, namespace, name, options) {
      mayWrite('deletion', resource.kind, name);
      return api.delete(resource, namespace, name, options);
    },
  };
}

function nameOf(body: unknown): string {
  return (body as { metadata?: { name?: string } } | null)?.metadata?.name ?? 'without a name';
}
