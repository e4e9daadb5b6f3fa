import { cosine } from '@understudy/face/track';

/** 512 numbers of unit length. */
export type Template = Float32Array;

/** A template as the database keeps it: little-endian float32. */
export function templateOf(bytes: Uint8Array): Template {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}

const NUMBERS = 512;
const MOST_OFF_UNIT = 0.01;

/** Whether what a lane sent is a template: 512 finite little-endian float32 of unit length, base64. */
export function isTemplate(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.byteLength !== NUMBERS * 4 || bytes.toString('base64') !== base64) return false;
  const length = Math.hypot(...templateOf(bytes));
  return Number.isFinite(length) && Math.abs(length - 1) <= MOST_OFF_UNIT;
}

/** The best cosine of a template against several; -1 against none. */
export function likeness(template: Template, others: readonly Template[]): number {
  return others.reduce((best, other) => Math.max(best, cosine(template, other)), -1);
}
