/** In samples of the upright frame. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Five columns, seven rows a letter, one bit a cell. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  P: [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
  R: [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
  E: [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
  V: [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100],
  I: [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  W: [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001],
};
const MARK = 'PREVIEW';
/** Cells of the mark with its margins, across. */
const MARK_CELLS = MARK.length * 6 + 1;

/** The runs of set cells of a row of the mark, as boxes in cells. */
function* markRuns(): Generator<Area> {
  for (const [index, letter] of [...MARK].entries()) {
    for (const [row, bits] of (LETTERS[letter] ?? []).entries()) {
      for (let column = 0; column < 5; column += 1) {
        let width = 0;
        while (column + width < 5 && (bits & (0b10000 >> (column + width))) !== 0) width += 1;
        if (width > 0) yield { x: index * 6 + 1 + column, y: row, width, height: 1 };
        column += width;
      }
    }
  }
}

export function drawbox({ x, y, width, height }: Area, colour: string): string {
  return `drawbox=x=${x}:y=${y}:w=${width}:h=${height}:color=${colour}:t=fill`;
}

function wordAt(left: number, top: number, cell: number, colour: string): string[] {
  return [...markRuns()].map(({ x, y, width, height }) =>
    drawbox({ x: left + x * cell, y: top + y * cell, width: width * cell, height: height * cell }, colour),
  );
}

/** A frame around the picture and the word over its foot: nobody takes it for a frame of the work itself. */
export function facePreviewMarks(side: number): string[] {
  const cell = Math.max(1, Math.floor(side / MARK_CELLS));
  const edge = cell * 2;
  const [left, top] = [Math.floor((side - cell * MARK_CELLS) / 2), side - cell * 10];
  const letters = wordAt(left, top, cell, 'white');
  const foot = { x: 0, y: top - cell, width: side, height: side - top + cell };
  return [drawbox(foot, 'black@0.6'), ...letters, `drawbox=x=0:y=0:w=${side}:h=${side}:color=orange:t=${edge}`];
}

/** The word across a whole frame, three times, so that no part worth having is without it, and an edge around it. */
export function stillMarks({ width, height }: { width: number; height: number }): string[] {
  const cell = Math.max(1, Math.floor((width * 0.8) / MARK_CELLS));
  const left = Math.max(0, Math.floor((width - cell * MARK_CELLS) / 2));
  const rows = [0.2, 0.5, 0.8].flatMap((at) => {
    const top = Math.max(0, Math.floor(height * at - (cell * 7) / 2));
    // Two shades, one of which shows on whatever lies below.
    return [...wordAt(left + cell, top + cell, cell, 'black@0.35'), ...wordAt(left, top, cell, 'white@0.35')];
  });
  return [...rows, `drawbox=x=0:y=0:w=${width}:h=${height}:color=orange:t=${Math.max(2, Math.ceil(width / 160))}`];
}
