import type { KeyObject } from 'node:crypto';
import { isSignatureLine, parseNote, type SignedNote, signNote } from './note.js';
import type { TreeHead } from './proof.js';

/** Checkpoints of C2SP tlog-checkpoint: a signed note over the log's origin, its size and its root. */
const SIZE = /^(0|[1-9]\d{0,15})$/;

export interface Checkpoint extends TreeHead {
  readonly origin: string;
}

export interface SignedCheckpoint extends Checkpoint, SignedNote {}

const bodyOf = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;

/** A signed note; ends in a newline. The key's name is the log's origin, as the format recommends. */
export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject): string {
  return signNote(bodyOf(checkpoint), checkpoint.origin, privateKey);
}

/** Reads a checkpoint, whoever signed it. @throws SyntaxError */
export function parseCheckpoint(note: string): SignedCheckpoint {
  const { text, signatures } = parseNote(note);
  const [origin, size, root] = text.split('\n');
  const rootBytes = Buffer.from(root ?? '', 'base64');
  if (!origin || !SIZE.test(size ?? '') || rootBytes.length !== 32) {
    throw new SyntaxError('this is no checkpoint of a log');
  }
  return { origin, size: Number(size), root: rootBytes, text, signatures };
}

/** Several checkpoints one after another, as a folder of anchors keeps them. @throws SyntaxError */
export function parseCheckpoints(text: string): SignedCheckpoint[] {
  // A note has one empty line, between what is signed and the signatures; the next note follows the last signature.
  const notes: string[] = [];
  let [lines, signed]: [string[], boolean] = [[], false];
  for (const line of text.split('\n').slice(0, -1)) {
    if (signed && !isSignatureLine(line)) {
      notes.push(`${lines.join('\n')}\n`);
      [lines, signed] = [[], false];
    }
    if (isSignatureLine(line)) signed = true;
    lines.push(line);
  }
  if (lines.length > 0) notes.push(`${lines.join('\n')}\n`);
  return notes.map(parseCheckpoint);
}
