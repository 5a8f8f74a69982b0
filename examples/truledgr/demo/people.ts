// The people who use the application while it is released: requests by its Service, and a visitor who signs up several
// times a second and remembers every yes. What was acknowledged must be there afterwards; how long nobody answered is
// the downtime as people see it.
import type { Kubernetes } from './kubernetes.ts';
import { NAMESPACE } from './migration.ts';

const SERVICE = `/api/v1/namespaces/${NAMESPACE}/services/truledgr-api:http/proxy`;
const PAUSE_MS = 300;

export interface Visit {
  /** Addresses that the application said yes to. */
  readonly acknowledged: readonly string[];
  /** From the first request that failed to the next that did not; the longest such time. */
  readonly awayMs: number;
}

export interface Visitor {
  /** Ends when the request that is under way has been answered. A repeat answers the same. */
  leave(): Promise<Visit>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function get(kubernetes: Kubernetes, path: string): Promise<Answer> {
  return answerOf(await kubernetes.request(`${SERVICE}${path}`));
}

export async function post(kubernetes: Kubernetes, path: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return answerOf(
    await kubernetes.request(`${SERVICE}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  );
}

/** Like `post`, for what must succeed; answers the new row's id. */
export async function create(kubernetes: Kubernetes, path: string, body: object): Promise<string> {
  const answer = await post(kubernetes, path, body);
  if (answer.status !== 201) throw new Error(`POST ${path} was answered ${describeAnswer(answer)}`);
  return String((answer.body as { readonly id?: string }).id ?? '');
}

export async function addresses(kubernetes: Kubernetes): Promise<readonly string[]> {
  const answer = await get(kubernetes, '/users');
  if (answer.status !== 200) throw new Error(`GET /users was answered ${describeAnswer(answer)}`);
  return (answer.body as readonly { readonly email: string }[]).map(user => user.email);
}

export function describeAnswer({ status, body }: Answer): string {
  return `${status} ${typeof body === 'string' ? body : JSON.stringify(body)}`;
}

/** Signs up again and again, as a new person each time, until told to leave. */
export function startVisiting(kubernetes: Kubernetes, name: string): Visitor {
  const acknowledged: string[] = [];
  let awayMs = 0;
  let awaySince: number | undefined;
  let isLeaving = false;
  const visit = async (number: number): Promise<void> => {
    const asked = performance.now();
    const email = `${name}-${number}@visitors.example`;
    const answer = await post(kubernetes, '/users', { email, display_name: name }).catch(() => undefined);
    if (answer?.status !== 201) {
      awaySince ??= asked;
      return;
    }
    acknowledged.push(email);
    if (awaySince !== undefined) awayMs = Math.max(awayMs, performance.now() - awaySince);
    awaySince = undefined;
  };
  const visits = (async () => {
    for (let number = 1; !isLeaving; number += 1) {
      await visit(number);
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    leave: async () => {
      isLeaving = true;
      await visits;
      return { acknowledged, awayMs };
    },
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: text.trim() };
  }
}
