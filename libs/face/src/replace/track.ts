import type { PreparedIdentity } from './identity.js';
import type { ReplaceSettings } from './settings.js';
import { eyeOpenness, usualOpenness } from './eye-closure.js';
import { medianShape, personalShape, shapeShift } from './shape.js';

/** What holds for every frame of one replaced track, so that no frame depends on its neighbours. */
export interface PreparedReplaceTrack {
  readonly identity: PreparedIdentity;
  readonly settings: ReplaceSettings;
  /** Shift of the control points toward the identity's shape (see {@link shapeShift}). */
  readonly shift: Float64Array;
  /** How far this person's eyes are usually open (see {@link eyeOpenness}). */
  readonly openness: number;
}

const LARGEST_SAMPLE = 200;

/**
 * @param landmarks the track's smoothed landmarks over the whole clip (not only a shard), 136 numbers a frame.
 * @throws RangeError when the track has no frames.
 */
export function prepareReplaceTrack(
  identity: PreparedIdentity,
  landmarks: readonly ArrayLike<number>[],
  settings: ReplaceSettings,
): PreparedReplaceTrack {
  if (landmarks.length === 0) throw new RangeError('a track to replace has at least one frame');
  const every = Math.ceil(landmarks.length / LARGEST_SAMPLE);
  const sampled = landmarks.filter((_, i) => i % every === 0);
  const plate = medianShape(sampled.map((points) => personalShape(points)));
  const openness = usualOpenness(sampled.map((points) => eyeOpenness(points)));
  const person = medianShape(identity.faces.map((face) => face.shape));
  return { identity, settings, openness, shift: shapeShift(person, plate, settings) };
}
