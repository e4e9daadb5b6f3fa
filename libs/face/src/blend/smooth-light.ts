import { blurPlane } from './gaussian.js';
import { createPlane, enlargePlane, reducePlane, type FloatPlane } from './plane.js';

/**
 * The slowly varying part of an image as its skin shows it: a Gaussian mean over the pixels that `weight` counts
 * (normalised convolution, Knutsson and Westin 1993), which fills the rest smoothly from them. Pixels far from
 * that mean (hair, a hand, a highlight) are given less weight and the mean taken again.
 *
 * @param channels log values, planes of one size.
 * @param weight 0..1, how much a pixel counts as skin.
 * @param sigma of the mean, in pixels.
 * @param outlier log difference at which a pixel counts half.
 * @returns one plane a channel, of the same size.
 */
export function smoothLight(
  channels: readonly FloatPlane[],
  weight: FloatPlane,
  sigma: number,
  outlier: number,
): FloatPlane[] {
  const factor = Math.max(1, Math.floor(sigma / 3.5));
  const { width, height } = weight;
  const smallWeight = reducePlane(weight, factor);
  const weighted = createPlane(width, height);
  const small = channels.map((channel) => {
    for (let i = 0; i < weighted.data.length; i++) weighted.data[i] = channel.data[i]! * weight.data[i]!;
    const reduced = reducePlane(weighted, factor);
    for (let i = 0; i < reduced.data.length; i++) reduced.data[i]! /= smallWeight.data[i]! + 1e-6;
    return reduced;
  });
  let means = weightedMeans(small, smallWeight, sigma / factor);
  for (let pass = 0; pass < 2; pass++) {
    const robust = createPlane(smallWeight.width, smallWeight.height);
    for (let i = 0; i < robust.data.length; i++) {
      let squared = 0;
      for (let c = 0; c < small.length; c++) squared += (small[c]!.data[i]! - means[c]!.data[i]!) ** 2;
      const ratio = squared / (small.length * outlier * outlier);
      robust.data[i] = smallWeight.data[i]! / (1 + ratio * ratio);
    }
    means = weightedMeans(small, robust, sigma / factor);
  }
  return means.map((mean) => enlargePlane(mean, factor, width, height));
}

function weightedMeans(channels: readonly FloatPlane[], weight: FloatPlane, sigma: number): FloatPlane[] {
  // A wide, faint second mean stands in where no counted pixel is near.
  const near = blurPlane(weight, sigma);
  const far = blurPlane(weight, sigma * 3);
  return channels.map((channel) => {
    const weighted = createPlane(channel.width, channel.height);
    for (let i = 0; i < weighted.data.length; i++) weighted.data[i] = channel.data[i]! * weight.data[i]!;
    const nearSum = blurPlane(weighted, sigma);
    const farSum = blurPlane(weighted, sigma * 3);
    for (let i = 0; i < weighted.data.length; i++) {
      weighted.data[i] =
        (nearSum.data[i]! + 0.02 * farSum.data[i]! + 1e-9) / (near.data[i]! + 0.02 * far.data[i]! + 1e-9);
    }
    return weighted;
  });
}
