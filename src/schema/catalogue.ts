// The catalogue queries behind a snapshot: one a kind of object, each answering (name, definition), where a definition is
// an object of named properties and what is as usual is left out. They stand on the CTEs of snapshot.ts (spaces, members,
// relations) and on search_path = pg_catalog, under which the server's own deparsers print every name with its schema.
// No oid, no attnum, nothing that counts rows; of options and connections, no value that may hold a secret.
import { objectQueries } from './catalogue-objects.ts';
import { relationQueries } from './catalogue-relations.ts';
import type { CatalogueQuery } from './catalogue-sql.ts';
import { systemQueries } from './catalogue-system.ts';
import { typeQueries } from './catalogue-types.ts';

/** The queries that a server of this version understands. */
export function catalogueQueries(versionNumber: number): readonly CatalogueQuery[] {
  return [
    ...relationQueries(versionNumber),
    ...typeQueries(versionNumber),
    ...objectQueries(versionNumber),
    ...systemQueries(),
  ];
}
