import type { Head } from './head.js';
import type { Person, Rgb } from './person.js';
import { between, latticeNoise, noiseLattice, seededRandom, type Random } from './random.js';
import { blend, curvePath, rgbCss, shade, SvgSheet } from './svg-sheet.js';
import { clamp, lerp, type Point2 } from './vector.js';

/**
 * What is painted on a person's skin, wrapped round the head: blush, shadows that stay (sockets, under the nose and
 * lip), freckles, marks, wrinkles, stubble, pores. Three bytes a texel; {@link NEUTRAL_TEXEL} leaves the skin's tone
 * as it is, less darkens it.
 */
export interface SkinTexture {
  readonly width: number;
  readonly height: number;
  readonly texels: Uint8Array;
}

export const NEUTRAL_TEXEL = 200;
export const TEXTURE_WIDTH = 640;
export const TEXTURE_HEIGHT = 704;
/** The texture covers this much of the head round its axis, radians either side of the nose. */
export const TEXTURE_ANGLE = (110 * Math.PI) / 180;

/** Paints in places of the face, unwrapped. */
class Unwrapped {
  readonly sheet = new SvgSheet();

  constructor(
    private readonly head: Head,
    readonly random: Random,
  ) {}

  at(x: number, y: number): Point2 {
    const ring = this.head.ringAt(y);
    const angle = this.head.angleAt(ring, x);
    return {
      x: (0.5 + angle / (2 * TEXTURE_ANGLE)) * TEXTURE_WIDTH,
      y: (this.head.ringIndex(y) / (this.head.rings.length - 1)) * TEXTURE_HEIGHT,
    };
  }

  /** A soft spot whose size is given in head units. */
  spot(x: number, y: number, rx: number, ry: number, colour: Rgb, opacity: number): void {
    const centre = this.at(x, y);
    const right = this.at(x + rx * 0.5, y);
    const left = this.at(x - rx * 0.5, y);
    const below = this.at(x, y + ry * 0.5);
    const above = this.at(x, y - ry * 0.5);
    this.sheet.softSpot(centre, Math.max(1, right.x - left.x), Math.max(1, below.y - above.y), colour, opacity);
  }

  line(points: readonly (readonly [number, number])[], colour: Rgb, width: number, opacity: number): void {
    const path = curvePath(points.map(([x, y]) => this.at(x, y)));
    this.sheet.path(path, { stroke: rgbCss(colour), width, opacity });
  }

  /** A crease: a dark line with a lit lower lip. */
  crease(points: readonly (readonly [number, number])[], width: number, opacity: number): void {
    this.line(points, [134, 106, 98], width * 2.6, opacity * 0.35);
    this.line(points, [116, 86, 78], width, opacity * 0.9);
    this.line(
      points.map(([x, y]) => [x, y + 0.022] as const),
      [226, 222, 218],
      width,
      opacity * 0.5,
    );
  }
}

export async function paintSkin(person: Person, head: Head): Promise<SkinTexture> {
  const paint = new Unwrapped(head, seededRandom(person.seed));
  paintStanding(paint, person);
  paintAge(paint, person);
  paintMarks(paint, person);
  paintBeard(paint, person);
  const area = { left: 0, top: 0, width: TEXTURE_WIDTH, height: TEXTURE_HEIGHT };
  const base = new Uint8Array(TEXTURE_WIDTH * TEXTURE_HEIGHT * 3).fill(NEUTRAL_TEXEL);
  const painted = await paint.sheet.rasterise(area);
  for (let texel = 0; texel < TEXTURE_WIDTH * TEXTURE_HEIGHT; texel += 1) {
    const alpha = (painted.data[texel * 4 + 3] ?? 0) / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      base[texel * 3 + channel] = lerp(NEUTRAL_TEXEL, painted.data[texel * 4 + channel] ?? 0, alpha);
    }
  }
  addPores(base, person, paint.random);
  return { width: TEXTURE_WIDTH, height: TEXTURE_HEIGHT, texels: base };
}

