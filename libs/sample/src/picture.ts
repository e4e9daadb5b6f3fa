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
  for (let row = 0; row < layer.height; row += 1) {
    const y = area.top + row;
    if (y < 0 || y >= picture.height) continue;
    for (let column = 0; column < layer.width; column += 1) {
      const x = area.left + column;
      const from = (row * layer.width + column) * 4;
      const alpha = layer.data[from + 3]!;
      if (alpha === 0 || x < 0 || x >= picture.width) continue;
      const to = (y * picture.width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        const under = picture.data[to + channel]!;
        picture.data[to + channel] = under + ((layer.data[from + channel]! - under) * alpha) / 255 + 0.5;
      }
    }
  }
}
