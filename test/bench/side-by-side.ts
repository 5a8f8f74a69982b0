// Much of the same kind, so many at a time.

/** Does all of it; rejects at the first failure. */
export async function sideBySide(width: number, work: readonly (() => Promise<unknown>)[]): Promise<void> {
  const left = [...work].reverse();
  const worker = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await next();
  };
  await Promise.all(Array.from({ length: width }, worker));
}
