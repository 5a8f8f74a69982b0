// Rights on objects as GRANT and REVOKE, and owners as comments: whoever runs a migration owns what it makes.
import type { Draft } from './draft.ts';
import { type Item, list, ownName, tableOf, text } from './items.ts';
import { schemaOf, written } from './names.ts';
import { type Rights, type RightsOf, rightsChange, USUAL } from './rights.ts';

export interface Runner {
  /** The role that runs migrations: it will own what the file makes. */
  readonly role: string;
}

export function writeRights(draft: Draft, runner: Runner): void {
  const { added, changed } = draft.change;
  for (const to of added.filter(item => draft.isWritten(item))) {
    if (!isIdentity(draft, to)) ownerOf(draft, to, runner);
    changeRights(draft, undefined, to, runner);
  }
  for (const { from, to } of changed) changeRights(draft, from, to, runner);
  for (const { from, to } of changed) {
    if (text(from, 'owner') === text(to, 'owner')) continue;
    draft.remark(
      `${to.kind} ${to.name}: the owner was ${text(from, 'owner') || 'the usual one'} and is ${text(to, 'owner') || 'the usual one'}. ${alterOwner(to)}`,
    );
    draft.claimOf(to, 'owner');
  }
}

function isIdentity({ change }: Draft, item: Item): boolean {
  return item.kind === 'sequence' && text(item, 'ownedBy') !== '' && change.after.identityOf(item) !== undefined;
}

function ownerOf(draft: Draft, item: Item, { role }: Runner): void {
  const owner = text(item, 'owner');
  draft.claimOf(item, 'owner');
  if (owner === '' || owner === role) return;
  draft.remark(
    `${item.kind} ${item.name}: the owner is ${owner} here; whoever runs this file will own it. ${alterOwner(item)}`,
  );
}

const DEFAULTS: Readonly<Record<string, string>> = {
  ...{ table: 'tables', view: 'tables', 'materialized view': 'tables', sequence: 'sequences' },
  ...{ function: 'routines', procedure: 'routines', enum: 'types', domain: 'types', 'composite type': 'types' },
};

/** What is made by a role for which default privileges hold has them, as long as the file does not take them away. */
function grantedWhenMade({ change }: Draft, item: Item, usual: RightsOf['usual'], role: string): Rights {
  const what = DEFAULTS[item.kind];
  const [global, inSchema] = ['', ` in ${schemaOf(item.name)}`].map(place => {
    const found = change.before.get(`default privileges of ${role}${place} on ${what}`);
    return found === undefined || change.isGone(found) ? undefined : list(found, 'grants');
  });
  if (what === undefined || (global ?? inSchema) === undefined) return { grants: undefined, owner: '' };
  const everybody = usual.everybody === '' ? [] : [`=${usual.everybody}/${role}`];
  return {
    grants: [...(global ?? [`${role}=${usual.owner}/${role}`, ...everybody]), ...(inSchema ?? [])],
    owner: role,
  };
}

const WORDS: Readonly<Record<string, string>> = { enum: 'TYPE', 'range type': 'TYPE', 'composite type': 'TYPE' };

const alterOwner = (item: Item): string =>
  `If it matters: ALTER ${WORDS[item.kind] ?? item.kind.toUpperCase()} ${item.name} OWNER TO ${text(item, 'owner') ? written(text(item, 'owner')) : '…'};`;

function changeRights(draft: Draft, from: Item | undefined, to: Item, { role }: Runner): void {
  const of = rightsOf(to);
  if (of === undefined) return;
  draft.claimOf(to, 'grants');
  const was = from === undefined ? grantedWhenMade(draft, to, of.usual, role) : rights(draft, from);
  const is = rights(draft, to);
  if (JSON.stringify(was.grants) === JSON.stringify(is.grants)) return;
  const { statements, notes } = rightsChange(of, was, is);
  if (statements.length === 0) {
    const [old, now] = [was.grants, is.grants].map(grants => grants?.join(', ') ?? 'none');
    const same =
      from === undefined ? [] : [`of the rights only who gave them is other (grants from ${old} to ${now}).`];
    for (const note of notes.length > 0 ? notes : same) draft.remark(`${to.kind} ${to.name}: ${note}`);
  }
  for (const [index, sql] of statements.entries()) draft.write('rights', sql, { notes: index === 0 ? notes : [] });
}

function rights({ change }: Draft, item: Item): Rights {
  const isColumn = item.kind === 'column';
  const owner = text(
    isColumn ? (change.after.relation(tableOf(item)) ?? change.before.relation(tableOf(item))) : item,
    'owner',
  );
  const grants = item.properties.grants === undefined ? undefined : list(item, 'grants');
  // Nobody's own schema `public` is its grantor's.
  return { grants, owner: owner || (/\/(.*)$/.exec(grants?.[0] ?? '')?.[1] ?? '') };
}

/** Whether the listed rights are those that are there where none are listed. */
export function isUsual(item: Item): boolean {
  const of = rightsOf(item);
  if (of === undefined || item.name === 'public') return false;
  const owner = text(item, 'owner');
  const { statements, notes } = rightsChange(of, { grants: undefined, owner }, { grants: list(item, 'grants'), owner });
  return statements.length === 0 && notes.length === 0;
}

function rightsOf(item: Item): RightsOf | undefined {
  switch (item.kind) {
    case 'table':
    case 'view':
    case 'materialized view':
    case 'foreign table':
      return { on: `TABLE ${item.name}`, usual: USUAL.relation };
    case 'column':
      return { on: `TABLE ${tableOf(item)}`, columns: ` (${ownName(item)})`, usual: USUAL.column };
    case 'sequence':
      return { on: `SEQUENCE ${item.name}`, usual: USUAL.sequence };
    case 'function':
    case 'aggregate':
      return { on: `FUNCTION ${item.name}`, usual: USUAL.routine };
    case 'procedure':
      return { on: `PROCEDURE ${item.name}`, usual: USUAL.routine };
    case 'enum':
    case 'domain':
    case 'composite type':
    case 'range type':
      return { on: `TYPE ${item.name}`, usual: USUAL.type };
    case 'schema':
      return { on: `SCHEMA ${item.name}`, usual: item.name === 'public' ? USUAL.publicSchema : USUAL.schema };
    default:
      return undefined;
  }
}
