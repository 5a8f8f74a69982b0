// The object that a drop means: what its name finds in the database as it is. Reads only. Called by loss-counter.ts.
import { type Connection, textOf } from '../connection.ts';
import { type Drop, nameSql } from './drops.ts';
import { FINDERS, SEQUENCE_SQL } from './lost-objects.ts';

export interface Target {
  readonly classId: 'pg_class' | 'pg_type' | 'pg_namespace' | 'pg_extension';
  readonly oid: string;
  /** 0: all of it. */
  readonly column: number;
}

/** As the search path of this moment finds it; undefined where there is none. */
export async function targetOf(
  connection: Connection,
  drop: Exclude<Drop, { kind: 'Calls' | 'Uncountable' }>,
): Promise<Target | undefined> {
  if (drop.kind === 'Column' || drop.kind === 'Retype') {
    const [row] = await connection.query(
      `SELECT attrelid AS oid, attnum FROM pg_catalog.pg_attribute
        WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped`,
      [nameSql(drop.table), drop.column],
    );
    if (row === undefined) return undefined;
    return { classId: 'pg_class', oid: textOf(row, 'oid'), column: Number(textOf(row, 'attnum')) };
  }
  const [classId, sql] = drop.kind === 'Object' ? FINDERS[drop.of] : FINDERS.relation;
  const [row] = await (drop.kind === 'Object'
    ? connection.query(sql, [drop.of === 'extension' ? drop.name.name : nameSql(drop.name)])
    : drop.kind === 'Identity'
      ? connection.query(SEQUENCE_SQL, [nameSql(drop.table), drop.column])
      : connection.query(sql, [nameSql(drop.kind === 'Refresh' ? drop.view : drop.table)]));
  return row?.oid == null ? undefined : { classId, oid: row.oid, column: 0 };
}
