// The operator's configuration, from flags and the environment; every mistake is reported at once.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';

export interface OperatorConfig {
  readonly image: { readonly name: string; readonly pullPolicy: string };
  readonly namespaces: readonly string[];
  readonly leaderElection: 'On' | 'Off';
  readonly namespace: string;
  readonly identity: string;
  readonly healthPort: number;
  readonly logFormat: 'json' | 'human';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly workers: number;
}

export const USAGE = `Usage: operator [flags]

  --leader-elect               share the work of several replicas by a Lease
  --watch-namespaces=a,b       watch these namespaces only; default: all
  --health-address=:8081       port of /healthz, /readyz and /metrics
  --log-format=json|human      default: json
  --log-level=info             debug, info, warn or error
  --workers=16                 resources that are worked on at the same time

Environment: RUNNER_IMAGE (the image of the Jobs, required), RUNNER_IMAGE_PULL_POLICY,
OPERATOR_NAMESPACE (required with --leader-elect), POD_NAME.`;

/** Throws an Error that lists every mistake. */
export function readConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'leader-elect': { type: 'boolean', default: false },
      'watch-namespaces': { type: 'string', default: '' },
      'health-address': { type: 'string', default: ':8081' },
      'log-format': { type: 'string', default: 'json' },
      'log-level': { type: 'string', default: 'info' },
      workers: { type: 'string', default: '16' },
    },
  });
  const mistakes: string[] = [];
  const oneOf = <T extends string>(flag: string, value: string, choices: readonly T[]): T => {
    const found = choices.find(choice => choice === value);
    if (found === undefined) mistakes.push(`--${flag} must be one of ${choices.join(', ')}, not "${value}"`);
    return found ?? (choices[0] as T);
  };
  const whole = (flag: string, text: string, min: number, max: number): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      mistakes.push(`--${flag} must be a whole number from ${min} to ${max}, not "${text}"`);
    return value;
  };
  const required = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') mistakes.push(`the environment variable ${name} must be set`);
    return value;
  };
  const config: OperatorConfig = {
    image: { name: required('RUNNER_IMAGE'), pullPolicy: env.RUNNER_IMAGE_PULL_POLICY ?? 'IfNotPresent' },
    namespaces: values['watch-namespaces']
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== ''),
    leaderElection: values['leader-elect'] ? 'On' : 'Off',
    namespace: values['leader-elect'] ? required('OPERATOR_NAMESPACE') : (env.OPERATOR_NAMESPACE ?? ''),
    // Two processes of one identity would both lead; in containers a number of a process is 1 more often than not.
    identity: env.POD_NAME ?? `${hostname()}_${randomUUID()}`,
    healthPort: whole('health-address', values['health-address'].replace(/^.*:/, ''), 0, 65535),
    logFormat: oneOf('log-format', values['log-format'], ['json', 'human']),
    logLevel: oneOf('log-level', values['log-level'], ['info', 'debug', 'warn', 'error']),
    workers: whole('workers', values.workers, 1, 64),
  };
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return config;
}
