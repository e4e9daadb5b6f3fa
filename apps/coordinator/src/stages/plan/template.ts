import { cosine } from '@understudy/face/track';

/** 512 numbers of unit length. */
export type Template = Float32Array;

/** A template as the database keeps it: little-endian float32. */
export function templateOf(bytes: Uint8Array): Template {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}

/** The best cosine of a template against several; -1 against none. */
export function likeness(template: Template, others: readonly Template[]): number {
  return others.reduce((best, other) => Math.max(best, cosine(template, other)), -1);
}
