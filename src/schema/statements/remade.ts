// Which changes PostgreSQL makes only by dropping and making again: another definition of a constraint, a view that loses or
// retypes a column, a routine that returns something else. Pure. Called by change.ts.
import { type Item, type Items, text } from './items.ts';

interface Sides {
  readonly before: Items;
  readonly after: Items;
}

export function mustBeMadeAnew({ before, after }: Sides, from: Item, to: Item): boolean {
  const isOther = text(from, 'definition') !== text(to, 'definition');
  switch (from.kind) {
    case 'constraint':
      return isOther && !isOnlyValidated(from, to);
    // That of a constraint comes and goes with it.
    case 'index':
      return isOther && before.constraintOf(from) === undefined;
    case 'trigger':
    case 'rule':
    case 'statistics':
    case 'materialized view':
      return isOther;
    case 'policy':
      return (
        ['command', 'restrictive'].some(property => from.properties[property] !== to.properties[property]) ||
        ['using', 'check'].some(property => text(from, property) !== '' && text(to, property) === '')
      );
    case 'event trigger':
      return ['event', 'function', 'tags'].some(
        property => JSON.stringify(from.properties[property]) !== JSON.stringify(to.properties[property]),
      );
    case 'view':
      return !keepsColumns(before.columns(from.name), after.columns(to.name));
    case 'function':
    case 'procedure':
      return headOf(from) !== headOf(to);
    default:
      return false;
  }
}

/** `CHECK (…) NOT VALID` that has become `CHECK (…)`. */
export const isOnlyValidated = (from: Item, to: Item): boolean =>
  text(from, 'definition') === `${text(to, 'definition')} NOT VALID`;

/** CREATE OR REPLACE VIEW may only add columns at the end. */
function keepsColumns(from: readonly Item[], to: readonly Item[]): boolean {
  return from.every((column, index) => {
    const other = to[index];
    return (
      other?.name === column.name &&
      text(other, 'type') === text(column, 'type') &&
      text(other, 'collation') === text(column, 'collation')
    );
  });
}

/** The line of the arguments, without their defaults' text being understood, and that of what is returned. */
function headOf(routine: Item): string {
  return text(routine, 'definition')
    .split('\n')
    .slice(0, 2)
    .filter(isHead)
    .join('\n')
    .replace(/^CREATE OR REPLACE /, '');
}

const isHead = (line: string) => line.startsWith('CREATE ') || line.startsWith(' RETURNS ');
