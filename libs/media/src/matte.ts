import { UnderstudyError } from '@understudy/contracts';
import type { PlateInfo } from './plate-info.js';

/**
 * Refuses a matte that does not lie on the plate frame by frame, sample by sample. Where the plate's rate varies its frames are
 * counted alone, and a still has no rate.
 *
 * @throws MATTE_MISMATCH; `details.differs` has what is wanted and what was found
 */
export function requireMatteFits(matte: PlateInfo, plate: PlateInfo): void {
  const differs: Record<string, { plate: unknown; matte: unknown }> = {};
  const compare = (what: string, ofPlate: number | string, ofMatte: number | string) => {
    if (ofPlate !== ofMatte) differs[what] = { plate: ofPlate, matte: ofMatte };
  };
  compare('frames', plate.frameCount, matte.frameCount);
  compare('size', sizeOf(plate), sizeOf(matte));
  if (plate.isConstantRate && !plate.isStill) compare('rate', rateOf(plate), rateOf(matte));
  const [first] = Object.entries(differs);
  if (first !== undefined) {
    const [what, of] = first;
    throw new UnderstudyError(
      'MATTE_MISMATCH',
      `The matte's ${what} is ${String(of.matte)}, the plate's ${String(of.plate)}: export the matte from the plate itself.`,
      { details: { differs } },
    );
  }
  if (!matte.notCarried.includes('alpha')) return;
  throw new UnderstudyError('MATTE_MISMATCH', 'The matte has an alpha channel, which is not read: export it as grey.', {
    details: { differs: { alpha: { plate: false, matte: true } } },
  });
}

function sizeOf({ video }: PlateInfo): string {
  return `${video.width}x${video.height}`;
}

function rateOf({ video: { rate } }: PlateInfo): string {
  return `${rate.num}/${rate.den}`;
}
