// One figure of `npm run bench`, and how a list of them is told: as lines while the bench runs, as the table of
// docs/benchmarks.md at the end. Measures nothing itself.

export interface Figure {
  readonly what: string;
  readonly ours: string;
  /** What it should be, if anybody said so. */
  readonly aim?: string;
  /** A limit or a peer of the same run, or where the time goes. */
  readonly beside?: string;
}

export type Progress = (line: string) => void;

/** Figures that share what they are measured on. */
export interface Group {
  /** As it is picked on the command line. */
  readonly name: string;
  readonly about: string;
  readonly measure: (progress: Progress) => Promise<readonly Figure[]>;
}

export function linesOf({ what, ours, aim, beside }: Figure): string {
  const rest = [aim === undefined ? [] : [`aim: ${aim}`], beside === undefined ? [] : [beside]].flat();
  return [what, `ours: ${ours}`, ...rest].join('\n  ');
}

export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, ours, aim = '', beside = '' }) => [what, ours, aim, beside]);
  const lines = [['what', 'ours', 'aim', 'beside it'], ['---', '---', '---', '---'], ...rows];
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

/** The value below which this share of the values lies: 0.5 is the median. NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** `340 ms`, `3.4 s`. */
export function inWords(ms: number): string {
  return Math.abs(ms) < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export async function timed<T>(work: () => Promise<T> | T): Promise<{ readonly seconds: number; readonly value: T }> {
  const started = performance.now();
  const value = await work();
  return { seconds: (performance.now() - started) / 1000, value };
}
