/** Cosine from which two templates are one face; below it they are two people's (measured on 300 labelled pairs). */
export const SAME_FACE_COSINE = 0.34;

/** 512 numbers of unit length. */
export type Template = Float32Array;

/** A template as the database keeps it: little-endian float32. */
export function templateOf(bytes: Uint8Array): Template {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}

/** Cosine in -1..1 of two templates of one recogniser. */
export function cosine(left: Template, right: Template): number {
  let [dot, leftSquare, rightSquare] = [0, 0, 0];
  for (let index = 0; index < left.length; index += 1) {
    const [a, b] = [left[index] ?? 0, right[index] ?? 0];
    dot += a * b;
    leftSquare += a * a;
    rightSquare += b * b;
  }
  return leftSquare === 0 || rightSquare === 0 ? 0 : dot / Math.sqrt(leftSquare * rightSquare);
}

/** The best cosine of a template against several; -1 against none. */
export function likeness(template: Template, others: readonly Template[]): number {
  return others.reduce((best, other) => Math.max(best, cosine(template, other)), -1);
}
