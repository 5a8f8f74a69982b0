// Jobs whose Pods do not start, or die.
import { migration } from '../../control/objects.ts';
import type { Scenario } from '../scene.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;

export const scenarios: readonly Scenario[] = [
  {
    name: 'image-before-stop',
    title: 'an image that cannot be pulled stops nothing, and the run goes on when it can',
    async run(scene) {
      const mended = Promise.withResolvers<void>();
      scene.befall(({ step }) => (step === 'plan' ? { is: 'ImagePullFails', until: mended.promise } : undefined));
      await scene.install();
      await scene.apply(RELEASE);
      await scene.startOperator();
      await scene.reads({
        reason: 'WaitingForImage',
        outlook: 'Reconciling',
        says: [/Back-off pulling image "runner:played"/, /Nothing is stopped/],
      });
      await scene.appRuns();
      mended.resolve();
      await scene.endsWell('001_accounts');
    },
  },
];
