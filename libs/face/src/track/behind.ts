import type { Box } from '@understudy/frame';

/** What has to be known of a track to tell where another face hides it. */
export interface PlacedTrack {
  readonly track: number;
  readonly startFrame: number;
  /** One for every frame from `startFrame` on, in order. */
  readonly faces: readonly { readonly frame: number; readonly box: Box; readonly filled: boolean }[];
}

/** A changed face reaches beyond the detector's box by this part of it. */
const REACH = 0.2;
/** A face that was lost with so much of it shared went behind the other, and was partly behind it before and after. */
const WENT_BEHIND = 0.5;
/** For at most so many frames on either side: two heads may lean on each other for minutes. */
const PARTLY_BEHIND_FRAMES = 8;

/** Frames over which a change fades before a face is hidden, and comes back after. */
const FADE_FRAMES = 3;

/**
 * Frames in which nobody saw a track's face, at a place where another track has its own: whoever is seen there stands in
 * front of it, and painting the hidden face would paint over theirs. The frames beside these in which the two still touch
 * count too: part of the face is seen there, but not which part. A face that was missed with nobody near is not among them.
 *
 * @param tracks all tracks of the clip, this one among them.
 * @returns ascending. A pure function of the whole clip's tracks: it says the same for any range of frames.
 */
export function framesBehind(track: PlacedTrack, tracks: readonly PlacedTrack[]): number[] {
  const others = tracks.filter((other) => other.track !== track.track && meets(track, other));
  const shares = track.faces.map(({ frame, box }) =>
    others.reduce((most, other) => {
      const face = other.faces[frame - other.startFrame];
      return face === undefined ? most : Math.max(most, sharedPart(box, face.box));
    }, 0),
  );
  const hidden = track.faces.map(({ filled }, index) => filled && shares[index]! > 0);
  const behind = [...hidden];
  for (const { first, last } of runsOf(hidden)) {
    if (Math.max(...shares.slice(first, last + 1)) < WENT_BEHIND) continue;
    for (const [end, step] of [
      [first, -1],
      [last, 1],
    ] as const) {
      for (let away = 1; away <= PARTLY_BEHIND_FRAMES && (shares[end + step * away] ?? 0) > 0; away++) {
        behind[end + step * away] = true;
      }
    }
  }
  return track.faces.flatMap(({ frame }, index) => (behind[index] ? [frame] : []));
}

/**
 * How much of a change is to show in a frame: nothing where the face is behind another, all of it a few frames away, so that
 * it neither vanishes nor comes back from one frame to the next.
 */
export function shareShown(behind: ReadonlySet<number>, frame: number): number {
  for (let away = 0; away <= FADE_FRAMES; away++) {
    if (behind.has(frame - away) || behind.has(frame + away)) return away / (FADE_FRAMES + 1);
  }
  return 1;
}

/** Runs of true, by the first and the last index of each. */
function runsOf(flags: readonly boolean[]): { first: number; last: number }[] {
  const starts = flags.flatMap((flag, index) => (flag && flags[index - 1] !== true ? [index] : []));
  return starts.map((first) => {
    const end = flags.indexOf(false, first);
    return { first, last: (end === -1 ? flags.length : end) - 1 };
  });
}

function meets(a: PlacedTrack, b: PlacedTrack): boolean {
  return a.startFrame < b.startFrame + b.faces.length && b.startFrame < a.startFrame + a.faces.length;
}

/** What a changed face shares with another's box, as a part of the smaller one. */
function sharedPart(own: Box, other: Box): number {
  const reach = { x: REACH * own.width, y: REACH * own.height };
  const width = Math.min(own.x + own.width + reach.x, other.x + other.width) - Math.max(own.x - reach.x, other.x);
  const height = Math.min(own.y + own.height + reach.y, other.y + other.height) - Math.max(own.y - reach.y, other.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / Math.min(own.width * own.height, other.width * other.height);
}
