// What the API server, or the way to it, refused. One error type for every failed request, so that the reconcile loop
// can choose a delay and the status can say a reason. Its message never holds a request's body or credentials.

/** What a failed request may have done to the cluster. */
export type RequestEffect =
  /** The server answered: nothing was written. */
  | 'None'
  /** No complete answer (reset, time limit, gateway): a write may or may not have happened. Read before you repeat. */
  | 'Unknown';

export interface ApiErrorDetails {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** `reason` of the server's Status object (`AlreadyExists`, `Conflict`, …), or `NoAnswer`, `TimedOut`, `Closed`, `Unreadable`. */
  readonly reason: string;
  readonly message: string;
  readonly effect: RequestEffect;
  /** `details.causes` of a 422: which field, and what is wrong with it. */
  readonly causes?: readonly { readonly field?: string; readonly reason?: string; readonly message?: string }[];
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;
  readonly effect: RequestEffect;
  readonly causes: NonNullable<ApiErrorDetails['causes']>;
  readonly retryAfterSeconds: number | undefined;

  constructor(details: ApiErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason;
    this.effect = details.effect;
    this.causes = details.causes ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

// The questions below answer with a plain boolean: as type guards they would tell the compiler that an error of which
// they are not true is no ApiError at all.

/** Somebody else wrote first, or a uid or resourceVersion precondition failed: read again, decide again. */
export function isConflict(error: unknown): boolean {
  return (error instanceof ApiError && error.status === 409 && error.reason !== 'AlreadyExists') || isOtherUid(error);
}

/** How the API server (1.37) answers a patch that names the uid of an earlier object; subresources answer 409. */
function isOtherUid(error: unknown): boolean {
  return (
    error instanceof ApiError && error.status === 422 && error.causes.some(cause => cause.field === 'metadata.uid')
  );
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason === 'AlreadyExists';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** 410: the resourceVersion or continue token is older than what the server remembers. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

/** A ResourceQuota said no: a 403 that time or an administrator may heal, and not a matter of rights. */
export function isQuotaExceeded(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && error.message.includes('exceeded quota');
}

/** The namespace is going away: nothing can be created in it. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status === 403 &&
    (error.causes.some(cause => cause.reason === 'NamespaceTerminating') ||
      error.message.includes('because it is being terminated'))
  );
}

/** Authorization said no: not a quota, not a terminating namespace. Admission webhooks and policies may also answer 403. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && !isQuotaExceeded(error) && !isNamespaceTerminating(error);
}

/** 422: the object is wrong. `causes` says where. */
export function isInvalid(error: unknown): boolean {
  return error instanceof ApiError && error.status === 422 && !isOtherUid(error);
}

/** The server or the way to it has a bad moment: the same request may do well later. */
export function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}
