// The operator's own clock is wrong: every limit is held all the same, because time is the API server's.
import { setTimeout as sleep } from 'node:timers/promises';
import { migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const HOUR = 3_600;
const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const START_LIMIT = 10;

/** A run that goes well, then one whose Pod never starts: its limit neither fires at once nor never. */
async function holdsItsLimits(scene: Scene, aheadSeconds: number): Promise<void> {
  await scene.install();
  await scene.apply(RELEASE);
  await scene.startOperator(aheadSeconds);
  await scene.endsWell('001_accounts');
  scene.befall(({ step }) => (step === 'migrate' ? { is: 'NeverStarts' } : undefined));
  await scene.apply(
    { ...RELEASE, migrations: { ...RELEASE.migrations, ...migration('002_groups') } },
    { job: { startDeadlineSeconds: START_LIMIT } },
  );
  const [job] = await scene.until('the Job that migrates is there', async () => {
    const jobs = (await scene.jobs('migrate')).slice(1);
    return jobs.length > 0 && jobs;
  });
  await sleep(3_000);
  const early = (await scene.jobs('migrate')).find(one => one.metadata?.uid === job?.metadata?.uid);
  if (early === undefined || early.metadata?.deletionTimestamp !== undefined)
    throw new Error('the limit of the start fired early');
  await scene.reads(
    { reason: 'PodNotStarted', outlook: 'Stalled', says: [/did not start in 10 s/, /The app runs again/] },
    START_LIMIT + 30,
  );
  await scene.appRuns();
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'clock-ahead',
    title: 'an operator whose clock is an hour ahead gives up nothing early',
    run: scene => holdsItsLimits(scene, HOUR),
  },
  {
    name: 'clock-behind',
    title: 'an operator whose clock is an hour behind holds its limits',
    run: scene => holdsItsLimits(scene, -HOUR),
  },
];
