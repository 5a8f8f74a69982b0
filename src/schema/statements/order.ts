// Brings statements into an order that PostgreSQL takes: by stage, and within what is made, first what others need. What is
// dropped goes the other way round. Two that need each other stay in the order of their stages. Pure.
import { type Piece, STAGES, type Stage } from './draft.ts';
import { namesIn } from './names.ts';

const isEarlyDrop = (stage: Stage) => stage.startsWith('drop ') && stage !== 'drop late';

export function ordered(pieces: readonly Piece[]): readonly Piece[] {
  const rank = new Map(STAGES.map((stage, index) => [stage, index]));
  const sorted = [...pieces].sort((a, b) => (rank.get(a.stage) ?? 0) - (rank.get(b.stage) ?? 0));
  const early = STAGES.filter(isEarlyDrop).flatMap(stage => dropped(sorted.filter(piece => piece.stage === stage)));
  const late = sorted.filter(piece => piece.stage === 'drop late');
  const last = sorted.filter(piece => piece.stage === 'rights' || piece.stage === 'comments');
  const made = sorted.filter(piece => !isEarlyDrop(piece.stage) && !late.includes(piece) && !last.includes(piece));
  return [...early, ...needsFirst(made), ...dropped(late), ...last];
}

/** What needs something goes before it. */
function dropped(pieces: readonly Piece[]): readonly Piece[] {
  return needsFirst(pieces).toReversed();
}

function needsFirst(pieces: readonly Piece[]): readonly Piece[] {
  const makers = new Map<string, Piece[]>();
  for (const piece of pieces) for (const name of piece.names) makers.set(name, [...(makers.get(name) ?? []), piece]);
  const done = new Set<Piece>();
  const answer: Piece[] = [];
  const visit = (piece: Piece): void => {
    if (done.has(piece)) return;
    done.add(piece);
    for (const name of namesIn(piece.needs)) {
      if (!piece.names.includes(name)) for (const maker of makers.get(name) ?? []) visit(maker);
    }
    answer.push(piece);
  };
  for (const piece of pieces) visit(piece);
  return answer;
}
