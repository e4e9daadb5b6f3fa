import { cosine } from '@understudy/face/track';

/** 512 numbers of unit length, and the model that read them. */
export interface Template {
  readonly recogniser: string;
  readonly embedding: Float32Array;
}

/** The numbers as the database keeps them: little-endian float32. */
export function templateOf(bytes: Uint8Array): Float32Array {
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

/** The best cosine of a template against those that the same model read; -1 against none: two models' numbers say nothing. */
export function likeness({ recogniser, embedding }: Template, others: readonly Template[]): number {
  return others
    .filter((other) => other.recogniser === recogniser)
    .reduce((best, other) => Math.max(best, cosine(embedding, other.embedding)), -1);
}
