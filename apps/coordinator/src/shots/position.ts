import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';

const Position = z.tuple([z.enum(['enrol', 'analyse', 'render', 'event']), z.int().min(0)]);
type Position = z.infer<typeof Position>;

/** Where a page of tasks or events ended, as an opaque cursor. */
export function writePosition(...position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws UnderstudyError INVALID_REQUEST for what no page gave */
export function readPosition(cursor: string): Position {
  try {
    return Position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new UnderstudyError('INVALID_REQUEST', 'The cursor is not one that a page before gave.', { cause });
  }
}
