import type { Head } from './head.js';
import { keyDirection, type Light } from './lighting.js';
import type { PosedHead } from './face-drawing.js';
import { NEUTRAL_TEXEL, TEXTURE_ANGLE, type SkinTexture } from './skin-texture.js';
import type { Area, RgbaImage } from './svg-sheet.js';
import { smoothstep, type Point3 } from './vector.js';

/** Corners of the lit mesh: rings from crown to chin by steps round the face. */
const ROWS = 97;
const COLUMNS = 73;
/** Values a corner carries to its pixels: light on red, green, blue, shine, texture column and row. */
const CARRIED = 6;

interface Mesh {
  readonly rest: Float64Array;
}

/** The resting corners of a head's mesh, head units, three numbers each. */
function restMesh(head: Head): Mesh {
  const rest = new Float64Array(ROWS * COLUMNS * 3);
  for (let row = 0; row < ROWS; row += 1) {
    const ring = head.ringAtIndex((row / (ROWS - 1)) * (head.rings.length - 1));
    for (let column = 0; column < COLUMNS; column += 1) {
      const angle = (column / (COLUMNS - 1) - 0.5) * 2 * TEXTURE_ANGLE;
      const point = head.ringPoint(ring, angle);
      const relief = Math.abs(angle) < Math.PI / 2 ? head.relief(point.x, point.y) * Math.cos(angle) ** 0.5 : 0;
      rest.set([point.x, point.y, point.z + relief], (row * COLUMNS + column) * 3);
    }
  }
  return { rest };
}

const meshes = new WeakMap<Head, Mesh>();

function meshOf(head: Head): Mesh {
  const known = meshes.get(head);
  if (known) return known;
  const made = restMesh(head);
  meshes.set(head, made);
  return made;
}

/**
 * Lights the drawn skin of a head in place: each pixel is multiplied by the light on the solid head's surface there
 * and by the skin's texture, and shine is added. The relief is rasterised with a depth buffer, so a nose shades and
 * covers as the head turns.
 *
 * @param skin RGBA of `area`, the flat skin layer as drawn.
 */
export function lightSkin(skin: RgbaImage, area: Area, face: PosedHead, texture: SkinTexture, light: Light): void {
  const corners = litCorners(face, light);
  const buffer = new Float32Array(area.width * area.height * CARRIED);
  const depth = new Float32Array(area.width * area.height).fill(-1e9);
  for (let row = 0; row < ROWS - 1; row += 1) {
    for (let column = 0; column < COLUMNS - 1; column += 1) {
      const corner = row * COLUMNS + column;
      fillTriangle(corners, corner, corner + 1, corner + COLUMNS, area, buffer, depth);
      fillTriangle(corners, corner + 1, corner + COLUMNS + 1, corner + COLUMNS, area, buffer, depth);
    }
  }
  shadePixels(skin, buffer, depth, texture, light);
}

interface Corners {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly depth: Float32Array;
  readonly carried: Float32Array;
}

function litCorners(face: PosedHead, light: Light): Corners {
  const { rest } = meshOf(face.head);
  const count = ROWS * COLUMNS;
  const turned = new Float64Array(count * 3);
  const corners: Corners = {
    x: new Float32Array(count),
    y: new Float32Array(count),
    depth: new Float32Array(count),
    carried: new Float32Array(count * CARRIED),
  };
  const middleY = face.head.shape.chinY * 0.25;
  for (let corner = 0; corner < count; corner += 1) {
    const [x, y, z] = [rest[corner * 3] ?? 0, rest[corner * 3 + 1] ?? 0, rest[corner * 3 + 2] ?? 0];
    const moved = face.head.dropJaw({ x, y, z }, face.expression);
    const seen = face.project(moved);
    turned.set([seen.x / face.pose.unitPx, seen.y / face.pose.unitPx, seen.depth], corner * 3);
    // Grown a little at the rim, so that every pixel of the drawn outline finds a surface beneath it.
    const column = corner % COLUMNS;
    const rim = smoothstep(0.55, 0.85, Math.abs(column / (COLUMNS - 1) - 0.5) * 2);
    const ends = smoothstep(1.2, face.head.shape.chinY, y) + smoothstep(-1.2, face.head.shape.headTop, y);
    const grown = face.project(grow(moved, 1 + 0.035 * Math.max(rim, ends), middleY));
    corners.x[corner] = grown.x;
    corners.y[corner] = grown.y;
    corners.depth[corner] = seen.depth;
  }
  shadeCorners(turned, corners, light);
  return corners;
}

const grow = (point: Point3, factor: number, middleY: number): Point3 => ({
  x: point.x * factor,
  y: middleY + (point.y - middleY) * factor,
  z: point.z,
});

/** Surface normals by central differences over the turned mesh, then light on each corner. */
function shadeCorners(turned: Float64Array, corners: Corners, light: Light): void {
  const direction = keyDirection(light);
  for (let row = 0; row < ROWS; row += 1) {
    const above = Math.max(0, row - 1) * COLUMNS;
    const below = Math.min(ROWS - 1, row + 1) * COLUMNS;
    for (let column = 0; column < COLUMNS; column += 1) {
      const left = (row * COLUMNS + Math.max(0, column - 1)) * 3;
      const right = (row * COLUMNS + Math.min(COLUMNS - 1, column + 1)) * 3;
      const [up, down] = [(above + column) * 3, (below + column) * 3];
      const ax = turned[right]! - turned[left]!;
      const ay = turned[right + 1]! - turned[left + 1]!;
      const az = turned[right + 2]! - turned[left + 2]!;
      const dx = turned[down]! - turned[up]!;
      const dy = turned[down + 1]! - turned[up + 1]!;
      const dz = turned[down + 2]! - turned[up + 2]!;
      const [nx, ny, nz] = [ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx];
      const length = Math.hypot(nx, ny, nz) || 1;
      const offset = (row * COLUMNS + column) * CARRIED;
      lightCorner(corners.carried, offset, nx / length, ny / length, nz / length, direction, light);
      corners.carried[offset + 4] = column / (COLUMNS - 1);
      corners.carried[offset + 5] = row / (ROWS - 1);
    }
  }
}

