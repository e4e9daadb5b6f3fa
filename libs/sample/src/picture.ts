import type { Area, RgbaImage } from './svg-sheet.js';

/** An RGB picture: three bytes a pixel, row-major, 0 to 255. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export function copyPicture(picture: RgbImage): RgbImage {
  return { ...picture, data: picture.data.slice() };
}

/** Lays a layer over part of a picture, in place. Parts outside the picture are dropped. */
export function layOver(picture: RgbImage, layer: RgbaImage, area: Area): void {
  const [under, over] = [picture.data, layer.data];
  const firstColumn = Math.max(0, -area.left);
  const endColumn = Math.min(layer.width, picture.width - area.left);
  for (let row = Math.max(0, -area.top); row < Math.min(layer.height, picture.height - area.top); row += 1) {
    let from = (row * layer.width + firstColumn) * 4;
    let to = ((area.top + row) * picture.width + area.left + firstColumn) * 3;
    for (let column = firstColumn; column < endColumn; column += 1, from += 4, to += 3) {
      const alpha = over[from + 3]!;
      if (alpha === 0) continue;
      if (alpha === 255) {
        under[to] = over[from]!;
        under[to + 1] = over[from + 1]!;
        under[to + 2] = over[from + 2]!;
        continue;
      }
      const share = alpha / 255;
      under[to] = under[to]! + (over[from]! - under[to]!) * share + 0.5;
      under[to + 1] = under[to + 1]! + (over[from + 1]! - under[to + 1]!) * share + 0.5;
      under[to + 2] = under[to + 2]! + (over[from + 2]! - under[to + 2]!) * share + 0.5;
    }
  }
}
