import { blurPlane, reducedSigma } from './gaussian.js';
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
  const factor = Math.max(1, Math.floor(sigma / REDUCED_SIGMA));
  const { width, height } = weight;
  const counted = reducePlane(weight, factor);
  const small = channels.map((channel) => weightedReduction(channel, weight, counted, factor));
  const narrow = reducedSigma(sigma, factor);
  let means = weightedMeans(small, counted, narrow);
  for (let pass = 0; pass < 2; pass++)
    means = weightedMeans(small, withoutOutliers(small, means, counted, outlier), narrow);
  return means.map((mean) => enlargePlane(mean, factor, width, height));
}

/** Sigma, in pixels of the reduced planes, that still makes a smooth mean. */
const REDUCED_SIGMA = 2;

function weightedReduction(channel: FloatPlane, weight: FloatPlane, counted: FloatPlane, factor: number): FloatPlane {
  if (factor === 1) return channel;
  const weighted = createPlane(weight.width, weight.height);
  const [to, from, by] = [weighted.data, channel.data, weight.data];
  for (let i = 0; i < to.length; i++) to[i] = from[i]! * by[i]!;
  const reduced = reducePlane(weighted, factor);
  for (let i = 0; i < reduced.data.length; i++) reduced.data[i]! /= counted.data[i]! + 1e-6;
  return reduced;
}

function withoutOutliers(
  channels: readonly FloatPlane[],
  means: readonly FloatPlane[],
  weight: FloatPlane,
  outlier: number,
): FloatPlane {
  const robust = createPlane(weight.width, weight.height);
  const to = robust.data;
  channels.forEach((channel, c) => {
    const [from, mean] = [channel.data, means[c]!.data];
    for (let i = 0; i < to.length; i++) to[i]! += (from[i]! - mean[i]!) ** 2;
  });
  const scale = 1 / (channels.length * outlier * outlier);
  for (let i = 0; i < to.length; i++) {
    const ratio = to[i]! * scale;
    to[i] = weight.data[i]! / (1 + ratio * ratio);
  }
  return robust;
}

/** Widths over each other: a wide, faint second mean stands in where no counted pixel is near. */
const FAR = 3;
const FAR_SHARE = 0.02;

function weightedMeans(channels: readonly FloatPlane[], weight: FloatPlane, sigma: number): FloatPlane[] {
  const near = nearAndFar(weight, sigma).data;
  return channels.map((channel) => {
    const weighted = createPlane(channel.width, channel.height);
    const [to, from, by] = [weighted.data, channel.data, weight.data];
    for (let i = 0; i < to.length; i++) to[i] = from[i]! * by[i]!;
    const sums = nearAndFar(weighted, sigma);
    for (let i = 0; i < to.length; i++) sums.data[i] = (sums.data[i]! + 1e-9) / (near[i]! + 1e-9);
    return sums;
  });
}

function nearAndFar(plane: FloatPlane, sigma: number): FloatPlane {
  const near = blurPlane(plane, sigma);
  const far = blurPlane(plane, sigma * FAR).data;
  for (let i = 0; i < far.length; i++) near.data[i]! += FAR_SHARE * far[i]!;
  return near;
}
