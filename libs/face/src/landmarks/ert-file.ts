import { UnderstudyError } from '@understudy/contracts';

/** One regression tree, full to its depth: `splits` inner nodes, and a leaf for each way through them. */
export interface RegressionTree {
  /** Per node: the two features that are compared, and by how much the first must exceed the second to go left. */
  readonly first: Uint16Array;
  readonly second: Uint16Array;
  readonly threshold: Float32Array;
  /** `splits + 1` leaves of `2 * points` numbers. */
  readonly leaves: Float32Array;
}

/** An ensemble of regression trees that moves a face's points (Kazemi and Sullivan 2014). */
export interface ShapePredictor {
  /** x and y in turn, in parts of the face's box. */
  readonly initialShape: Float32Array;
  readonly cascades: readonly {
    readonly trees: readonly RegressionTree[];
    /** Per feature: the point it is fixed to, and where it lies from there in the initial shape. */
    readonly anchors: Uint16Array;
    /** x and y in turn. */
    readonly deltas: Float32Array;
  }[];
}

const MAX_ITEMS = 1_000_000;

/** Numbers as dlib writes them: a control byte with the sign and the count of bytes, then these, lowest first. */
class Reader {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  integer(): number {
    const control = this.bytes[this.at++];
    if (control === undefined) throw unreadable('it ends too early');
    const count = control & 0x0f;
    if (count > 8 || this.at + count > this.bytes.length) throw unreadable('it ends too early');
    let value = 0;
    for (let i = count - 1; i >= 0; i--) value = value * 256 + this.bytes[this.at + i]!;
    this.at += count;
    return (control & 0x80) === 0 ? value : -value;
  }

  /** A mantissa and a power of two. From 32000 on, the power stands for infinities and what is no number. */
  float(): number {
    const mantissa = this.integer();
    const exponent = this.integer();
    if (Math.abs(exponent) >= 32_000) throw unreadable('it holds a number that is none');
    return mantissa * 2 ** exponent;
  }

  count(most = MAX_ITEMS): number {
    const value = this.integer();
    if (value < 0 || value > most) throw unreadable(`it counts ${value} items`);
    return value;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.count() }, read);
  }

  /** A column of numbers, whose sizes are written as negatives. */
  column(): Float32Array {
    const rows = Math.abs(this.integer());
    const columns = Math.abs(this.integer());
    if (rows * columns > MAX_ITEMS) throw unreadable(`it holds a matrix of ${rows} x ${columns}`);
    const out = new Float32Array(rows * columns);
    for (let i = 0; i < out.length; i++) out[i] = this.float();
    return out;
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }
}

function unreadable(why: string): UnderstudyError {
  return new UnderstudyError('PACK_UNREADABLE', `the file is no shape predictor of dlib: ${why}. Get it again.`);
}

/**
 * Reads a shape predictor as dlib serialises it (`shape_predictor.h`, version 1): initial shape, cascades of trees, the
 * anchors and offsets of each cascade's features.
 *
 * @throws UnderstudyError PACK_UNREADABLE
 */
export function readShapePredictor(bytes: Uint8Array): ShapePredictor {
  const reader = new Reader(bytes);
  const version = reader.integer();
  if (version !== 1) throw unreadable(`its version is ${version}`);
  const initialShape = reader.column();
  const forests = reader.list(() => reader.list(() => readTree(reader, initialShape.length)));
  const anchors = reader.list(() => Uint16Array.from(reader.list(() => reader.count(initialShape.length / 2 - 1))));
  const deltas = reader.list(() => Float32Array.from(reader.list(() => [reader.float(), reader.float()]).flat()));
  if (!reader.atEnd) throw unreadable('something follows its end');
  if (forests.length === 0 || anchors.length !== forests.length || deltas.length !== forests.length) {
    throw unreadable('its cascades are not complete');
  }
  const cascades = forests.map((trees, i) => ({ trees, anchors: anchors[i]!, deltas: deltas[i]! }));
  for (const cascade of cascades) checkFeatures(cascade);
  return { initialShape, cascades };
}

function readTree(reader: Reader, width: number): RegressionTree {
  const splits = reader.list(() => [reader.count(65_535), reader.count(65_535), reader.float()] as const);
  const count = reader.count();
  if (count !== splits.length + 1 || !Number.isInteger(Math.log2(count))) throw unreadable('a tree of it is not full');
  const leaves = new Float32Array(count * width);
  for (let leaf = 0; leaf < count; leaf++) {
    const values = reader.column();
    if (values.length !== width) throw unreadable(`a leaf of it has ${values.length} numbers`);
    leaves.set(values, leaf * width);
  }
  return {
    first: Uint16Array.from(splits, (split) => split[0]),
    second: Uint16Array.from(splits, (split) => split[1]),
    threshold: Float32Array.from(splits, (split) => split[2]),
    leaves,
  };
}

function checkFeatures({ trees, anchors, deltas }: ShapePredictor['cascades'][number]): void {
  const known = anchors.length;
  const sound =
    deltas.length === 2 * known &&
    trees.every(({ first, second }) => first.every((i) => i < known) && second.every((i) => i < known));
  if (!sound) throw unreadable('a tree of it asks for a feature that is not there');
}
