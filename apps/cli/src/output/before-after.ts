import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeClient } from '@understudy/client/node';
import sharp from 'sharp';
import { writeWhole } from './write-whole.js';

const CELL_WIDTH = 640;
const GAP = 8;

/** Writes a picture with a row a frame: the plate on the left, the delivery on the right. */
export async function writeBeforeAfter(
  client: NodeClient,
  shotId: string,
  frames: readonly number[],
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-stills-'));
  try {
    const rows = await Promise.all(
      frames.map((frame) =>
        Promise.all(
          ['before', 'after'].map(async (side) => {
            const still = join(dir, `${side}-${frame}.png`);
            await client.downloadContent(
              `/api/v1/shots/${shotId}/stills/${side}?frame=${frame}&size=${CELL_WIDTH}`,
              still,
              { signal },
            );
            return sharp(await readFile(still))
              .resize({ width: CELL_WIDTH })
              .removeAlpha()
              .raw()
              .toBuffer({ resolveWithObject: true });
          }),
        ),
      ),
    );
    const cellHeight = rows[0]?.[0]?.info.height ?? 0;
    const picture = sharp({
      create: {
        width: 2 * CELL_WIDTH + GAP,
        height: rows.length * (cellHeight + GAP) - GAP,
        channels: 3,
        background: '#ffffff',
      },
    }).composite(
      rows.flatMap((cells, row) =>
        cells.map(({ data, info }, column) => ({
          input: data,
          raw: info,
          left: column * (CELL_WIDTH + GAP),
          top: row * (cellHeight + GAP),
        })),
      ),
    );
    await writeWhole(path, await picture.png().toBuffer());
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