/** A wrapped key, fill from the sky, darker where the surface turns away, a little shine. */
function lightCorner(
  carried: Float32Array,
  offset: number,
  nx: number,
  ny: number,
  nz: number,
  direction: readonly [number, number, number],
  light: Light,
): void {
  const [lx, ly, lz] = direction;
  const facing = nx * lx + ny * ly + nz * lz;
  const wrapped = Math.max(0, (facing + 0.35) / 1.35) ** 1.15;
  const sky = 0.86 - 0.14 * ny;
  const rim = 0.8 + 0.2 * Math.min(1, Math.max(0, nz) * 1.5);
  const half = Math.hypot(lx, ly, lz + 1);
  const shine = Math.max(0, (facing + nz) / half) ** 26;
  // Light scatters in skin: red reaches further round into the shade than blue.
  const bleed = 0.06 * Math.max(0, 1 - Math.abs(facing - 0.05) * 3);
  for (let channel = 0; channel < 3; channel += 1) {
    const key = light.key * wrapped * light.keyTint[channel]!;
    const fill = light.fill * sky * light.fillTint[channel]!;
    carried[offset + channel] = (key + fill) * rim + (channel === 0 ? bleed : -bleed * 0.3);
  }
  carried[offset + 3] = shine * light.key;
}

function fillTriangle(
  corners: Corners,
  a: number,
  b: number,
  c: number,
  area: Area,
  buffer: Float32Array,
  depth: Float32Array,
): void {
  const { x, y, carried } = corners;
  const [ax, ay] = [x[a]! - area.left, y[a]! - area.top];
  const [bx, by] = [x[b]! - area.left, y[b]! - area.top];
  const [cx, cy] = [x[c]! - area.left, y[c]! - area.top];
  const doubled = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (doubled <= 1e-6) return;
  const [left, right] = [
    Math.max(0, Math.floor(Math.min(ax, bx, cx))),
    Math.min(area.width - 1, Math.ceil(Math.max(ax, bx, cx))),
  ];
  const [top, bottom] = [
    Math.max(0, Math.floor(Math.min(ay, by, cy))),
    Math.min(area.height - 1, Math.ceil(Math.max(ay, by, cy))),
  ];
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const px = column + 0.5;
      const py = row + 0.5;
      const wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / doubled;
      const wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / doubled;
      const wc = 1 - wa - wb;
      if (wa < -1e-4 || wb < -1e-4 || wc < -1e-4) continue;
      const z = wa * corners.depth[a]! + wb * corners.depth[b]! + wc * corners.depth[c]!;
      const pixel = row * area.width + column;
      if (z <= depth[pixel]!) continue;
      depth[pixel] = z;
      for (let value = 0; value < CARRIED; value += 1) {
        buffer[pixel * CARRIED + value] =
          wa * carried[a * CARRIED + value]! + wb * carried[b * CARRIED + value]! + wc * carried[c * CARRIED + value]!;
      }
    }
  }
}

function shadePixels(
  skin: RgbaImage,
  buffer: Float32Array,
  depth: Float32Array,
  texture: SkinTexture,
  light: Light,
): void {
  const { data } = skin;
  const elsewhere = [0, 1, 2].map(
    (channel) => light.fill * 0.8 * (light.fillTint[channel] ?? 1) + light.key * 0.4 * (light.keyTint[channel] ?? 1),
  );
  for (let pixel = 0; pixel < skin.width * skin.height; pixel += 1) {
    if (data[pixel * 4 + 3] === 0) continue;
    const covered = depth[pixel]! > -1e8;
    const from = pixel * CARRIED;
    for (let channel = 0; channel < 3; channel += 1) {
      const value = data[pixel * 4 + channel]!;
      if (!covered) {
        data[pixel * 4 + channel] = Math.min(255, value * elsewhere[channel]!);
        continue;
      }
      const texel = sample(texture, buffer[from + 4]!, buffer[from + 5]!, channel) / NEUTRAL_TEXEL;
      const lit = value * buffer[from + channel]! * texel + 46 * buffer[from + 3]!;
      data[pixel * 4 + channel] = lit > 255 ? 255 : lit;
    }
  }
}

function sample(texture: SkinTexture, u: number, v: number, channel: number): number {
  const x = Math.min(texture.width - 1.001, Math.max(0, u * texture.width - 0.5));
  const y = Math.min(texture.height - 1.001, Math.max(0, v * texture.height - 0.5));
  const column = x | 0;
  const row = y | 0;
  const fx = x - column;
  const fy = y - row;
  const { texels } = texture;
  const at = (row * texture.width + column) * 3 + channel;
  const below = at + texture.width * 3;
  const top = texels[at]! * (1 - fx) + texels[at + 3]! * fx;
  return top * (1 - fy) + (texels[below]! * (1 - fx) + texels[below + 3]! * fx) * fy;
}
