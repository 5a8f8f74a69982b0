// What a version's files are called in each layout, for messages that ask a person to write or rename one. Pure. Called
// wherever a message names a file that is not there.
import type { LayoutName } from './layout.ts';

/** The file (or folder) that holds what brings a version up: `001_users.up.sql`. */
export function upFileOf(layout: LayoutName, version: string): string {
  switch (layout) {
    case 'own':
    case 'golang-migrate':
      return `${version}.up.sql`;
    case 'Diesel':
      return `${version}/up.sql`;
    case 'dbmate':
    case 'goose':
    case 'Flyway':
      return `${version}.sql`;
  }
}

/** What takes a version back, where it stands: `001_users.down.sql`, or a part of the one file. */
export function wayDownOf(layout: LayoutName, version: string): string {
  switch (layout) {
    case 'own':
    case 'golang-migrate':
      return `${version}.down.sql`;
    case 'Diesel':
      return `${version}/down.sql`;
    case 'dbmate':
      return `part "-- migrate:down" in ${version}.sql`;
    case 'goose':
      return `part "-- +goose Down" in ${version}.sql`;
    case 'Flyway':
      return `${version.replace(/^V/, 'U')}.sql`;
  }
}

/** The number of a version as it is written: `001`, `2024-01-01-120000`, `V1_2`. */
const PREFIX = /^V[0-9]+(?:[._][0-9]+)*(?=__)|^[0-9]+(?:-[0-9]+)*(?=_|$)|^[0-9]+/;

/** The same name with a number that is `step` above that of the highest: `002_b` after `003_c` is `004_b`. */
export function renumbered(version: string, highest: string, step: number): string {
  const own = PREFIX.exec(version)?.[0] ?? '';
  const [, head = '', last = '0'] = /^(.*?)([0-9]+)$/.exec(PREFIX.exec(highest)?.[0] ?? '0') ?? [];
  const width = head === '' ? own.length : last.length;
  return `${head}${String(BigInt(last) + BigInt(step)).padStart(width, '0')}${version.slice(own.length)}`;
}
