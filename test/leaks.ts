// Preloaded into every test file (`--import ./test/leaks.ts`): a file that leaves a timer, a socket, a server, a watch or a
// child process behind fails, after its last hook, and is ended a little later: a leak is a failure and never a hang. What
// closes in a moment is given that moment. Not by `--test-force-exit`: it ends a process before all its results were told,
// and tests whose results are lost count as if they had never been.
import { AsyncResource } from 'node:async_hooks';
import { after, beforeEach } from 'node:test';

const PATIENCE_MS = 1_000;
/** Time for the results to reach whoever reads them. */
const END_MS = 5_000;

/** Pipes are stdin, stdout and stderr (a child's are gone with its ProcessWrap); the others are about to end by themselves. */
const HARMLESS: ReadonlySet<string> = new Set(['PipeWrap', 'TTYWrap', 'FSReqCallback', 'FSReqPromise', 'Immediate']);

// `after` hooks run in the order in which they were registered. The file's own must run before ours, so ours is registered
// at the first test, by when the file was read to its end; and at the root, not at that test.
const root = new AsyncResource('leaks');
let isRegistered = false;
beforeEach(() => {
  if (isRegistered) return;
  isRegistered = true;
  root.runInAsyncScope(() => after(expectNothingLeft));
});

async function expectNothingLeft(): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (leftBehind().length > 0 && performance.now() < deadline) {
    await new Promise(resolve => setImmediate(resolve));
  }
  const left = leftBehind();
  if (left.length === 0) return;
  setTimeout(() => process.exit(1), END_MS).unref();
  throw new Error(`This test file leaves behind: ${left.join(', ')}. Close what it opened.`);
}

function leftBehind(): readonly string[] {
  return process.getActiveResourcesInfo().filter(resource => !HARMLESS.has(resource));
}
