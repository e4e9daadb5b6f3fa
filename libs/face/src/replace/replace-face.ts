import { addRgb, cropRgb, reusable, type Box, type Frame } from '@understudy/frame';

import type { FloatPlane } from '../blend/plane.js';
import { type SeenFace, seenOver } from '../mask/seen-face.js';
import { controlPoints, fitPose, type HeadPose } from './pose.js';
import { renderFace } from './render-face.js';
import type { FaceChange } from './replace-kernel.js';
import type { PreparedReplaceTrack } from './track.js';

const workMemory = reusable();

/**
 * Puts the identity's face over the plate's, in the plate's pose, expression and light. A pure function of its arguments:
 * no state passes from frame to frame.
 *
 * @param frame changed in place, only where the returned box's mask is above 0.
 * @param landmarks 68 x, y pairs of the plate's face in plate pixels, smoothed over its track.
 * @param seen what mask networks say of it: what covers the face stays, and tells nothing of its light.
 * @returns the box written to.
 */
export function replaceFace(
  frame: Frame,
  track: PreparedReplaceTrack,
  landmarks: ArrayLike<number>,
  seen?: SeenFace,
): Box {
  const { settings } = track;
  const plate = fitPose(landmarks);
  const factor = Math.max(1, Math.ceil(plate.scale / settings.workScale));
  const box = cropBoxOf(frame, landmarks, plate, factor);
  const size = { width: box.width / factor, height: box.height / factor };
  const crop = workMemory(3 * size.width * size.height);
  const work = cropRgb(frame, box, size.width, size.height, 'planar', crop);
  const inCrop = Float64Array.from({ length: landmarks.length }, (_, i) => {
    const origin = i % 2 === 0 ? box.x : box.y;
    return (landmarks[i]! - origin) / factor - 0.5;
  });
  const pose = fitPose(inCrop);
  const free = seen === undefined ? undefined : { ...size, data: seenOver(seen, box, size.width, size.height) };
  const change = renderFace(work, size, track, inCrop, pose, free);
  if (change === null) return box;
  if (free !== undefined) keepCovered(change, free);
  write(frame, box, change, factor);
  return box;
}

/** Takes back what would be written over things before the face. */
function keepCovered({ left, top, right, bottom, rgb }: FaceChange, { width, data }: FloatPlane): void {
  const across = right - left;
  const count = across * (bottom - top);
  for (let i = 0; i < rgb.length; i++) {
    const at = i % count;
    rgb[i]! *= data[(top + Math.floor(at / across)) * width + left + (at % across)]!;
  }
}

/** The face with its surroundings, in whole blocks of `factor` pixels: it may reach over the frame by less than one. */
function cropBoxOf(frame: Frame, landmarks: ArrayLike<number>, pose: HeadPose, factor: number): Box {
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
  const blocks = (pixels: number): number => Math.ceil(pixels / factor) * factor;
  return {
    x,
    y,
    width: blocks(Math.min(frame.spec.width, Math.ceil(right + margin)) - x),
    height: blocks(Math.min(frame.spec.height, Math.ceil(bottom + margin)) - y),
  };
}

/** Adds what changed, at work size, to the plate at full size, so that nothing of the plate is resampled. */
function write(frame: Frame, box: Box, { left, top, right, bottom, rgb }: FaceChange, factor: number): void {
  const [width, height] = [right - left, bottom - top];
  const place = {
    x: box.x + left * factor,
    y: box.y + top * factor,
    width: width * factor,
    height: height * factor,
  };
  addRgb(frame, place, { width, height, rgb });
}
