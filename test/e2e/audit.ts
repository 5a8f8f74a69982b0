// The API server's audit log as evidence of what the operator did: requests that it had no right to, its status writes
// with their bodies, and how much it asked. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DatabaseMigration } from '../../src/operator/sources.ts';
import { OPERATOR_USER } from './names.ts';

export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
  readonly requestReceivedTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly responseObject?: unknown;
}

export interface Audit {
  /** What the operator asked for, in order. */
  readonly operator: readonly AuditEvent[];
  /** Values of `secrets` that were seen anywhere, by anybody's request. */
  readonly leaked: readonly string[];
}

/** Events from a time on, in which values that are in no request may not be. */
export async function readAudit(path: string, since: string, secrets: ReadonlySet<string>): Promise<Audit> {
  const operator: AuditEvent[] = [];
  const leaked = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    for (const secret of secrets) if (line.includes(secret)) leaked.add(secret);
    if (!line.includes(OPERATOR_USER)) continue;
    const event: AuditEvent = JSON.parse(line);
    if (event.user?.username === OPERATOR_USER && event.requestReceivedTimestamp >= since) operator.push(event);
  }
  return { operator, leaked: [...leaked] };
}

/** Refused by authorization; a quota or a namespace that terminates refuses with 403 too, and is none of its business. */
export function unauthorized(events: readonly AuditEvent[]): readonly string[] {
  return events
    .filter(event => event.annotations?.['authorization.k8s.io/decision'] === 'forbid')
    .map(event => `${event.verb} ${event.requestURI}: ${event.responseStatus?.message ?? ''}`);
}

export function requestsFor(events: readonly AuditEvent[], resource: string): readonly string[] {
  return events
    .filter(event => event.objectRef?.resource === resource)
    .map(event => `${event.verb} ${event.requestURI}`);
}

/** What each successful status write of a DatabaseMigration left at the API server, in order. */
export function statusWrites(events: readonly AuditEvent[]): readonly DatabaseMigration[] {
  return events
    .filter(
      ({ objectRef, responseStatus }) =>
        objectRef?.resource === 'databasemigrations' &&
        objectRef.subresource === 'status' &&
        responseStatus?.code === 200,
    )
    .map(event => event.responseObject as DatabaseMigration);
}

/** `verb group/resource`, as a role grants it. */
export function rightOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {};
  return `${verb} ${apiGroup === '' ? '' : `${apiGroup}/`}${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** A line for each kind of request, the most frequent first. */
export function countRequests(events: readonly AuditEvent[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const event of events) counts.set(rightOf(event), (counts.get(rightOf(event)) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([right, count]) => `${String(count).padStart(6)}  ${right}`);
}
