// What a status write of a DatabaseBackup says that the one before did not, in figures. Called by reconcile.ts after the
// write was accepted.
import type { BackupStatus } from '../../api/parse.ts';
import type { ProductMetrics } from '../measurements.ts';
import { repeatReason } from '../migration/measure.ts';

export function measureBackup(to: ProductMetrics, before: BackupStatus | undefined, after: BackupStatus): void {
  const isNews = (type: string): boolean => isTrue(after, type) && !isTrue(before, type);
  if (isNews('Complete')) to.backupEnded('Complete', secondsOf(after));
  if (isNews('Stalled')) to.backupEnded('Failed', secondsOf(after));
  const [was, is] = [before?.steps?.[0], after.steps?.[0]];
  if (is?.retryTime !== undefined && is.retryTime !== was?.retryTime)
    to.attemptRepeated('BackUp', repeatReason(is.reason));
}

function isTrue(status: BackupStatus | undefined, type: string): boolean {
  return status?.conditions?.some(condition => condition.type === type && condition.status === 'True') === true;
}

function secondsOf({ startTime, completionTime }: BackupStatus): number {
  if (startTime === undefined || completionTime === undefined) return 0;
  return Math.max(0, (Date.parse(completionTime) - Date.parse(startTime)) / 1000);
}
