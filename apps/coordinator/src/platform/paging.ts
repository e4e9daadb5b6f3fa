import { UnderstudyError, Uuid } from '@understudy/contracts';
import { z } from 'zod';

const Cursor = z.object({ at: z.iso.datetime(), id: Uuid });

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface Placed {
  readonly id: string;
  readonly createdAt: Date;
}

/** Newest first, and past whatever the page before ended with. One row more than the page tells whether another follows. */
export function pageArguments({ limit, cursor }: PageQuery) {
  return {
    where: cursor === undefined ? {} : behind(cursor),
    orderBy: [{ createdAt: 'desc' as const }, { id: 'desc' as const }],
    take: limit + 1,
  };
}

function behind(cursor: string) {
  const { at, id } = readCursor(cursor);
  return { OR: [{ createdAt: { lt: at } }, { createdAt: at, id: { lt: id } }] };
}

function readCursor(cursor: string): { at: Date; id: string } {
  try {
    const { at, id } = Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at: new Date(at), id };
  } catch (cause) {
    throw new UnderstudyError('INVALID_REQUEST', 'The cursor is not one that a page before gave.', { cause });
  }
}

/** A page out of the rows that `pageArguments` asked for. */
export function pageOf<Row extends Placed, Item>(
  rows: readonly Row[],
  { limit }: PageQuery,
  toItem: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next =
    rows.length > limit && last !== undefined
      ? Buffer.from(JSON.stringify({ at: last.createdAt.toISOString(), id: last.id })).toString('base64url')
      : null;
  return { items: shown.map(toItem), next };
}
