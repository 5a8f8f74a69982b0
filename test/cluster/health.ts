// What kstatus (Flux, Helm) and Argo CD make of an object's status, by their own code: a Go program with kstatus' library
// and with the Lua that Argo CD runs argocd/health.lua in. Needs Go; asked by the golden tests and the cluster test.
import { join } from 'node:path';
import { healthBinary } from './kit/binaries.ts';
import type { Progress } from './kit/progress.ts';
import { run } from './kit/run.ts';

export interface Health {
  readonly kstatus: { readonly status: string; readonly message: string };
  readonly argo: { readonly status: string; readonly message: string };
}

const SCRIPT = join(import.meta.dirname, '../../argocd/health.lua');

/** One answer per object, in their order. Throws PrerequisiteError where there is no Go. */
export async function healthOf(objects: readonly object[], progress: Progress): Promise<readonly Health[]> {
  const input = objects.map(object => `${JSON.stringify(object)}\n`).join('');
  const output = await run(await healthBinary(progress), [SCRIPT], { input });
  const lines = output.split('\n').filter(line => line !== '');
  const answers = lines.map(line => JSON.parse(line) as Health);
  if (answers.length !== objects.length) throw new Error(`${answers.length} answers to ${objects.length} objects`);
  return answers;
}
