import type { SessionOptions } from '../session.js';
import { openPack, type OpenedPack } from './open-pack.js';
import type { StoredPack } from './pack-store.js';

/**
 * Opens the packs that one step works with, one after the other: all of them, or none stays open.
 *
 * @param build makes the step; `release` closes whatever it opened
 * @throws UnderstudyError what {@link openPack} or the step says
 */
export async function openTogether<Step>(
  options: SessionOptions,
  build: (open: (pack: StoredPack) => Promise<OpenedPack>, release: () => Promise<void>) => Promise<Step>,
): Promise<Step> {
  const opened: OpenedPack[] = [];
  const release = async (): Promise<void> => {
    for (const one of opened) await one.release();
  };
  const open = async (pack: StoredPack): Promise<OpenedPack> => {
    const one = await openPack(pack, options);
    opened.push(one);
    return one;
  };
  try {
    return await build(open, release);
  } catch (error) {
    await release();
    throw error;
  }
}
