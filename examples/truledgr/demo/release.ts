// One release: its waves in order, each only when the one before is healthy, with somebody using the application all
// the time. Ends when the operator has finished, or when it says that a person is needed: then no further wave goes.
import { type Followed, follow, Page } from './follow.ts';
import type { Kubernetes } from './kubernetes.ts';
import { type Migration, NAMESPACE, readMigration, stepTimes } from './migration.ts';
import { addresses, type Visit } from './people.ts';
import { command, line, mark, quote, seconds, step, styled } from './terminal.ts';
import { applyWave, describeWave, hasMigration, type ImageNames, MANIFESTS, wavesOf } from './waves.ts';

export async function release(kubernetes: Kubernetes, overlay: string, images: ImageNames): Promise<Followed> {
  command(`kubectl apply --server-side -k ${MANIFESTS}/overlays/${overlay}   # here: wave by wave, as Argo CD does`);
  const page = new Page();
  page.skip(await readMigration(kubernetes));
  for (const wave of await wavesOf(kubernetes, `overlays/${overlay}`, images)) {
    await step(`wave ${wave.number}: ${describeWave(wave)}`, () => applyWave(kubernetes, wave));
    if (!hasMigration(wave)) continue;
    const followed = await follow(kubernetes, 'Healthy', page);
    if (followed.outcome === 'Stalled') {
      line();
      return followed;
    }
  }
  const followed = await follow(kubernetes, 'Finished', page);
  line();
  return followed;
}

/** What a person would look at now. */
export async function showState(kubernetes: Kubernetes, migration: Migration): Promise<void> {
  const times = stepTimes(migration);
  if (times !== '') line(`Steps, from its status: ${times}`);
  for (const what of ['dbm', 'dbb', 'deployment']) {
    command(`kubectl -n ${NAMESPACE} get ${what}`);
    quote(await kubernetes.kubectl(['-n', NAMESPACE, 'get', what]));
  }
}

/** Fails the demo when a row is missing: that is the first of the operator's promises. */
export async function showPeople(kubernetes: Kubernetes, visit: Visit, earlier: readonly string[]): Promise<void> {
  const there = new Set(await addresses(kubernetes));
  const missing = [...earlier, ...visit.acknowledged].filter(address => !there.has(address));
  const away = visit.awayMs === 0 ? 'nobody was turned away' : `the app was away for ${seconds(visit.awayMs)}`;
  const told = `${visit.acknowledged.length} people signed up meanwhile, and ${away}`;
  line(`${mark('good')} ${told}, as they saw it`);
  if (missing.length > 0) throw new Error(`rows are missing: ${missing.slice(0, 5).join(', ')}`);
  line(`${mark('good')} all ${there.size} rows that were ever acknowledged are there ${styled('dim', '(GET /users)')}`);
}
