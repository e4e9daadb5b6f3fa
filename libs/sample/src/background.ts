import type { RgbImage } from './picture.js';
import { between, latticeNoise, noiseLattice, seededRandom } from './random.js';
import { curvePath, rgbCss, shade, SvgSheet } from './svg-sheet.js';
import type { Rgb } from './person.js';
import { clamp } from './vector.js';

/** An evening room: a wall with texture, a window, shelves, a lamp, a plant. Nobody in it. */
export async function paintRoom(width: number, height: number, seed = 7): Promise<RgbImage> {
  const sheet = new SvgSheet();
  const scale = height / 720;
  const random = seededRandom(seed);
  const all = { left: 0, top: 0, width, height };
  const box = (x: number, y: number, w: number, h: number): string =>
    `M${x * scale} ${y * scale}h${w * scale}v${h * scale}h${-w * scale}Z`;
  const wall = sheet.linear(
    [
      [0, [112, 122, 118], 1],
      [0.55, [142, 140, 126], 1],
      [1, [96, 92, 90], 1],
    ],
    { x: 0, y: 0 },
    { x: 1, y: 0.35 },
  );
  sheet.path(`M0 0H${width}V${height}H0Z`, { fill: wall });
  const wide = width / scale;
  drawWindow(sheet, box, wide * 0.03);
  drawShelves(sheet, box, random, wide * 0.42);
  drawLamp(sheet, scale, wide * 0.9);
  drawPlant(sheet, scale, random, wide * 0.545);
  sheet.path(box(0, 640, wide, 80), { fill: rgbCss([66, 54, 48]) });
  sheet.path(box(0, 636, wide, 6), { fill: rgbCss([120, 100, 84]) });
  const layer = await sheet.rasterise(all);
  const data = new Uint8Array(width * height * 3);
  const lattice = noiseLattice(random, 64);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const x = (pixel % width) / scale;
    const y = Math.floor(pixel / width) / scale;
    const plaster =
      3.2 * latticeNoise(lattice, 64, x / 5, y / 5) +
      4 * latticeNoise(lattice, 64, x / 38, y / 30) +
      2.4 * latticeNoise(lattice, 64, x / 1.7, y / 1.7);
    for (let channel = 0; channel < 3; channel += 1) {
      data[pixel * 3 + channel] = clamp((layer.data[pixel * 4 + channel] ?? 0) * 0.92 + plaster, 0, 255);
    }
  }
  return { width, height, data };
}

type Box = (x: number, y: number, w: number, h: number) => string;

function drawWindow(sheet: SvgSheet, box: Box, x: number): void {
  sheet.path(box(x - 14, 66, 228, 408), { fill: rgbCss([84, 70, 60]) });
  const sky = sheet.linear(
    [
      [0, [120, 148, 172], 1],
      [0.6, [214, 178, 148], 1],
      [1, [236, 198, 150], 1],
    ],
    { x: 0, y: 0 },
    { x: 0, y: 1 },
  );
  sheet.path(box(x, 80, 200, 380), { fill: sky });
  const hills: readonly (readonly [number, number, Rgb])[] = [
    [360, 30, [132, 124, 128]],
    [395, 22, [92, 96, 104]],
  ];
  for (const [y, rise, tone] of hills)
    sheet.path(box(x, y - rise, 200, 100 - (y - 360) + rise), { fill: rgbCss(tone), opacity: 0.8 });
  sheet.path(box(x + 94, 80, 12, 380), { fill: rgbCss([96, 80, 68]) });
  sheet.path(box(x, 262, 200, 10), { fill: rgbCss([96, 80, 68]) });
  sheet.path(box(x - 24, 474, 248, 18), { fill: rgbCss([104, 88, 76]) });
}

