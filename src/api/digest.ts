// Digests: of bytes, and of plain data, equal for equal data whatever the order of its keys.
import { hash } from 'node:crypto';

/** SHA-256 in hex over bytes, or over a text as UTF-8. In one call: three times as quick as a Hash for small files. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex');
}

/** SHA-256 in hex over canonical JSON: keys sorted, undefined left out. */
export function digestOf(value: unknown): string {
  return sha256(canonical(value));
}

function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${entries.join(',')}}`;
}
