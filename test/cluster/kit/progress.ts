// Progress for people: one line when something begins that may take long, one every
// quarter of a minute while it lasts, one at its end, each with the time taken.

export type Progress = (line: string) => void;

const heartbeatMs = 15_000;

export async function withHeartbeat<T>(what: string, progress: Progress, action: () => Promise<T>): Promise<T> {
  const started = Date.now();
  progress(what);
  const timer = setInterval(() => progress(`… still ${what}: ${elapsed(started)}`), heartbeatMs);
  try {
    const result = await action();
    progress(`done ${what}: ${elapsed(started)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** `7.4 s` below a minute, `3 min 05 s` above. */
export function elapsed(startedMs: number): string {
  const seconds = (Date.now() - startedMs) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
}