function drawShelves(sheet: SvgSheet, box: Box, random: () => number, left: number): void {
  const tones: readonly Rgb[] = [
    [150, 74, 60],
    [70, 96, 104],
    [186, 150, 96],
    [92, 110, 84],
    [124, 98, 116],
    [198, 188, 168],
    [58, 66, 84],
  ];
  for (const shelf of [210, 350]) {
    let x = left;
    while (x < left + 190) {
      const width = between(random, 10, 26);
      const height = between(random, 62, 104);
      const tone = shade(tones[Math.floor(random() * tones.length)] ?? [120, 120, 120], 0.78);
      sheet.path(box(x, shelf - height, width - 2, height), { fill: rgbCss(tone) });
      sheet.path(box(x + 2, shelf - height + 12, width - 6, 3), { fill: rgbCss(shade(tone, 1.3)), opacity: 0.6 });
      x += width;
    }
    sheet.path(box(left - 14, shelf, 232, 10), { fill: rgbCss([88, 70, 58]) });
    sheet.path(box(left - 14, shelf + 10, 232, 8), { fill: rgbCss([40, 34, 32]), opacity: 0.35 });
  }
}

function drawLamp(sheet: SvgSheet, scale: number, x: number): void {
  const at = (dx: number, y: number): { x: number; y: number } => ({ x: (x + dx) * scale, y: y * scale });
  sheet.softSpot(at(0, 240), 330 * scale, 300 * scale, [255, 214, 150], 0.6);
  sheet.path(curvePath([at(0, 290), at(0, 640)]), { stroke: rgbCss([52, 44, 40]), width: 8 * scale });
  const hood = `M${at(-42, 180).x} ${at(0, 180).y}L${at(42, 180).x} ${at(0, 180).y}L${at(66, 290).x} ${at(0, 290).y}L${at(-66, 290).x} ${at(0, 290).y}Z`;
  sheet.path(hood, {
    fill: sheet.linear(
      [
        [0, [255, 232, 186], 1],
        [1, [236, 184, 112], 1],
      ],
      { x: 0, y: 0 },
      { x: 0, y: 1 },
    ),
  });
}

function drawPlant(sheet: SvgSheet, scale: number, random: () => number, x: number): void {
  const at = (dx: number, y: number): { x: number; y: number } => ({ x: (x + dx) * scale, y: y * scale });
  for (let leaf = 0; leaf < 19; leaf += 1) {
    const lean = between(random, -105, 105);
    const tipY = between(random, 395, 490) + Math.abs(lean) * 0.55;
    const wide = between(random, 9, 17);
    const tone = shade([74, 108, 78], between(random, 0.55, 1.15));
    const left = [at(-3, 600), at(lean * 0.42 - wide, 505), at(lean * 1.15, tipY)];
    const right = [at(lean * 1.15, tipY), at(lean * 0.42 + wide, 512), at(3, 600)];
    sheet.path(`${curvePath(left)}${curvePath(right, 'L')}Z`, { fill: rgbCss(tone) });
    const rib = [at(0, 600), at(lean * 0.42, 508), at(lean * 1.15, tipY)];
    sheet.path(curvePath(rib), { stroke: rgbCss(shade(tone, 0.75)), width: 1.6 * scale, opacity: 0.7 });
  }
  sheet.path(
    `M${at(-44, 590).x} ${at(0, 590).y}L${at(44, 590).x} ${at(0, 590).y}L${at(32, 660).x} ${at(0, 660).y}L${at(-32, 660).x} ${at(0, 660).y}Z`,
    { fill: rgbCss([158, 96, 72]) },
  );
}

/** How the room is lit at a moment: a glow whose middle wanders, relative to the picture's size. */
export interface Glow {
  readonly x: number;
  readonly y: number;
  readonly gain: number;
  readonly floor: number;
}

/** The room under a moving glow, as a new picture. */
export function lightRoom(room: RgbImage, glow: Glow): RgbImage {
  const { width, height } = room;
  const data = new Uint8Array(room.data.length);
  const gainsX = Float32Array.from({ length: width }, (_, x) => Math.exp(-(((x / width - glow.x) / 0.42) ** 2)));
  for (let y = 0; y < height; y += 1) {
    const row = glow.gain * Math.exp(-(((y / height - glow.y) / 0.6) ** 2));
    for (let x = 0; x < width; x += 1) {
      const gain = glow.floor + row * gainsX[x]!;
      const at = (y * width + x) * 3;
      const [red, green, blue] = [
        room.data[at]! * gain * 1.02,
        room.data[at + 1]! * gain,
        room.data[at + 2]! * gain * 0.97,
      ];
      data[at] = red > 255 ? 255 : red;
      data[at + 1] = green > 255 ? 255 : green;
      data[at + 2] = blue > 255 ? 255 : blue;
    }
  }
  return { width, height, data };
}
