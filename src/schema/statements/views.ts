// Views and materialized views. A snapshot keeps a view's text made the same for every major; what is run is, where it is
// known, the text that the server itself printed. Columns are the view's own affair and are claimed with it.
import { parseNodes } from '../../engine/sql/parse-trees.ts';
import { childOf, childrenOf, type Node, stringOf } from '../../engine/sql/tree.ts';
import { optionClauses, optionsOf, writtenOptions } from './columns.ts';
import type { Draft } from './draft.ts';
import { has, type Item, ownName, tableOf, text } from './items.ts';

/** Texts of views as the server printed them, by name. */
export type Printed = ReadonlyMap<string, string>;

export function writeViews(draft: Draft, printed: Printed): void {
  const { dropped, added, changed } = draft.change;
  for (const view of dropped.filter(isView)) {
    draft.claim(view);
    const needs = text(view, 'definition');
    draft.write('drop views', `DROP ${view.kind.toUpperCase()} ${view.name}`, { names: [view.name], needs });
  }
  for (const view of added.filter(isView)) createView(draft, view, printed);
  for (const { from, to } of changed.filter(one => isView(one.to))) changeView(draft, from, to, printed);
}

const isView = ({ kind }: Item) => kind === 'view' || kind === 'materialized view';

function createView(draft: Draft, view: Item, printed: Printed): void {
  claimColumns(draft, view);
  const definition = runnable(draft, view, printed);
  if (definition === undefined) return;
  const isMaterialized = view.kind === 'materialized view';
  const end = isMaterialized ? `\n  WITH ${has(view, 'unpopulated') ? 'NO ' : ''}DATA` : '';
  draft.write('views', `CREATE ${view.kind.toUpperCase()} ${view.name}${withOptions(view)} AS\n${definition}${end}`, {
    names: [view.name],
  });
  draft.claimOf(view, 'definition', 'options', 'toastOptions', 'unpopulated');
}

function withOptions(view: Item): string {
  const options = optionsOf(view);
  return options.length === 0 ? '' : ` WITH (${writtenOptions(options)})`;
}

function changeView(draft: Draft, from: Item, to: Item, printed: Printed): void {
  claimColumns(draft, to);
  if (text(from, 'definition') !== text(to, 'definition')) {
    const definition = runnable(draft, to, printed);
    if (definition === undefined) return;
    draft.write('views', `CREATE OR REPLACE VIEW ${to.name}${withOptions(to)} AS\n${definition}`, { names: [to.name] });
    draft.claimOf(to, 'definition', 'options');
    return;
  }
  for (const clause of optionClauses(optionsOf(from), optionsOf(to))) {
    draft.write('views', `ALTER ${to.kind.toUpperCase()} ${to.name} ${clause}`);
  }
  draft.claimOf(to, 'options', 'toastOptions');
  if (has(from, 'unpopulated') !== has(to, 'unpopulated')) {
    draft.write('views', `REFRESH MATERIALIZED VIEW ${to.name}${has(to, 'unpopulated') ? ' WITH NO DATA' : ''}`);
    draft.claimOf(to, 'unpopulated');
  }
}

function claimColumns(draft: Draft, view: Item): void {
  for (const column of draft.change.after.columns(view.name)) {
    draft.claimOf(column, 'table', 'position', 'type', 'collation', 'notNull');
    const fallback = text(column, 'default');
    const old = draft.change.before.get(`column ${column.name}`);
    const was = old === undefined || draft.change.isGone(old) ? '' : text(old, 'default');
    if (fallback !== was) {
      const clause = fallback === '' ? 'DROP DEFAULT' : `SET DEFAULT ${fallback}`;
      draft.write('what hangs on others', `ALTER VIEW ${tableOf(column)} ALTER COLUMN ${ownName(column)} ${clause}`);
      draft.claimOf(column, 'default');
    }
  }
}

/** A text that means what the view is; undefined where only the server's own would. */
function runnable(draft: Draft, view: Item, printed: Printed): string | undefined {
  const exact = printed.get(view.name);
  const definition = (exact ?? text(view, 'definition')).trim().replace(/;$/, '');
  if (exact !== undefined || isUnambiguous(definition)) return definition;
  draft.remark(
    `${view.kind} ${view.name} is not written: of its text the snapshot has kept only a form in which a name after ORDER BY may mean two things. It was, roughly:\n${definition}`,
  );
  draft.claim(view);
  return undefined;
}

/** A bare name after ORDER BY or DISTINCT ON is an output column first: it must not be another's name. */
function isUnambiguous(definition: string): boolean {
  const [statement] = parseNodes(definition);
  if (statement?.type !== 'SelectStmt') return false;
  const { fields } = statement;
  const targets = childrenOf(fields, 'targetList');
  const renamed = targets.filter(target => {
    const name = stringOf(target.fields, 'name');
    return name !== '' && bareName(nodeIn(target, 'val')) !== name;
  });
  const names = new Set(renamed.map(target => stringOf(target.fields, 'name')));
  const sorted = childrenOf(fields, 'sortClause').map(sort => nodeIn(sort, 'node'));
  return [...sorted, ...childrenOf(fields, 'distinctClause')].every(node => !names.has(bareName(node)));
}

function nodeIn({ fields }: Node, field: string): Node {
  const [entry] = Object.entries(childOf(fields, field));
  return { type: entry?.[0] ?? '', fields: (entry?.[1] ?? {}) as Node['fields'] };
}

function bareName({ type, fields }: Node): string {
  const parts = type === 'ColumnRef' ? childrenOf(fields, 'fields') : [];
  return parts.length === 1 && parts[0] !== undefined ? stringOf(parts[0].fields, 'sval') : '';
}
