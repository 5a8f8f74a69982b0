// docs/metrics.md, made of the tables. Called by generate.ts; a test holds the page against the registry, both ways.
import { MACHINE_METRICS } from './machine-metrics.ts';
import type { MetricTable } from './metric-row.ts';
import { PRODUCT_METRICS } from './product-metrics.ts';

const HEAD = `# Metrics

Generated from \`src/telemetry/machine-metrics.ts\` and \`src/telemetry/product-metrics.ts\` by \`npm run generate\`.

The operator answers on port 8081, path \`/metrics\`, without a sign-in: no metric has a Secret, a message or row data in it.
The chart makes a Service and a ServiceMonitor (\`serviceMonitor.enabled\`), alerts (\`prometheusRule.enabled\`; what each
means is in [runbooks](runbooks/)) and a Grafana dashboard of the queries below (\`dashboard.enabled\`).

## How many series

Counters and histograms have labels whose values the code fixes; their number does not grow with use. Only the gauges
with \`namespace\` and \`name\` do: for one DatabaseMigration three conditions, one reason, the pending count and the last
backup's two, and while it lasts one for an app that is kept stopped and one for a step that is held up: nine at most.
A thousand resources are at most 9,000 series. That is why \`condition\` has three types and no \`status\` label:
every type and status would be about forty series a resource; the others can be read where they are, on the resource. The series of a deleted
resource end with the next scrape. With two replicas the leader alone tells them.

Counters begin at zero with each start of the operator, and what happened between a crash and the write before it is not
counted: for what a resource went through, its \`status.history\` is the record.
`;

const SECTIONS = [
  {
    title: "The product's own",
    about: 'Runs, steps, backups, and how each resource stands.',
    table: PRODUCT_METRICS,
  },
  {
    title: 'The machine',
    about:
      "Loop, queues, requests, election and watches. The names without our prefix are controller-runtime's and client-go's, with their labels, so that dashboards made for those work; choose this operator by `controller`, or by the scrape's own `job`.",
    table: MACHINE_METRICS,
  },
] as const satisfies readonly { title: string; about: string; table: MetricTable }[];

const TAIL = `## The process

\`process_*\` and \`nodejs_*\`: CPU, memory, file descriptors, event loop and garbage collection of the Node process, as
\`prom-client\` has them. The one to watch is \`nodejs_eventloop_lag_p99_seconds\`: well below a second on a healthy operator.
`;

export function metricDocs(): string {
  const sections = SECTIONS.map(({ title, about, table }) => `## ${title}\n\n${about}\n\n${describe(table)}`);
  return [HEAD, ...sections, TAIL].join('\n');
}

function describe(table: MetricTable): string {
  const entries = Object.entries(table).map(([name, { kind, labels, help, example }]) => {
    const named = labels.length === 0 ? 'no labels' : labels.map(label => `\`${label}\``).join(', ');
    return `### ${name}\n\n${kind}; ${named}\n\n${help}.\n\n\`\`\`promql\n${example}\n\`\`\`\n`;
  });
  return entries.join('\n');
}