/** Blush and the shadows a face keeps in any light. */
function paintStanding(paint: Unwrapped, person: Person): void {
  const s = person.shape;
  const warm: Rgb = [206, 138, 128];
  const dark: Rgb = [120, 84, 76];
  for (const sign of [-1, 1]) {
    paint.spot(sign * 0.62, 0.52, 0.42, 0.32, warm, 0.32 + 0.5 * s.blush);
    paint.spot(sign * s.eyeOffset * 0.6, -0.06, 0.17, 0.2, dark, 0.4);
    paint.spot(sign * s.eyeOffset, -0.14, 0.34, 0.13, dark, 0.34);
    paint.spot(sign * s.eyeOffset, 0.17, 0.28, 0.1, [142, 112, 118], 0.26 + 0.5 * s.eyeBags);
    paint.spot(sign * 0.86, 1.05, 0.22, 0.5, dark, 0.2);
    paint.spot(sign * 0.98, -0.35, 0.2, 0.5, dark, 0.22);
    paint.line(
      [
        [sign * (s.noseHalf + 0.02), s.noseBaseY - 0.14],
        [sign * (s.mouthHalf - 0.02), s.mouthY - 0.2],
        [sign * (s.mouthHalf + 0.1), s.mouthY - 0.02],
      ],
      dark,
      5,
      0.05 + 0.25 * s.wrinkles,
    );
    paint.spot(sign * s.noseHalf * 0.95, s.noseBaseY - 0.08, 0.1, 0.12, [196, 120, 108], 0.3);
    paint.spot(sign * (s.bridgeHalf + 0.06), 0.2, 0.08, 0.3, dark, 0.28);
  }
  paint.spot(0, s.noseTipY + 0.02, 0.17, 0.13, warm, 0.4 + 0.3 * s.blush);
  paint.spot(0, 0.2, 0.06, 0.36, [236, 230, 226], 0.5);
  paint.spot(0, s.noseBaseY + 0.1, 0.05, 0.1, dark, 0.26);
  paint.spot(0, s.mouthY + s.lowerLip + 0.09, 0.26, 0.08, dark, 0.42);
  paint.spot(0, s.chinY - 0.2, 0.2, 0.14, warm, 0.3);
  paint.spot(0, -0.7, 0.5, 0.3, [226, 218, 210], 0.34);
}

function paintAge(paint: Unwrapped, person: Person): void {
  const s = person.shape;
  if (s.wrinkles < 0.15) return;
  const strength = s.wrinkles;
  const wobble = (): number => between(paint.random, -0.02, 0.02);
  for (let row = 0; row < 4; row += 1) {
    const y = lerp(s.browY - 0.2, s.hairlineY + 0.16, row / 3.5);
    const reach = between(paint.random, 0.4, 0.62);
    const line = [-1, -0.5, 0, 0.5, 1].map((t) => [t * reach, y + wobble() - 0.03 * Math.cos(t * 3)] as const);
    paint.crease(line, 2.2, 0.55 * strength);
  }
  for (const sign of [-1, 1]) {
    paint.crease(
      [
        [sign * 0.06, s.browY + 0.1],
        [sign * 0.075, s.browY - 0.1],
      ],
      2.4,
      0.6 * strength,
    );
    for (const [rise, reach] of [
      [-0.1, 0.15],
      [0, 0.19],
      [0.1, 0.16],
    ] as const) {
      const from = s.eyeOffset + s.eyeHalf + 0.07;
      paint.crease(
        [
          [sign * from, rise * 0.4],
          [sign * (from + reach * 0.5), rise * 0.7 + wobble()],
          [sign * (from + reach), rise * 1.5],
        ],
        1.8,
        0.6 * strength,
      );
    }
    paint.crease(
      [
        [sign * (s.noseHalf + 0.03), s.noseBaseY - 0.16],
        [sign * (s.mouthHalf - 0.01), s.mouthY - 0.22],
        [sign * (s.mouthHalf + 0.11), s.mouthY + 0.02],
      ],
      3.4,
      0.75 * strength,
    );
    paint.crease(
      [
        [sign * (s.mouthHalf + 0.04), s.mouthY + 0.1],
        [sign * (s.mouthHalf + 0.05), s.mouthY + 0.32],
      ],
      2.4,
      0.5 * strength,
    );
    paint.crease(
      [
        [sign * (s.eyeOffset - 0.2), 0.16],
        [sign * s.eyeOffset, 0.24],
        [sign * (s.eyeOffset + 0.2), 0.19],
      ],
      2,
      0.6 * strength,
    );
  }
}

