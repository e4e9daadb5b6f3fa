import sharp from 'sharp';

import { STUDIO_LIGHT, type Light } from './lighting.js';
import type { Person } from './person.js';
import type { RgbImage } from './picture.js';
import { paintAppearance, seat, type Sitter } from './portrait.js';
import { NEUTRAL, type Expression, type HeadPose } from './pose.js';
import { truthOf, type FaceTruth } from './truth.js';
import { SvgSheet } from './svg-sheet.js';

/** How somebody sits for a portrait; what is not given is neutral, frontal, in studio light. */
export interface Sitting {
  readonly pose?: Partial<Pick<HeadPose, 'yaw' | 'pitch' | 'roll'>>;
  readonly expression?: Partial<Expression>;
  readonly light?: Partial<Light>;
}

export interface Still {
  readonly picture: RgbImage;
  readonly faces: readonly FaceTruth[];
}

/** A square portrait of one person, `size` pixels wide. */
export async function drawPortrait(person: Person, sitting: Sitting = {}, size = 768): Promise<Still> {
  return drawGroup([{ person, sitting }], size, size);
}

/** Portraits of one person who sits several times, each `size` pixels wide: the person's skin is painted once. */
export async function drawSittings(
  person: Person,
  sittings: readonly (Sitting & { readonly size: number })[],
): Promise<Still[]> {
  const sitter = await seat(person);
  const stills: Still[] = [];
  for (const sitting of sittings) {
    stills.push(await drawSitters([{ sitter, sitting }], sitting.size, sitting.size));
  }
  return stills;
}

/** A picture of several people side by side, or of an empty backdrop. */
export async function drawGroup(
  people: readonly { readonly person: Person; readonly sitting?: Sitting }[],
  width: number,
  height: number,
): Promise<Still> {
  const sitters: Seated[] = [];
  for (const { person, sitting } of people) sitters.push({ sitter: await seat(person), sitting });
  return drawSitters(sitters, width, height);
}

interface Seated {
  readonly sitter: Sitter;
  readonly sitting?: Sitting | undefined;
}

async function drawSitters(people: readonly Seated[], width: number, height: number): Promise<Still> {
  const picture = await backdrop(width, height);
  const unitPx = Math.min(height * 0.185, (width / Math.max(1, people.length)) * 0.2);
  const faces: FaceTruth[] = [];
  for (const [index, { sitter, sitting }] of people.entries()) {
    const x = (width * (index + 0.5)) / people.length;
    const pose = { x, y: height * 0.43, unitPx, yaw: 0, pitch: 0, roll: 0, ...sitting?.pose };
    const expression = { ...NEUTRAL, ...sitting?.expression };
    const light = { ...STUDIO_LIGHT, ...sitting?.light };
    const drawn = await paintAppearance(picture, { sitter, pose, expression }, light);
    faces.push(truthOf(drawn, picture));
  }
  return { picture, faces };
}

/** A grey studio backdrop with a glow. */
async function backdrop(width: number, height: number): Promise<RgbImage> {
  const sheet = new SvgSheet();
  sheet.path(`M0 0H${width}V${height}H0Z`, { fill: 'rgb(108,112,116)' });
  sheet.softSpot({ x: width * 0.42, y: height * 0.36 }, width * 0.75, height * 0.75, [190, 192, 190], 0.85);
  const layer = await sheet.rasterise({ left: 0, top: 0, width, height });
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    data.set(layer.data.subarray(pixel * 4, pixel * 4 + 3), pixel * 3);
  }
  return { width, height, data };
}

export async function pngOf(picture: RgbImage): Promise<Buffer> {
  const { width, height, data } = picture;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 7 })
    .toBuffer();
}
