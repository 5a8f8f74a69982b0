// What the rows of a column that goes would have in it after going the other way again: what the scripts of that way prove
// (way-back.ts), as long as nothing else in them may write to it. Reads only. Called by loss-counter.ts.
import { type Connection, type Row, textOf } from '../connection.ts';
import type { Drop } from './drops.ts';
import { NAMED_SQL, SAME_NAME_SQL } from './lost-objects.ts';
import type { LostColumn } from './lost-values.ts';
import { areHarmless, reactsToInserts } from './reactions.ts';
import { type Given, WayBack } from './way-back.ts';

type Scripts = ConstructorParameters<typeof WayBack>[0];

export class GivenValues {
  readonly #connection: Connection;
  readonly #back: WayBack;
  /** Asked once: whether rows get no other values than the statements show that add their columns. */
  #isPlain: Promise<boolean> | undefined;

  constructor(connection: Connection, back: Scripts) {
    this.#connection = connection;
    this.#back = new WayBack(back);
  }

  /** Of a row of LOST_SQL. */
  async of(lost: Row): Promise<LostColumn> {
    return {
      name: textOf(lost, 'attname'),
      type: textOf(lost, 'type'),
      given: await this.#given(textOf(lost, 'nspname'), textOf(lost, 'relname'), textOf(lost, 'attname')),
      hasDefault: lost.has_default === 't',
      typeGives: lost.type_gives === 't',
    };
  }

  async #given(schema: string, name: string, column: string): Promise<Given> {
    const added = this.#back.columnOf({ schema, name }, column);
    if (added === undefined) return { kind: 'Unproven' };
    const isOnlyOne =
      added.hasSchema === 'WithSchema' || (await this.#connection.query(SAME_NAME_SQL, [name])).length === 1;
    if (!isOnlyOne) return { kind: 'Unproven' };
    this.#isPlain ??= this.#areAllPlain(this.#back.effects);
    return (await this.#isPlain) ? added.given : { kind: 'Anything' };
  }

  async #areAllPlain(effects: readonly Drop[]): Promise<boolean> {
    for (const effect of effects) if (!(await this.#isPlainEffect(effect))) return false;
    return true;
  }

  async #isPlainEffect(effect: Drop): Promise<boolean> {
    if (effect.kind === 'Uncountable') return false;
    if (effect.kind === 'Calls') return areHarmless(this.#connection, effect.functions);
    if (effect.kind !== 'Inserts') return true;
    for (const { oid } of await this.#connection.query(NAMED_SQL, [effect.table.name, effect.table.schema ?? ''])) {
      if (oid != null && (await reactsToInserts(this.#connection, oid))) return false;
    }
    return true;
  }
}
