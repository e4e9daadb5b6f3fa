import type { Box } from '@understudy/frame';

/** A part of the plate that is shown to the detector. */
export interface Window {
  readonly box: Box;
  /** Whether a face that touches this side may continue in the next window: left, top, right, bottom. */
  readonly open: readonly [boolean, boolean, boolean, boolean];
  /** A magnified part, for small faces. */
  readonly zoomed: boolean;
}

/** How far a window's aspect may be from the detector's 4:3 before faces are squashed too much to be found. */
const WIDEST = 2.4;
const TALLEST = 0.75;

/** Neighbouring windows share this part of a tile's side, so that a small face lies whole in one of them. */
const OVERLAP = 0.15;

/** The whole plate, in as few windows as keep their aspect near the detector's. */
export function wholeWindows(width: number, height: number): Window[] {
  const aspect = width / height;
  if (aspect > WIDEST) return grid(width, height, Math.ceil(aspect / 2), 1, 0.4, false);
  if (aspect < TALLEST) return grid(width, height, 1, Math.ceil(1 / aspect), 0.4, false);
  return grid(width, height, 1, 1, 0, false);
}

/**
 * The plate from further away, for a face that fills it: that is larger than the largest one the detector knows, so it is
 * looked for where nothing else is found.
 */
export function farWindow(width: number, height: number): Window {
  return {
    box: { x: -width / 2, y: -height / 2, width: 2 * width, height: 2 * height },
    open: [false, false, false, false],
    zoomed: false,
  };
}

/** Tiles in which a face of `smallestFacePx` spans about `FACE_PX` of the detector's samples. */
export function zoomWindows(width: number, height: number, smallestFacePx: number, facePx = 11): Window[] {
  const tileWidth = (320 * smallestFacePx) / facePx;
  const tileHeight = (240 * smallestFacePx) / facePx;
  const count = (size: number, tile: number) => Math.max(1, Math.ceil((size - tile) / (tile * (1 - OVERLAP))) + 1);
  const columns = count(width, Math.min(width, tileWidth));
  const rows = count(height, Math.min(height, tileHeight));
  return columns * rows === 1 ? [] : grid(width, height, columns, rows, OVERLAP, true);
}

/** Every part of the plate is magnified once in this many frames. */
export const ZOOM_PERIOD = 6;

/**
 * What is looked at in one frame: the whole plate, and in turn a share of the magnified windows. Depends on the absolute
 * frame number alone, so that a clip's ranges can be cut anywhere.
 */
export function windowsOfFrame(width: number, height: number, smallestFacePx: number, frameNumber: number): Window[] {
  const turn = frameNumber % ZOOM_PERIOD;
  const zoomed = zoomWindows(width, height, smallestFacePx).filter((_, index) => index % ZOOM_PERIOD === turn);
  return [...wholeWindows(width, height), ...zoomed];
}

/** A box in parts of a window. */
export type Edges = readonly [left: number, top: number, right: number, bottom: number];

/** A face at a window's inner border is seen whole by the neighbour, whose box is the better one. */
export function isCut([left, top, right, bottom]: Edges, { open }: Window): boolean {
  const margin = 0.01;
  return (
    (open[0] && left < margin) ||
    (open[1] && top < margin) ||
    (open[2] && right > 1 - margin) ||
    (open[3] && bottom > 1 - margin)
  );
}

/** In a magnified window only small faces count: what is larger is seen, with its surroundings, in the whole plate. */
export function isLargeInZoom([left, , right]: Edges, window: Window): boolean {
  return window.zoomed && right - left > 0.16;
}

/** Where a box of the plate lies in a window. */
export function edgesIn({ x, y, width, height }: Box, { box }: Window): Edges {
  const left = (x - box.x) / box.width;
  const top = (y - box.y) / box.height;
  return [left, top, left + width / box.width, top + height / box.height];
}

function grid(
  width: number,
  height: number,
  columns: number,
  rows: number,
  overlap: number,
  zoomed: boolean,
): Window[] {
  const tileWidth = width / (columns - (columns - 1) * overlap);
  const tileHeight = height / (rows - (rows - 1) * overlap);
  const windows: Window[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      windows.push({
        box: {
          x: column * tileWidth * (1 - overlap),
          y: row * tileHeight * (1 - overlap),
          width: tileWidth,
          height: tileHeight,
        },
        open: [column > 0, row > 0, column < columns - 1, row < rows - 1],
        zoomed,
      });
    }
  }
  return windows;
}
