// Differences of two schemas in words. Called by check and test-copy.
import type { Difference } from '../schema/difference.ts';

const WORDS = { Added: 'added', Removed: 'removed', Changed: 'changed' } as const;
const LONGEST = 200;

/** `column public.users.email changed: type text → character varying(100)`. */
export function differenceText({ change, kind, name, properties }: Difference): string {
  const details = properties.map(({ property, from, to }) => `${property} ${cut(from)} → ${cut(to)}`);
  return `${kind} ${name} ${WORDS[change]}${details.length === 0 ? '' : `: ${details.join('; ')}`}`;
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
