import type { Area } from '@understudy/media';

/** @param room in parts of the sides, added on each of them */
export const grown = ({ x, y, width, height }: Area, room: number): Area => ({
  x: x - width * room,
  y: y - height * room,
  width: width * (1 + 2 * room),
  height: height * (1 + 2 * room),
});

/** How much two areas have in common, in samples. */
export function shared(one: Area, other: Area): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return width > 0 && height > 0 ? width * height : 0;
}
