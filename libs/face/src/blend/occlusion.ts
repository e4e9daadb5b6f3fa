import { blurPlane } from './gaussian.js';
import type { LogColour } from './log-colour.js';
import { createPlane, type FloatPlane } from './plane.js';
import { insideFeather, type FaceRegions } from './regions.js';

/** Log differences from the skin around at which a pixel is as likely something else: darker, brighter, another colour. */
const DARKER = 0.5;
const BRIGHTER = 0.45;
const COLOUR = 0.17;

/**
 * Dark hair over the rim of a face, 0..1: what is much darker than the broad light, whatever its colour, since an image's
 * shadows may have any.
 */
export function darkRim(luma: FloatPlane, broad: FloatPlane, regions: FaceRegions, scale: number): FloatPlane {
  const rim = insideFeather(regions.hull, 0.5 * scale);
  const odd = createPlane(luma.width, luma.height);
  for (let i = 0; i < odd.data.length; i++) {
    if (regions.hull.data[i] === 0) continue;
    const likely = Math.max(0, Math.min(1, (broad.data[i]! - luma.data[i]! - 0.4) / 0.3));
    odd.data[i] = likely * (1 - regions.features.data[i]!) * (1 - rim.data[i]!);
  }
  return coherent(odd, scale);
}

/**
 * Hair, hands and other things in front of a face's rim: 0 skin, 1 something else. Judged by the distance from the
 * smooth skin around, so only where skin is expected: never over eyes, brows, nostrils and lips, nor in the face's middle,
 * where shade and make-up look the same.
 *
 * @param skin what smooth skin looks like there, log colour.
 * @param scale pixels per outer-eye-corner distance.
 */
export function occlusionOf(plate: LogColour, skin: LogColour, regions: FaceRegions, scale: number): FloatPlane {
  const { width, height } = plate.luma;
  const rim = insideFeather(regions.hull, 0.55 * scale);
  const odd = createPlane(width, height);
  const [hull, features, middle] = [regions.hull.data, regions.features.data, rim.data];
  const [lumas, reds, blues] = [plate.luma.data, plate.red.data, plate.blue.data];
  const [skinLuma, skinRed, skinBlue] = [skin.luma.data, skin.red.data, skin.blue.data];
  for (let i = 0; i < hull.length; i++) {
    if (hull[i] === 0) continue;
    const luma = lumas[i]! - skinLuma[i]!;
    const red = (reds[i]! - skinRed[i]!) / COLOUR;
    const blue = (blues[i]! - skinBlue[i]!) / (1.6 * COLOUR);
    const tone = luma / (luma < 0 ? DARKER : BRIGHTER);
    const distance = Math.sqrt(tone * tone + red * red + blue * blue);
    const likely = Math.max(0, Math.min(1, (distance - 0.85) / 0.6));
    odd.data[i] = likely * (1 - features[i]!) * (1 - middle[i]!);
  }
  return coherent(odd, scale);
}

/** Drops what is smaller than a strand of hair at this size, and softens the rest. */
function coherent(odd: FloatPlane, scale: number): FloatPlane {
  const soft = blurPlane(odd, 0.045 * scale);
  for (let i = 0; i < soft.data.length; i++) {
    const t = Math.max(0, Math.min(1, (soft.data[i]! - 0.25) / 0.4));
    soft.data[i] = t * t * (3 - 2 * t);
  }
  return soft;
}
