// Two files whose COMMIT is at work for long, as behind a slow disk or a standby that is waited for. What is deferred is done before
// COMMIT, eight times as the file and eight times before the last check, so a trigger puts off the next one more often than that.
const OFTEN = 20;

export function slowAtCommit(slowly: string): Readonly<Record<string, string>> {
  const trigger = (table: string) =>
    `CREATE CONSTRAINT TRIGGER ${table} AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION puts_off()`;
  return {
    '001_a.up.sql': `CREATE TABLE a(id int); CREATE TABLE later(id int);
      CREATE FUNCTION puts_off() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF new.id = 0 THEN PERFORM ${slowly}; ELSE
          SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.later VALUES (new.id - 1); END IF; RETURN NULL; END';
      ${trigger('later')}; ${trigger('a')}`,
    '002_b.up.sql': `INSERT INTO a VALUES (${OFTEN})`,
  };
}
