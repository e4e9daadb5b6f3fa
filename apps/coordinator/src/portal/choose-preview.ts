import type { AnalysisTable } from '@understudy/contracts';
import type { Area } from '@understudy/media';
import { grown, shared } from '../face-areas/face-area.js';

export interface ChosenPreview {
  readonly frame: number;
  /** The performer's own face with some room around it. */
  readonly crop: Area;
  /** Heads of others that reach into the crop. */
  readonly cover: readonly Area[];
}

/** A detector's box ends at brow and chin; the room around it holds the rest of the head. */
const OWN_ROOM = 0.35;
const OTHERS_ROOM = 0.45;
/** More would look at the same frames again. */
const FRAMES_LOOKED_AT = 200;

/** Without what lies under the other: the largest of the four strips beside it. */
function without(own: Area, other: Area): Area {
  const right = other.x + other.width;
  const bottom = other.y + other.height;
  const strips = [
    { ...own, width: other.x - own.x },
    { ...own, x: right, width: own.x + own.width - right },
    { ...own, height: other.y - own.y },
    { ...own, y: bottom, height: own.y + own.height - bottom },
  ];
  return strips.reduce((best, strip) =>
    Math.max(0, strip.width) * Math.max(0, strip.height) > Math.max(0, best.width) * Math.max(0, best.height)
      ? strip
      : best,
  );
}

/**
 * The frame in which a performer's face is seen best and nearest to alone, and what to cut out of it. Others' faces are
 * covered whole; where they lie over the performer's own, that part of it is covered too.
 *
 * @param tracks the performer's own, of the analysis
 * @returns null where they were found in no frame
 */
export function choosePreview(table: AnalysisTable, tracks: readonly number[]): ChosenPreview | null {
  const own = table.tracks.filter(({ track }) => tracks.includes(track)).flatMap(({ faces }) => faces);
  const found = own.filter(({ filled }) => !filled);
  const step = Math.max(1, Math.ceil(found.length / FRAMES_LOOKED_AT));
  let best: (ChosenPreview & { score: number }) | null = null;
  for (let index = 0; index < found.length; index += step) {
    const face = found[index];
    if (face === undefined) continue;
    const crop = grown(face.box, OWN_ROOM);
    const others = table.tracks
      .filter(({ track }) => !tracks.includes(track))
      .flatMap(({ faces }) => faces.filter(({ frame }) => frame === face.frame))
      .map(({ box }) => grown(box, OTHERS_ROOM));
    const cover = others.filter((other) => shared(crop, other) > 0);
    const free = crop.width * crop.height - cover.reduce((sum, other) => sum + shared(crop, other), 0);
    const score = Math.max(0, free) * face.confidence;
    if (best === null || score > best.score) best = { frame: face.frame, crop, cover, score };
  }
  if (best === null) return null;
  const { frame, crop, cover } = best;
  return { frame, crop: cover.reduce((area, other) => without(area, other), crop), cover };
}
