// What a person gets at the Tab key, from the shells themselves: each sources what `migrate completion` prints.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { canInstallPackages, installPackages } from '../debian.ts';
import { Project } from './project.ts';

const ZSH = '/usr/bin/zsh';
const missing = () => (existsSync(ZSH) ? [] : ['zsh']);

/** zsh in a terminal of its own (zpty): types a line and a Tab, then has the line that came of it printed. */
const TYPE_IN_ZSH = `
zmodload zsh/zpty
zpty z "PS1= PS2= TERM=dumb ${ZSH} -f -i"
show() { zpty -w z "$1"; zpty -r -m z reply "*$2*"; }
show "unsetopt zle_bracketed_paste; fpath=($PWD \\$fpath); autoload -U compinit; compinit -u -d $PWD/dump; line() { print -r -- \\"<\\$BUFFER>\\"; BUFFER=; zle redisplay }; zle -N line; bindkey '^X' line; echo re''ady" ready
for typed in "$@"; do
  zpty -n -w z "$typed"$'\\t\\x18'
  zpty -r -m z reply '*<*>*'
  reply=\${reply##*<}
  print -r -- "\${reply%%>*}"
done
zpty -d z
`;

describe('Completion', () => {
  it('in bash offers commands, options, their values and nothing where only the person knows', async () => {
    const project = new Project();
    project.write('completion.bash', (await project.migrate('completion', 'bash')).out);
    const tab = (...words: readonly string[]) => {
      const script = `source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _migrate; echo "\${COMPREPLY[*]}"`;
      const args = ['-c', script, 'bash', 'migrate', ...words];
      return execFileSync('bash', args, { cwd: project.directory, encoding: 'utf8' }).trim();
    };
    assert.equal(tab('upg'), 'upgrade');
    assert.equal(tab('help', 'upg'), 'upgrade');
    assert.equal(tab('upgrade', '--d'), '--dry-run --dir');
    assert.equal(tab('upgrade', '-o', ''), 'json yaml');
    assert.equal(tab('completion', 'z'), 'zsh');
    assert.equal(tab('upgrade', '--env', ''), '');
    assert.equal(tab('erd', '--out', 'comp'), 'completion.bash');
  });

  describe('in zsh', { skip: missing().length > 0 && !canInstallPackages() && 'needs zsh' }, () => {
    before(() => installPackages(missing));

    it('works at the first Tab after it was loaded, and for options, values and arguments', async () => {
      const project = new Project();
      project.write('_migrate', (await project.migrate('completion', 'zsh')).out);
      const typed = ['migrate upg', 'migrate upgrade --dr', 'migrate erd --format s', 'migrate completion z'];
      const lines = execFileSync(ZSH, ['-f', '-c', TYPE_IN_ZSH, 'zsh', ...typed], {
        cwd: project.directory,
        encoding: 'utf8',
        timeout: 120_000,
      });
      assert.deepEqual(
        lines
          .split('\n')
          .map(line => line.trim())
          .filter(line => line !== ''),
        ['migrate upgrade', 'migrate upgrade --dry-run', 'migrate erd --format svg', 'migrate completion zsh'],
      );
    });
  });
});
