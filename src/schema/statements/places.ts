// Schemas, extensions and default privileges: where things live and what they get when they are made.
import { literal } from '../../engine/connection.ts';
import type { Draft } from './draft.ts';
import { type Item, list, text } from './items.ts';
import { written } from './names.ts';
import { rightsChange, USUAL } from './rights.ts';

export function writePlaces(draft: Draft): void {
  const { dropped, added, changed } = draft.change;
  for (const item of dropped) {
    if (item.kind !== 'schema' && item.kind !== 'extension') continue;
    draft.claim(item);
    draft.write('drop late', `DROP ${item.kind.toUpperCase()} ${item.name}`, {
      names: [item.name],
      needs: item.kind === 'extension' ? `${text(item, 'schema')}.x` : '',
    });
  }
  for (const item of added) {
    if (item.kind === 'schema') {
      draft.write('schemas', `CREATE SCHEMA ${item.name}`, { names: [item.name] });
      draft.claimOf(item, 'definition');
    }
    if (item.kind === 'extension') createExtension(draft, item);
  }
  for (const { from, to } of changed.filter(one => one.to.kind === 'extension')) changeExtension(draft, from, to);
  writeDefaultPrivileges(draft);
}

function createExtension(draft: Draft, item: Item): void {
  draft.write('extensions', `CREATE EXTENSION ${item.name} WITH SCHEMA ${text(item, 'schema')}`, {
    names: [item.name],
    notes: [
      `Version ${text(item, 'version')} here; elsewhere what the server has. extension ${item.name} may need a superuser.`,
    ],
  });
  draft.claimOf(item, 'schema', 'version');
}

function changeExtension(draft: Draft, from: Item, to: Item): void {
  if (text(from, 'schema') !== text(to, 'schema')) {
    draft.write('extensions', `ALTER EXTENSION ${to.name} SET SCHEMA ${text(to, 'schema')}`);
  }
  if (text(from, 'version') !== text(to, 'version')) {
    draft.write('extensions', `ALTER EXTENSION ${to.name} UPDATE TO ${literal(text(to, 'version')).trim()}`);
  }
  draft.claimOf(to, 'schema', 'version');
}

const NAME = /^of (.*?)(?: in (.*))? on (tables|sequences|routines|types|schemas)$/s;
const KINDS = {
  tables: 'relation',
  sequences: 'sequence',
  routines: 'routine',
  types: 'type',
  schemas: 'schema',
} as const;

/** Those of one schema are added to what is usual, and begin with nothing; the others replace it. */
function writeDefaultPrivileges(draft: Draft): void {
  const { dropped, added, changed } = draft.change;
  const all = [
    ...dropped.map(from => ({ from, to: undefined })),
    ...added.map(to => ({ from: undefined, to })),
    ...changed,
  ].filter(({ from, to }) => (to ?? from)?.kind === 'default privileges');
  for (const { from, to } of all) {
    const item = to ?? from;
    const [, role = '', schema = '', what = ''] = NAME.exec(item?.name ?? '') ?? [];
    if (item === undefined || what === '') continue;
    const usual = schema === '' ? USUAL[KINDS[what as keyof typeof KINDS]] : { owner: '', everybody: '' };
    const inSchema = schema === '' ? '' : ` IN SCHEMA ${schema}`;
    const before = `ALTER DEFAULT PRIVILEGES FOR ROLE ${written(role)}${inSchema} `;
    const side = (one: Item | undefined) => ({
      grants: one === undefined ? undefined : list(one, 'grants'),
      owner: role,
    });
    const { statements } = rightsChange({ on: what.toUpperCase(), usual, before }, side(from), side(to));
    for (const sql of statements) draft.write(to === undefined ? 'drop what hangs on others' : 'rights', sql);
    draft.claim(item);
  }
}
