import { cropRgb, pasteRgb, type Box, type Frame } from '@understudy/frame';

import { enlargePlane, reducePlane, type FloatPlane } from '../blend/plane.js';
import { controlPoints, fitPose, type HeadPose } from './pose.js';
import { renderFace, type RenderedFace } from './render-face.js';
import type { PreparedReplaceTrack } from './track.js';

/**
 * Puts the identity's face over the plate's, in the plate's pose, expression and light. A pure function of its arguments:
 * no state passes from frame to frame.
 *
 * @param frame changed in place, only where the returned box's mask is above 0.
 * @param landmarks 68 x, y pairs of the plate's face in plate pixels, smoothed over its track.
 * @returns the box written to.
 */
export function replaceFace(frame: Frame, track: PreparedReplaceTrack, landmarks: ArrayLike<number>): Box {
  const { settings } = track;
  const plate = fitPose(landmarks);
  const box = cropBoxOf(frame, landmarks, plate);
  const factor = Math.max(1, Math.ceil(plate.scale / settings.workScale));
  const full = splitPlanes(cropRgb(frame, box, box.width, box.height), box);
  const work = factor === 1 ? full : full.map((plane) => reducePlane(plane, factor));
  const inCrop = Float64Array.from({ length: landmarks.length }, (_, i) => {
    const origin = i % 2 === 0 ? box.x : box.y;
    return (landmarks[i]! - origin) / factor - 0.5;
  });
  const pose = fitPose(inCrop);
  const result = renderFace(work, track, inCrop, pose);
  write(frame, box, full, work, result, factor);
  return box;
}

function cropBoxOf(frame: Frame, landmarks: ArrayLike<number>, pose: HeadPose): Box {
  const controls = controlPoints(landmarks, pose);
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < controls.length; i += 2) {
    left = Math.min(left, controls[i]!);
    right = Math.max(right, controls[i]!);
    top = Math.min(top, controls[i + 1]!);
    bottom = Math.max(bottom, controls[i + 1]!);
  }
  const margin = pose.scale * 0.1;
  const x = Math.max(0, Math.floor(left - margin));
  const y = Math.max(0, Math.floor(top - margin));
  return {
    x,
    y,
    width: Math.min(frame.spec.width, Math.ceil(right + margin)) - x,
    height: Math.min(frame.spec.height, Math.ceil(bottom + margin)) - y,
  };
}

function splitPlanes(rgb: Float32Array, box: Box): FloatPlane[] {
  const count = box.width * box.height;
  for (let i = 0; i < rgb.length; i++) rgb[i] = Math.max(0, rgb[i]! / 255);
  return [0, 1, 2].map((c) => ({ ...box, data: rgb.subarray(c * count, (c + 1) * count) }));
}

/** Adds what changed at work size to the plate at full size, so that nothing of the plate is resampled. */
function write(
  frame: Frame,
  box: Box,
  full: readonly FloatPlane[],
  work: readonly FloatPlane[],
  result: RenderedFace,
  factor: number,
): void {
  const count = box.width * box.height;
  const rgb = new Float32Array(3 * count);
  result.channels.forEach((channel, c) => {
    if (factor === 1) {
      for (let i = 0; i < count; i++) rgb[c * count + i] = 255 * channel.data[i]!;
      return;
    }
    for (let i = 0; i < channel.data.length; i++) channel.data[i]! -= work[c]!.data[i]!;
    const change = enlargePlane(channel, factor, box.width, box.height);
    for (let i = 0; i < count; i++) rgb[c * count + i] = 255 * (full[c]!.data[i]! + change.data[i]!);
  });
  const mask = enlargePlane(result.mask, factor, box.width, box.height).data;
  pasteRgb(frame, box, { width: box.width, height: box.height, rgb, mask });
}
