import type { LinkOptions, Track, TrackedFace } from './track.js';

/**
 * Prolongs each track at both ends, where the face may be visible before or after it is detected (turned away, blurred,
 * half out of the picture). It moves on as it moved, and stops at the clip's ends and at known cuts.
 */
export function extendTracks(tracks: readonly Track[], frames: number, options: LinkOptions): Track[] {
  const cuts = options.sceneCuts ?? [];
  const isCut = (from: number, to: number) => cuts.some((cut) => cut > from && cut <= to);
  return tracks.map((track) => {
    const before: TrackedFace[] = [];
    for (let frame = track.startFrame - 1; frame >= Math.max(0, track.startFrame - frames); frame--) {
      if (isCut(frame, track.startFrame)) break;
      before.unshift(prolonged(track.faces[0]!, track.faces[3], frame));
    }
    const after: TrackedFace[] = [];
    for (let frame = track.endFrame; frame < Math.min(options.frameCount, track.endFrame + frames); frame++) {
      if (isCut(track.endFrame - 1, frame)) break;
      after.push(prolonged(track.faces.at(-1)!, track.faces.at(-4), frame));
    }
    return {
      ...track,
      startFrame: track.startFrame - before.length,
      endFrame: track.endFrame + after.length,
      faces: [...before, ...track.faces, ...after],
    };
  });
}

function prolonged(end: TrackedFace, inner: TrackedFace | undefined, frame: number): TrackedFace {
  const reach = inner === undefined ? 0 : (frame - end.frame) / (end.frame - inner.frame);
  const dx = inner === undefined ? 0 : (end.box.x - inner.box.x) * reach;
  const dy = inner === undefined ? 0 : (end.box.y - inner.box.y) * reach;
  return {
    frame,
    landmarks: end.landmarks.map((value, index) => value + (index % 2 === 0 ? dx : dy)),
    box: { ...end.box, x: end.box.x + dx, y: end.box.y + dy },
    filled: true,
    confidence: end.confidence / 2,
  };
}
