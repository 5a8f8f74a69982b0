// The last look at the clock before a request's first byte leaves. A process that was frozen (SIGSTOP, a suspended
// machine) while a connection was being made would, on waking, send the request before any timer has run: a write of a
// leader whose lease is long over. Used by transport.ts for every request.
import type { Dispatcher } from 'undici';

/** Rides along with a request through undici. */
export interface Deadline {
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
}

/** `code` tells failures.ts that nothing was sent. */
class TooLateError extends Error {
  override readonly name = 'TooLateError';
  readonly code = 'TOO_LATE_TO_SEND';
}

export const refuseLate: Dispatcher.DispatcherComposeInterceptor = dispatch => (options, handler) => {
  const { opaque } = options as { opaque?: Deadline };
  return dispatch(options, {
    // undici calls this when the connection is there and before it writes; what is thrown here ends the request.
    onRequestStart: (controller, context) => {
      if (opaque !== undefined && performance.now() > opaque.deadlineMs) throw new TooLateError('its time was over');
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...all) => handler.onRequestUpgrade?.(...all),
    onResponseStart: (...all) => handler.onResponseStart?.(...all),
    onResponseData: (...all) => handler.onResponseData?.(...all),
    onResponseEnd: (...all) => handler.onResponseEnd?.(...all),
    onResponseError: (...all) => handler.onResponseError?.(...all),
  });
};
