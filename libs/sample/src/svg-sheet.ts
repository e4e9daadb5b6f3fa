import sharp from 'sharp';

import type { Rgb } from './person.js';
import type { Point2 } from './vector.js';

export const rgbCss = (colour: Rgb): string => `rgb(${colour.map((part) => Math.round(part)).join(',')})`;

/** A tone darkened (factor below 1) or lightened toward white (above 1). */
export function shade(colour: Rgb, factor: number): Rgb {
  const part = (value: number): number =>
    factor <= 1 ? value * factor : value + (255 - value) * Math.min(1, factor - 1);
  return [part(colour[0]), part(colour[1]), part(colour[2])];
}

export function blend(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

const n = (value: number): string => value.toFixed(2);

/** A smooth curve through the points, as SVG path data. `start` 'L' continues a path. */
export function curvePath(points: readonly Point2[], start: 'M' | 'L' = 'M', tension = 1): string {
  const at = (index: number): Point2 => points[Math.min(points.length - 1, Math.max(0, index))] ?? { x: 0, y: 0 };
  let path = `${start}${n(at(0).x)} ${n(at(0).y)}`;
  for (let index = 0; index < points.length - 1; index += 1) {
    const [a, b, c, d] = [at(index - 1), at(index), at(index + 1), at(index + 2)];
    const k = tension / 6;
    path += `C${n(b.x + (c.x - a.x) * k)} ${n(b.y + (c.y - a.y) * k)} ${n(c.x - (d.x - b.x) * k)} ${n(c.y - (d.y - b.y) * k)} ${n(c.x)} ${n(c.y)}`;
  }
  return path;
}

/** A smooth closed curve through the points. */
export function loopPath(points: readonly Point2[]): string {
  const count = points.length;
  const at = (index: number): Point2 => points[((index % count) + count) % count] ?? { x: 0, y: 0 };
  let path = `M${n(at(0).x)} ${n(at(0).y)}`;
  for (let index = 0; index < count; index += 1) {
    const [a, b, c, d] = [at(index - 1), at(index), at(index + 1), at(index + 2)];
    path += `C${n(b.x + (c.x - a.x) / 6)} ${n(b.y + (c.y - a.y) / 6)} ${n(c.x - (d.x - b.x) / 6)} ${n(c.y - (d.y - b.y) / 6)} ${n(c.x)} ${n(c.y)}`;
  }
  return `${path}Z`;
}

export interface PaintStyle {
  readonly fill?: string;
  readonly stroke?: string;
  readonly width?: number;
  readonly opacity?: number;
  readonly clip?: string;
}

/** An RGBA picture, premultiplied no, row-major, four bytes a pixel. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A rectangle of the picture, pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Collects SVG shapes in picture pixels and rasterises an area of them. */
export class SvgSheet {
  private readonly definitions: string[] = [];
  private readonly shapes: string[] = [];

  private define(body: (id: string) => string): string {
    const id = `d${this.definitions.length}`;
    this.definitions.push(body(id));
    return `url(#${id})`;
  }

  path(data: string, style: PaintStyle): void {
    const clip = style.clip ? ` clip-path="${style.clip}"` : '';
    this.shapes.push(`<path d="${data}"${paintAttributes(style)}${clip}/>`);
  }

  ellipse(centre: Point2, rx: number, ry: number, style: PaintStyle, degrees = 0): void {
    const turn = degrees === 0 ? '' : ` transform="rotate(${n(degrees)} ${n(centre.x)} ${n(centre.y)})"`;
    const place = `cx="${n(centre.x)}" cy="${n(centre.y)}" rx="${n(Math.max(0, rx))}" ry="${n(Math.max(0, ry))}"`;
    const shape = `<ellipse ${place}${paintAttributes(style)}${turn}/>`;
    this.shapes.push(style.clip ? `<g clip-path="${style.clip}">${shape}</g>` : shape);
  }

  /** A spot that fades to nothing at its rim: soft shadow, blush, glow. */
  softSpot(centre: Point2, rx: number, ry: number, colour: Rgb, opacity: number, degrees = 0, clip?: string): void {
    const fill = this.radial([
      [0, colour, 1],
      [0.5, colour, 0.55],
      [1, colour, 0],
    ]);
    this.ellipse(centre, rx, ry, clip ? { fill, opacity, clip } : { fill, opacity }, degrees);
  }

  /** Clips all that is drawn meanwhile: far cheaper than a clip for every shape. */
  within(clip: string, draw: () => void): void {
    this.shapes.push(`<g clip-path="${clip}">`);
    draw();
    this.shapes.push('</g>');
  }

  clip(data: string): string {
    return this.define((id) => `<clipPath id="${id}"><path d="${data}"/></clipPath>`);
  }

  /** Stops are (offset, colour, opacity); centre and focus in the shape's own box. */
  radial(stops: readonly (readonly [number, Rgb, number])[], centre = { x: 0.5, y: 0.5, r: 0.5 }): string {
    return this.define(
      (id) =>
        `<radialGradient id="${id}" cx="${centre.x}" cy="${centre.y}" r="${centre.r}">${stopTags(stops)}</radialGradient>`,
    );
  }

  /** A gradient along a line of the shape's box, or of the picture's pixels when `pixels` is set. */
  linear(stops: readonly (readonly [number, Rgb, number])[], from: Point2, to: Point2, pixels = false): string {
    return this.define(
      (id) =>
        `<linearGradient id="${id}" x1="${n(from.x)}" y1="${n(from.y)}" x2="${n(to.x)}" y2="${n(to.y)}"${
          pixels ? ' gradientUnits="userSpaceOnUse"' : ''
        }>${stopTags(stops)}</linearGradient>`,
    );
  }

  markup(area: Area): string {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${area.width}" height="${area.height}" viewBox="${area.left} ${area.top} ${area.width} ${area.height}"><defs>${this.definitions.join('')}</defs>${this.shapes.join('')}</svg>`;
  }

  async rasterise(area: Area): Promise<RgbaImage> {
    const { data, info } = await sharp(Buffer.from(this.markup(area)))
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  }
}

/** Opacity goes to fill and stroke: on the shape itself it would cost an offscreen layer each. */
function paintAttributes({ fill, stroke, width, opacity }: PaintStyle): string {
  const alpha = (name: string): string => (opacity === undefined ? '' : ` ${name}-opacity="${n(opacity)}"`);
  const filled = fill ? ` fill="${fill}"${alpha('fill')}` : ' fill="none"';
  if (!stroke) return filled;
  const line = `stroke-width="${n(width ?? 1)}" stroke-linecap="round" stroke-linejoin="round"`;
  return `${filled} stroke="${stroke}" ${line}${alpha('stroke')}`;
}

function stopTags(stops: readonly (readonly [number, Rgb, number])[]): string {
  return stops
    .map(
      ([offset, colour, opacity]) =>
        `<stop offset="${offset}" stop-color="${rgbCss(colour)}" stop-opacity="${opacity}"/>`,
    )
    .join('');
}
