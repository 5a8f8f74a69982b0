// Rights as the catalogue prints them (`app=r*w/owner`) and the GRANT and REVOKE that lead from one list to another. The
// owner stands for whoever owns the object where the file is run, so that no role's name is needed for it. Pure.
import { written } from './names.ts';

const WORDS: Readonly<Record<string, string>> = {
  ...{ r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', D: 'TRUNCATE', x: 'REFERENCES', t: 'TRIGGER' },
  ...{ m: 'MAINTAIN', U: 'USAGE', C: 'CREATE', X: 'EXECUTE' },
};

/** What the owner has, and everybody, where nobody ever granted anything. */
interface Usual {
  readonly owner: string;
  readonly everybody: string;
}

export const USUAL = {
  relation: { owner: 'arwdDxt', everybody: '' },
  sequence: { owner: 'rwU', everybody: '' },
  routine: { owner: 'X', everybody: 'X' },
  type: { owner: 'U', everybody: 'U' },
  schema: { owner: 'UC', everybody: '' },
  /** As initdb makes it from 15 on. */
  publicSchema: { owner: 'UC', everybody: 'U' },
  column: { owner: '', everybody: '' },
} as const satisfies Readonly<Record<string, Usual>>;

interface Granted {
  readonly grantee: string;
  /** Letters; those that may be passed on are in `options` too. */
  readonly letters: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
  readonly grantor: string;
}

const OWNER = 'the owner';

export interface RightsOf {
  /** What stands between ON and TO: `TABLE public.t`. */
  readonly on: string;
  /** Columns that the rights are on: ` (a)`. */
  readonly columns?: string;
  readonly usual: Usual;
  /** Words before GRANT or REVOKE: `ALTER DEFAULT PRIVILEGES …`. */
  readonly before?: string;
}

export interface Rights {
  readonly grants: readonly string[] | undefined;
  readonly owner: string;
}

export interface RightsChange {
  readonly statements: readonly string[];
  readonly notes: readonly string[];
}

/** The statements that lead from one list to the other. */
export function rightsChange(of: RightsOf, from: Rights, to: Rights): RightsChange {
  const [old, now] = [granted(from, of.usual), granted(to, of.usual)];
  const grantees = [...new Set([...old.keys(), ...now.keys()])].filter(name => name !== OWNER).sort();
  const statements = grantees.flatMap(grantee => changeFor(of, grantee, old.get(grantee), now.get(grantee)));
  const foreign = [...now.values()].filter(({ grantor }) => grantor !== '' && grantor !== to.owner);
  return {
    statements,
    notes: [
      ...foreign.map(one => `The rights of ${one.grantee || 'PUBLIC'} on ${of.on} were given by ${one.grantor} here.`),
      ...ownersNote(of, to),
    ],
  };
}

function ownersNote({ on, usual }: RightsOf, to: Rights): readonly string[] {
  if (to.grants === undefined || usual.owner === '') return [];
  const own = granted(to, usual).get(OWNER);
  const lacks = [...usual.owner].filter(letter => own?.letters.has(letter) !== true).map(wordOf);
  return lacks.length === 0 ? [] : [`The owner of ${on} has no right to ${lacks.join(', ')} on it here (grants).`];
}

function changeFor(
  of: RightsOf,
  grantee: string,
  from: Granted | undefined,
  to: Granted | undefined,
): readonly string[] {
  const letters = (one: Granted | undefined, kind: 'letters' | 'options') => [...(one?.[kind] ?? [])];
  const revoked = letters(from, 'letters').filter(letter => to?.letters.has(letter) !== true);
  const withdrawn = letters(from, 'options').filter(
    letter => to?.letters.has(letter) === true && to.options.has(letter) !== true,
  );
  const fresh = letters(to, 'letters').filter(letter => from?.letters.has(letter) !== true);
  const passedOn = letters(to, 'options').filter(letter => from?.options.has(letter) !== true);
  const plainly = fresh.filter(letter => to?.options.has(letter) !== true);
  const role = grantee === '' ? 'PUBLIC' : written(grantee);
  const say = (verb: string, what: readonly string[], end: string) =>
    what.length === 0 ? [] : [`${of.before ?? ''}${verb} ${wordsOf(of, what)} ON ${of.on} ${end}`];
  return [
    ...say('REVOKE', revoked, `FROM ${role}`),
    ...say('REVOKE GRANT OPTION FOR', withdrawn, `FROM ${role}`),
    ...say('GRANT', plainly, `TO ${role}`),
    ...say('GRANT', passedOn, `TO ${role} WITH GRANT OPTION`),
  ];
}

/** ALL where it is all: also of a right that only later majors have. */
function wordsOf({ usual, columns = '' }: RightsOf, letters: readonly string[]): string {
  const whole = usual.owner.length > 1 && [...usual.owner].every(letter => letters.includes(letter));
  if (whole) return `ALL${columns}`;
  return letters.map(letter => `${wordOf(letter)}${columns}`).join(', ');
}

const wordOf = (letter: string): string => WORDS[letter] ?? letter;

function granted({ grants, owner }: Rights, usual: Usual): ReadonlyMap<string, Granted> {
  if (grants === undefined) {
    const everybody = { grantee: '', letters: new Set(usual.everybody), options: new Set<string>(), grantor: '' };
    return new Map(usual.everybody === '' ? [] : [['', everybody]]);
  }
  const parsed = grants.flatMap(parsedGrant);
  const isOwner = (name: string) => name === owner && owner !== '';
  const merged = new Map<string, Granted>();
  for (const one of parsed) {
    const grantee = isOwner(one.grantee) ? OWNER : one.grantee;
    const known = merged.get(grantee);
    merged.set(grantee, {
      ...one,
      letters: new Set([...(known?.letters ?? []), ...one.letters]),
      options: new Set([...(known?.options ?? []), ...one.options]),
    });
  }
  return merged;
}

const ITEM = /^("(?:[^"]|"")*"|[^=]*)=([a-zA-Z*]*)\/("(?:[^"]|"")*"|.*)$/;

function parsedGrant(item: string): readonly Granted[] {
  const [, grantee = '', letters = '', grantor = ''] = ITEM.exec(item) ?? [];
  const bare = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
  const options = [...letters.matchAll(/([a-zA-Z])\*/g)].map(match => match[1] ?? '');
  return [
    {
      grantee: bare(grantee),
      letters: new Set(letters.replaceAll('*', '')),
      options: new Set(options),
      grantor: bare(grantor),
    },
  ];
}
