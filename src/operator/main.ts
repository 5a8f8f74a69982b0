// The operator: configuration, parts, run until a signal, stop in reverse order. Exit 0 after a signal, 1 after a lost
// leadership or a failure, 2 for a wrong configuration.
import { openTransport } from '../kubernetes/transport.ts';
import { startHealthServer } from '../telemetry/health.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type OperatorConfig, readConfig, USAGE } from './config.ts';
import type { Machine } from './controller/machine.ts';
import { createOperator } from './operator.ts';

const OPERATOR_VERSION = '0.1.0';

async function run(config: OperatorConfig): Promise<number> {
  const logger = createLogger({ format: config.logFormat, level: config.logLevel });
  const metrics = createMetrics({ process: 'Include', version: OPERATOR_VERSION });
  const transport = await openTransport({ version: OPERATOR_VERSION, onRequest: report => metrics.onRequest(report) });
  let machine: Machine | undefined;
  // Before the API server has answered at all: its bad day must not restart us.
  const health = await startHealthServer({
    port: config.healthPort,
    live: () => (machine?.isAlive() === false ? 'a worker hangs' : undefined),
    ready: () => readiness(machine),
    metrics: () => metrics.page(),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => (machine === undefined ? process.exit(0) : void machine.stop()));
  machine = await createOperator({
    transport,
    image: config.image,
    namespaces: config.namespaces,
    ...(config.leaderElection === 'On' ? { election: { namespace: config.namespace, identity: config.identity } } : {}),
    workers: config.workers,
    logger,
    metrics: metrics.machine,
    productMetrics: metrics.product,
  });
  logger.info('the operator starts', {
    version: OPERATOR_VERSION,
    image: config.image.name,
    namespaces: config.namespaces.join(', ') || 'all',
    leader_election: config.leaderElection,
  });
  void machine.start();
  const end = await machine.ended;
  await health.stop();
  await transport.close();
  logger.info('the operator has stopped', { end });
  return end === 'Stopped' ? 0 : 1;
}

function readiness(machine: Machine | undefined): string | undefined {
  if (machine === undefined) return 'the API server has not answered yet';
  return machine.isSynced() ? undefined : `no first list yet: ${machine.unsynced().join(', ')}`;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  try {
    return await run(readConfig(args, process.env));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(message);
    if (message.startsWith('--') || message.includes('environment variable')) console.error(`\n${USAGE}`);
    return 2;
  }
}

process.exit(await main());
