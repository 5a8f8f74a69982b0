// The settings of one script of Flyway's, in `V1__users.sql.conf` beside it: `name=value` lines, of which Flyway knows four
// (https://documentation.red-gate.com/flyway, script configuration files). One that we do not know or cannot honour is refused:
// passed over, a script would run that Flyway skips. Called by flyway.ts.
import { type EngineError, failure } from '../errors.ts';
import { decodeScript } from '../sql/script.ts';
import type { SourceFile } from './layout.ts';

export interface ScriptSettings {
  readonly transaction: 'One' | 'None';
  /** `Text`: a placeholder is text like any other. */
  readonly placeholders: 'Filled' | 'Text';
}

export const NO_SETTINGS: ScriptSettings = Object.freeze({ transaction: 'One', placeholders: 'Filled' });

/** Name of a setting → its values that can be honoured, in lower case: Flyway looks at no case in a value. */
const HONOURED: ReadonlyMap<string, readonly string[]> = new Map([
  ['executeInTransaction', ['true', 'false']],
  ['placeholderReplacement', ['true', 'false']],
  ['shouldExecute', ['true']],
  ['encoding', ['utf-8']],
]);

/** What is wrong is added to `errors`, every line of it. */
export function readSettings(file: SourceFile, errors: EngineError[]): ScriptSettings {
  const values = new Map<string, string>();
  const refuse = (line: number, what: string) => {
    errors.push(failure('BadMarker', { file: file.path, layout: 'Flyway', reason: `line ${line} ${what}` }));
  };
  linesOf(file, errors).forEach((line, index) => {
    if (/^\s*([#!].*)?$/.test(line)) return;
    const [, name, value = ''] = /^\s*([A-Za-z.]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) {
      refuse(index + 1, `is no setting: ${JSON.stringify(line.trim())}`);
      return;
    }
    const honoured = HONOURED.get(name);
    if (honoured === undefined) refuse(index + 1, `sets ${name}, which is not known`);
    else if (values.has(name)) refuse(index + 1, `sets ${name} once more`);
    else if (!honoured.includes(value.toLowerCase())) {
      const known = honoured.map(one => (name === 'encoding' ? one.toUpperCase() : one)).join(' or ');
      refuse(index + 1, `sets ${name} to ${JSON.stringify(value)}, and only ${known} can be honoured`);
    }
    values.set(name, value.toLowerCase());
  });
  return {
    transaction: values.get('executeInTransaction') === 'false' ? 'None' : 'One',
    placeholders: values.get('placeholderReplacement') === 'false' ? 'Text' : 'Filled',
  };
}

function linesOf(file: SourceFile, errors: EngineError[]): readonly string[] {
  try {
    return decodeScript(file.path, file.bytes).text.split(/\r\n|\r|\n/);
  } catch (error) {
    errors.push(error as EngineError);
    return [];
  }
}