function paintMarks(paint: Unwrapped, person: Person): void {
  const s = person.shape;
  const { random } = paint;
  const freckles = Math.round(220 * s.freckles);
  for (let index = 0; index < freckles; index += 1) {
    const x = between(random, -0.9, 0.9) * Math.sqrt(random());
    const y = lerp(0.05, 0.75, random()) - 0.25 * Math.abs(x) + 0.1;
    const size = between(random, 0.01, 0.026);
    paint.spot(x, y, size, size, [146, 92, 62], between(random, 0.4, 0.9));
  }
  const marks = Math.round(16 * s.ageMarks);
  for (let index = 0; index < marks; index += 1) {
    const size = between(random, 0.02, 0.06);
    paint.spot(
      between(random, -0.9, 0.9),
      between(random, -0.85, 1.3),
      size,
      size * 0.8,
      [140, 98, 72],
      between(random, 0.3, 0.65),
    );
  }
  const moles = 1 + Math.floor(random() * 3);
  for (let index = 0; index < moles; index += 1) {
    paint.spot(between(random, -0.75, 0.75), between(random, 0.2, 1.5), 0.024, 0.024, [70, 42, 34], 0.95);
  }
}

/** Whether a place of the face grows a beard, 0 to 1. */
function beardGrowth(person: Person, x: number, y: number): number {
  const s = person.shape;
  const across = Math.abs(x);
  const cheekLine = lerp(s.mouthY - 0.06, 0.32, clamp((across - 0.3) / 0.65, 0, 1));
  const below = clamp((y - cheekLine) / 0.12, 0, 1);
  const lipX = across / (s.mouthHalf * 1.06);
  const lipY = (y - (s.mouthY + 0.02)) / (y < s.mouthY ? s.upperLip + 0.05 : s.lowerLip + 0.07);
  const lips = clamp((Math.hypot(lipX, lipY) - 0.95) / 0.25, 0, 1);
  const moustache = across < s.mouthHalf * 1.1 && y > s.noseBaseY + 0.06 && y < s.mouthY + 0.1 ? 1 : 0;
  return Math.max(below, moustache) * lips;
}

function paintBeard(paint: Unwrapped, person: Person): void {
  const s = person.shape;
  const amount = Math.max(s.stubble * 0.6, s.beard);
  if (amount < 0.05) return;
  const { random } = paint;
  const hair = blend(person.tones.hair, [190, 188, 184], s.greying * 0.8);
  const onSkin = (colour: Rgb): Rgb =>
    [0, 1, 2].map(
      (channel) => clamp((colour[channel] ?? 0) / (person.tones.skin[channel] ?? 1), 0, 1.2) * NEUTRAL_TEXEL,
    ) as unknown as Rgb;
  const shadow = blend([140, 134, 136], onSkin(hair), s.beard);
  for (let index = 0; index < 500; index += 1) {
    const x = between(random, -1, 1);
    const y = between(random, 0.3, s.chinY - 0.02);
    const growth = beardGrowth(person, x, y);
    if (growth > 0.4) paint.spot(x, y, 0.12, 0.1, shadow, 0.22 * amount * growth + 0.16 * s.beard);
  }
  const strands = Math.round(1500 * s.stubble + 5200 * s.beard);
  for (let index = 0; index < strands; index += 1) {
    const x = between(random, -1.02, 1.02);
    const y = between(random, 0.25, s.chinY - 0.01);
    if (random() > beardGrowth(person, x, y)) continue;
    const length = lerp(0.018, 0.075, s.beard);
    const tone = onSkin(shade(hair, between(random, 0.6, 1.25)));
    paint.line(
      [
        [x, y],
        [x * 0.99 + between(random, -0.015, 0.015), y + length],
      ],
      tone,
      1.3,
      lerp(0.4, 0.7, s.beard),
    );
  }
}

/** Fine unevenness of the skin: blotches and pores. */
function addPores(texels: Uint8Array, person: Person, random: Random): void {
  const strength = person.shape.skinNoise;
  const period = 64;
  const lattice = noiseLattice(random, period);
  const layers = [
    { cells: 9, amplitude: 5, tint: [0.6, 1, 1] },
    { cells: 26, amplitude: 4, tint: [0.8, 1, 1] },
    { cells: 110, amplitude: 4.5, tint: [1, 1, 1] },
    { cells: 230, amplitude: 5, tint: [1, 1, 1] },
  ];
  for (let row = 0; row < TEXTURE_HEIGHT; row += 1) {
    for (let column = 0; column < TEXTURE_WIDTH; column += 1) {
      const offset = (row * TEXTURE_WIDTH + column) * 3;
      for (const { cells, amplitude, tint } of layers) {
        const value =
          latticeNoise(lattice, period, (column / TEXTURE_WIDTH) * cells, (row / TEXTURE_HEIGHT) * cells) *
          amplitude *
          strength;
        for (let channel = 0; channel < 3; channel += 1) {
          texels[offset + channel] = clamp((texels[offset + channel] ?? 0) + value * (tint[channel] ?? 1), 0, 255);
        }
      }
    }
  }
}
