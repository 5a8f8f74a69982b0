// `migrate history`
import type { Command, Invocation } from '../command.ts';
import { counted, duration, tableLines } from '../terminal.ts';

export const history: Command = {
  name: 'history',
  summary: 'List what was applied, when, by whom and how long it took, and what is pending',
  options: [{ flags: '--verify', about: 'check the chain of the audit; exit code 1 when it does not hold' }],
  examples: [
    { line: 'migrate history', about: 'applied, pending, and what has no file' },
    { line: 'migrate history --verify', about: 'was the record changed after it was written?' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    if (invocation.options.has('verify')) return verify(invocation);
    const { halfDoneNotes, standing } = await import('../standing.ts');
    const { terminal, output } = invocation;
    const known = await standing(invocation);
    await terminal.data(output, known, () => {
      const notes = { Same: '', Changed: 'the file was changed since', Missing: 'no file' } as const;
      const applied = [...known.applied, ...known.repeatables].map(row => [
        row.version,
        row.origin,
        row.appliedAt.replace('T', ' ').replace(/\.\d+/, ''),
        row.appliedBy,
        row.origin === 'applied' ? duration(row.milliseconds) : '',
        notes[row.file],
      ]);
      const refused = new Set(known.refused.map(({ version }) => version));
      const pending = known.pending.map(version => {
        const note = refused.has(version) ? 'upgrade refuses it: migrate current says why' : '';
        return [version, 'pending', '', '', '', note];
      });
      if (applied.length + pending.length === 0) return ['Nothing is applied and nothing is pending.'];
      return [
        ...tableLines(['VERSION', 'STATE', 'WHEN', 'BY', 'TOOK', ''], [...applied, ...pending]),
        ...halfDoneNotes(known),
      ];
    });
    return 0;
  },
};

const TAMPERED =
  'The record was changed by another than this program. Nothing is held up by that: upgrade and downgrade go by the ledger. Find out who may write to it, and compare the rows with a backup (migrate restore brings one back); what was in them cannot be told from here.';

async function verify(invocation: Invocation) {
  const { terminal, output } = invocation;
  const database = await invocation.database();
  const report = await database.verifyAudit();
  if (report.rows === 0) {
    const { sayElsewhere } = await import('../standing.ts');
    sayElsewhere(invocation, database.ledgerSchema, (await database.state()).otherLedgers);
  }
  await terminal.data(output, report, () =>
    report.problems.length === 0
      ? [
          terminal.styled('good', `The audit holds: ${counted(report.rows, 'row')}, each bound to the one before.`),
          ...(report.head === null ? [] : [`Its head is row ${report.head.id}, ${report.head.hash}`]),
        ]
      : report.problems.map(problem => terminal.styled('bad', `${problem.kind}: ${problem.message}`)),
  );
  if (report.problems.length > 0) terminal.say(TAMPERED);
  return report.problems.length === 0 ? 0 : 1;
}
