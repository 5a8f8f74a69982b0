// Does the app's manifest fit a version of the database? Its Pod template says so with the annotations min-version and
// max-version; without a maximum, under Recreate and for downgrades it means exactly the minimum.
import { compareVersions } from '../../api/versions.ts';
import type { LiveWorkload } from './world.ts';

export type Fit = 'Fits' | 'DoesNotFit' | 'Unannotated';
/** What a template without max-version means by its silence. */
export type Maximum = 'Minimum' | 'None';

export function fitOf(workload: LiveWorkload, version: string | null, maximum: Maximum): Fit {
  const { minVersion, maxVersion } = workload;
  if (minVersion === undefined && maxVersion === undefined) return 'Unannotated';
  const highest = maxVersion ?? (maximum === 'Minimum' ? minVersion : undefined);
  const high = highest === undefined || compareVersions(version, highest) <= 0;
  const low = minVersion === undefined || compareVersions(version, minVersion) >= 0;
  return high && low ? 'Fits' : 'DoesNotFit';
}
