// The metrics of a table in one registry: counts, sets and observes by name, label values in the table's order. With
// this file, metrics.ts is the only importer of prom-client. What is cheaper to ask for than to be told is asked for when
// the page is read (`refresh`): one value of a gauge (`follow`), or all series of some gauges afresh (`replace`), so that
// what is gone leaves no series behind.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricRow, MetricTable } from './metric-row.ts';

/** A value and its labels, in the table's order. */
export type Sample = readonly [value: number, ...labels: string[]];

export class Recorder<Name extends string> {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #questions: (() => void)[] = [];

  constructor(table: MetricTable & Readonly<Record<Name, MetricRow>>, registry: Registry) {
    for (const [name, row] of Object.entries<MetricRow>(table)) {
      const common = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
      if (row.kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (row.kind === 'gauge') this.#gauges.set(name, new Gauge(common));
      else this.#histograms.set(name, new Histogram({ ...common, buckets: [...(row.buckets ?? [])] }));
    }
  }

  count(name: Name, ...labels: string[]): void {
    this.add(name, 1, ...labels);
  }

  /** With 0 the series begins to exist, so that a first increment is seen as one. */
  add(name: Name, amount: number, ...labels: string[]): void {
    this.#counters
      .get(name)
      ?.labels(...labels)
      .inc(amount);
  }

  set(name: Name, value: number, ...labels: string[]): void {
    this.#gauges
      .get(name)
      ?.labels(...labels)
      .set(value);
  }

  /** The series of the gauge ends. */
  forget(name: Name, ...labels: string[]): void {
    this.#gauges.get(name)?.remove(...labels);
  }

  observe(name: Name, value: number, ...labels: string[]): void {
    this.#histograms
      .get(name)
      ?.labels(...labels)
      .observe(value);
  }

  /** The gauge's value is asked for at each refresh. */
  follow(name: Name, read: () => number, ...labels: string[]): void {
    this.#questions.push(() => this.set(name, read(), ...labels));
  }

  /** All series of these gauges are made of one answer at each refresh; what is no longer answered disappears. */
  replace<T>(read: () => T, gauges: { readonly [Some in Name]?: (answer: T) => readonly Sample[] }): void {
    this.#questions.push(() => {
      const answer = read();
      for (const [name, samples] of Object.entries(gauges) as [Name, (answer: T) => readonly Sample[]][]) {
        this.#gauges.get(name)?.reset();
        for (const [value, ...labels] of samples(answer)) this.set(name, value, ...labels);
      }
    });
  }

  /** Before the page is read. */
  refresh(): void {
    for (const ask of this.#questions) ask();
  }
}
