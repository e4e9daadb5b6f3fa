import { drawBody } from './body-drawing.js';
import { drawFace, PosedHead } from './face-drawing.js';
import { drawGlasses } from './glasses-drawing.js';
import { drawBackHair, drawHair } from './hair-drawing.js';
import { Head } from './head.js';
import type { Light } from './lighting.js';
import type { Person } from './person.js';
import type { Expression, HeadPose } from './pose.js';
import { layOver, type RgbImage } from './picture.js';
import { lightSkin } from './relief.js';
import { paintSkin, type SkinTexture } from './skin-texture.js';
import { SvgSheet, type Area } from './svg-sheet.js';
import type { Point2 } from './vector.js';

/** A person with what is made once for them: the solid head and the painted skin. */
export interface Sitter {
  readonly person: Person;
  readonly head: Head;
  readonly texture: SkinTexture;
}

export async function seat(person: Person): Promise<Sitter> {
  const head = new Head(person);
  return { person, head, texture: await paintSkin(person, head) };
}

/** One person in one picture. */
export interface Appearance {
  readonly sitter: Sitter;
  readonly pose: HeadPose;
  readonly expression: Expression;
  /** Where the body stands; the head may lean away from it. Defaults to the head's place. */
  readonly body?: Point2;
}

/** Draws a person over a picture, in place, and returns the head as drawn, with its 68 points. */
export async function paintAppearance(picture: RgbImage, appearance: Appearance, light: Light): Promise<PosedHead> {
  const { sitter, pose, expression } = appearance;
  const face = new PosedHead(sitter.person, pose, expression, sitter.head);
  const all: Area = { left: 0, top: 0, width: picture.width, height: picture.height };
  const behind = new SvgSheet();
  drawBackHair(behind, face, light);
  drawBody(behind, face, light, appearance.body ?? { x: pose.x, y: pose.y });
  const bodyArea = around(face, { left: 3.3, right: 3.3, top: 2.4, bottom: 60 }, all);
  const skin = new SvgSheet();
  drawFace(skin, face);
  const headArea = around(face, { left: 1.9, right: 1.9, top: 2.4, bottom: 2.9 }, all);
  const over = new SvgSheet();
  drawHair(over, face, light);
  if (sitter.person.glasses) drawGlasses(over, face);
  const [bodyLayer, skinLayer, overLayer] = await Promise.all([
    bodyArea && behind.rasterise(bodyArea),
    headArea && skin.rasterise(headArea),
    headArea && over.rasterise(headArea),
  ]);
  if (bodyArea && bodyLayer) layOver(picture, bodyLayer, bodyArea);
  if (headArea && skinLayer && overLayer) {
    lightSkin(skinLayer, headArea, face, sitter.texture, light);
    layOver(picture, skinLayer, headArea);
    layOver(picture, overLayer, headArea);
  }
  return face;
}

/** Whole pixels round a head, within the picture; none when it is all outside. */
function around(
  face: PosedHead,
  reach: { left: number; right: number; top: number; bottom: number },
  picture: Area,
): Area | undefined {
  const { x, y, unitPx } = face.pose;
  const left = Math.max(picture.left, Math.floor(x - reach.left * unitPx));
  const top = Math.max(picture.top, Math.floor(y - reach.top * unitPx));
  const right = Math.min(picture.width, Math.ceil(x + reach.right * unitPx));
  const bottom = Math.min(picture.height, Math.ceil(y + reach.bottom * unitPx));
  if (right <= left || bottom <= top) return undefined;
  return { left, top, width: right - left, height: bottom - top };
}
