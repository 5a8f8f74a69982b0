// The story that the demo tells: a first release on an empty database, a release with people in the application, and a
// bad release that fails safely. Each chapter says what happens and why, does it, and shows what is left.
import type { Kubernetes } from './kubernetes.ts';
import { conditionOf, NAMESPACE } from './migration.ts';
import { addresses, create, describeAnswer, get, startVisiting } from './people.ts';
import { release, showPeople, showState } from './release.ts';
import { command, line, mark, paragraph, quote, step } from './terminal.ts';
import type { ImageNames } from './waves.ts';

/** An empty database becomes release 005, and the application goes from 0 to 2 Pods. */
export async function firstRelease(kubernetes: Kubernetes, images: ImageNames): Promise<void> {
  const { outcome, migration } = await release(kubernetes, 'first-install', images);
  await showState(kubernetes, migration);
  if (outcome === 'Stalled') throw new Error('the first release did not succeed');
  command('curl http://truledgr-api/health');
  quote(describeAnswer(await get(kubernetes, '/health')));
}

/** Rows by the application itself, so that there is something to lose. */
export async function people(kubernetes: Kubernetes): Promise<void> {
  await step('Ada and Grace sign up, make a group, and sign in', async () => {
    const ada = await create(kubernetes, '/users', { email: 'ada@truledgr.example', display_name: 'Ada' });
    const grace = await create(kubernetes, '/users', { email: 'grace@truledgr.example', display_name: 'Grace' });
    const home = await create(kubernetes, '/groups', { name: 'Home', created_by: ada });
    await create(kubernetes, '/memberships', { group_id: home, user_id: grace });
    await create(kubernetes, '/credentials', { user_id: ada, password: 'correct horse battery staple' });
    await create(kubernetes, '/sessions', { user_id: ada, password: 'correct horse battery staple' });
  });
  await step('another Ada signs up, at another company: remember her', () =>
    create(kubernetes, '/users', { email: 'ada@partner.example', display_name: 'Ada' }),
  );
  line(`the ledger is not there yet: GET /accounts is answered ${describeAnswer(await get(kubernetes, '/accounts'))}`);
}

/** Release 006 while somebody signs up three times a second. */
export async function goodRelease(kubernetes: Kubernetes, images: ImageNames): Promise<void> {
  const earlier = await addresses(kubernetes);
  const visitor = startVisiting(kubernetes, 'six');
  try {
    const { outcome, migration } = await release(kubernetes, 'release-006', images);
    await showState(kubernetes, migration);
    if (outcome === 'Stalled') throw new Error('release 006 did not succeed');
  } finally {
    await visitor.leave();
  }
  await showPeople(kubernetes, await visitor.leave(), earlier);
  await step('Ada writes the first entry into the new ledger', async () => {
    const accounts = await get(kubernetes, '/accounts');
    const [account] = accounts.body as readonly { readonly account_id: string }[];
    const entry = { account_id: account?.account_id, amount_minor: 4200, memo: 'Coffee for the team', entered_by: '1' };
    await create(kubernetes, '/entries', entry);
  });
  line(`GET /accounts is answered ${describeAnswer(await get(kubernetes, '/accounts'))}`);
}

/** Release 007, whose migration fails on real rows after its first two statements worked. */
export async function badRelease(kubernetes: Kubernetes, images: ImageNames): Promise<void> {
  const earlier = await addresses(kubernetes);
  const visitor = startVisiting(kubernetes, 'seven');
  try {
    const { outcome, migration } = await release(kubernetes, 'release-007-bad', images);
    if (outcome !== 'Stalled') throw new Error('release 007 was expected to fail, and it did not');
    line('It needs a person now, and says so. Wave 0, the new code, was never applied. What Ready says:');
    quote(conditionOf(migration, 'Ready')?.message ?? '');
    line();
    await appIsBack(kubernetes);
    await showState(kubernetes, migration);
  } finally {
    await visitor.leave();
  }
  await showPeople(kubernetes, await visitor.leave(), earlier);
  paragraph(
    'The two statements that had worked were rolled back with the one that failed: the schema is what it was, and ' +
      'the same bad plan is not tried again however often it is synced. The way out is to revert the commit:',
  );
  command('kubectl apply --server-side -k examples/truledgr/manifests/overlays/release-006');
}

async function appIsBack(kubernetes: Kubernetes): Promise<void> {
  await kubernetes.kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/truledgr-api', '--timeout=2m']);
  const health = await get(kubernetes, '/health');
  if (health.status !== 200) throw new Error(`the app is not well after the bad release: ${describeAnswer(health)}`);
  line(`${mark('good')} the app is back on the code that fits: GET /health is answered ${describeAnswer(health)}`);
}
