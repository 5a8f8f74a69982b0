// Turns what went wrong with a request into an ApiError: the server's Status object, or the way in which the connection
// broke. Decides what matters most after a failed write: whether it may have happened all the same.
import { ApiError, type RequestEffect } from './errors.ts';

interface Asked {
  readonly verb: string;
  readonly resource: string;
}

/** The part of `metav1.Status` that we read; every field may be missing or of another type. */
interface StatusLike {
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown; readonly causes?: unknown };
}

/** An answer of 300 and above. */
export function answerError(
  asked: Asked,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): ApiError {
  const said = parseStatus(text);
  const header = Number(headers['retry-after']);
  return new ApiError({
    ...statusDetails(asked, said, status),
    status,
    effect: isRead(asked) || status < 500 ? 'None' : 'Unknown',
    ...(Number.isFinite(header) && header >= 0 && headers['retry-after'] !== undefined
      ? { retryAfterSeconds: header }
      : {}),
  });
}

/** The Status object of an ERROR event in a watch. */
export function statusError(asked: Asked, status: unknown): ApiError {
  const said: StatusLike = isObject(status) ? status : {};
  const code = typeof said.code === 'number' ? said.code : 500;
  return new ApiError({ ...statusDetails(asked, said, code), status: code, effect: 'None' });
}

/** No answer, or only a part of one. */
export function brokenConnection(asked: Asked, error: unknown, limit: 'Running' | 'TimedOut' | 'Stopped'): ApiError {
  const code = codeOf(error);
  const text = error instanceof Error && error.message !== '' ? error.message : String(code ?? error);
  const reason =
    limit !== 'Running' ? (limit === 'TimedOut' ? 'TimedOut' : 'Closed') : (REASONS[code ?? ''] ?? 'NoAnswer');
  const says = {
    TimedOut: 'no answer within the time limit',
    Closed: 'stopped before the answer came',
    Silent: 'nothing arrived for too long; the connection may be half open',
    NoAnswer: `the connection failed: ${text}`,
  }[reason];
  return new ApiError({
    status: 0,
    reason,
    message: `${asked.verb} ${asked.resource}: ${says}`,
    effect: effectOf(asked, code),
    cause: error,
  });
}

const REASONS: Readonly<Record<string, 'Silent' | 'TimedOut' | undefined>> = {
  UND_ERR_BODY_TIMEOUT: 'Silent',
  UND_ERR_HEADERS_TIMEOUT: 'TimedOut',
  UND_ERR_CONNECT_TIMEOUT: 'TimedOut',
  TOO_LATE_TO_SEND: 'TimedOut',
};

/** Failures before a byte of the request was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_INVALID_ARG',
  'TOO_LATE_TO_SEND',
]);

function effectOf(asked: Asked, code: string | undefined): RequestEffect {
  return isRead(asked) || (code !== undefined && NEVER_SENT.has(code)) ? 'None' : 'Unknown';
}

function isRead(asked: Asked): boolean {
  return asked.verb === 'get' || asked.verb === 'list' || asked.verb === 'watch';
}

function statusDetails(asked: Asked, said: StatusLike, status: number) {
  const retryAfter = said.details?.retryAfterSeconds;
  return {
    reason: typeof said.reason === 'string' && said.reason !== '' ? said.reason : `Status${status}`,
    message: `${asked.verb} ${asked.resource}: ${typeof said.message === 'string' ? said.message : `HTTP status ${status}`}`,
    causes: causesOf(said.details?.causes),
    ...(typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {}),
  };
}

function causesOf(value: unknown): { field?: string; reason?: string; message?: string }[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map(cause => ({
    ...(typeof cause.field === 'string' ? { field: cause.field } : {}),
    ...(typeof cause.reason === 'string' ? { reason: cause.reason } : {}),
    ...(typeof cause.message === 'string' ? { message: cause.message } : {}),
  }));
}

function parseStatus(text: string): StatusLike {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : {};
  } catch {
    return { message: text.slice(0, 300) };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function codeOf(error: unknown): string | undefined {
  return isObject(error) && typeof error.code === 'string' ? error.code : undefined;
}
