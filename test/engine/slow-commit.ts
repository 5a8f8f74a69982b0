// Two files whose COMMIT is at work for long, as behind a slow disk or a standby that is waited for. What is deferred is done
// before COMMIT, so a trigger that is deferred puts off another one once more.
export function slowAtCommit(slowly: string): Readonly<Record<string, string>> {
  const trigger = (name: string, table: string) =>
    `CREATE CONSTRAINT TRIGGER ${name} AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${name}()`;
  return {
    '001_a.up.sql': `CREATE TABLE a(id int); CREATE TABLE later(id int);
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM ${slowly}; RETURN NEW; END';
      CREATE FUNCTION puts_off() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN SET CONSTRAINTS slow DEFERRED; INSERT INTO later VALUES (1); RETURN NEW; END';
      ${trigger('slow', 'later')}; ${trigger('puts_off', 'a')}`,
    '002_b.up.sql': 'INSERT INTO a VALUES (1)',
  };
}
