// A schema as a diagram shows it: tables, their columns, and which refer to which. Sorted, so that a diagram for Git
// changes only when the schema does. Data only; read by src/database's two kinds, drawn by mermaid.ts and svg.ts.

export interface ModelColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** Part of the primary key; of a foreign key; of a unique key of one column. */
  readonly keys: readonly ('PK' | 'FK' | 'UK')[];
}

export interface ModelTable {
  /** With its schema, unless that is `public`. */
  readonly name: string;
  readonly columns: readonly ModelColumn[];
}

export interface ModelReference {
  readonly from: string;
  readonly columns: readonly string[];
  readonly to: string;
  /** `One`: at most one row of `from` can refer to a row. */
  readonly many: 'One' | 'Many';
  /** `Optional`: a row of `from` need not refer to any. */
  readonly need: 'Optional' | 'Needed';
}

export interface SchemaModel {
  readonly tables: readonly ModelTable[];
  readonly references: readonly ModelReference[];
}

/** A model in its own order: tables by name, columns as the table has them, references by what they join. */
export function sortedModel(model: SchemaModel): SchemaModel {
  const key = (reference: ModelReference) => `${reference.from}\0${reference.to}\0${reference.columns.join('\0')}`;
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return Object.freeze({
    tables: model.tables.toSorted((a, b) => byText(a.name, b.name)),
    references: model.references.toSorted((a, b) => byText(key(a), key(b))),
  });
}
