// Log lines: one JSON object a line for machines, or one readable line for people. The only importer of winston. Lines
// go to standard error of the process (or a given stream) and nowhere else; nothing is hidden here, so whoever logs a
// credential has already made the mistake.
import { createLogger as createWinston, format, transports } from 'winston';

type LogLevel = 'error' | 'warn' | 'info' | 'debug';
type LogFormat = 'json' | 'human';
type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Logger;
}

export interface LogOptions {
  readonly format: LogFormat;
  /** Default `info`: one line a reconcile. `debug` adds the machine's own doings. */
  readonly level?: LogLevel;
  /** Default: standard error. */
  readonly stream?: NodeJS.WritableStream;
}

/** Fields with these names are the line's own. */
const RESERVED = ['time', 'level', 'message'] as const;

export function createLogger(options: LogOptions): Logger {
  const winston = createWinston({
    level: options.level ?? 'info',
    format: options.format === 'json' ? format.printf(jsonLine) : format.printf(humanLine),
    transports: [new transports.Stream({ stream: options.stream ?? process.stderr })],
  });
  const write = (level: LogLevel, message: string, fields: LogFields): void => {
    winston.log({ level, message, fields, time: new Date().toISOString() });
  };
  const bound = (base: LogFields): Logger => ({
    debug: (message, fields) => write('debug', message, { ...base, ...fields }),
    info: (message, fields) => write('info', message, { ...base, ...fields }),
    warn: (message, fields) => write('warn', message, { ...base, ...fields }),
    error: (message, fields) => write('error', message, { ...base, ...fields }),
    with: fields => bound({ ...base, ...fields }),
  });
  return bound({});
}

interface Line {
  readonly level: string;
  readonly message: unknown;
  readonly fields?: LogFields;
  readonly time?: string;
}

function jsonLine({ level, message, fields, time }: Line): string {
  const own = Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, value]) => [
      RESERVED.some(taken => taken === name) ? `${name}_` : name,
      value,
    ]),
  );
  return JSON.stringify({ time, level, message, ...own }, plain);
}

function humanLine({ level, message, fields, time }: Line): string {
  const pairs = Object.entries(fields ?? {}).map(([name, value]) => `${name}=${humanValue(value)}`);
  return [time, level.toUpperCase().padEnd(5), String(message), ...pairs].join(' ');
}

function humanValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return value;
  return JSON.stringify(value, plain) ?? String(value);
}

/** Errors and big integers have no JSON of their own. */
function plain(_name: string, value: unknown): unknown {
  if (value instanceof Error) return value.message;
  return typeof value === 'bigint' ? value.toString() : value;
}
