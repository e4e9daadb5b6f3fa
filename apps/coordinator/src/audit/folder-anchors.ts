import { mkdir } from 'node:fs/promises';
import { newestAnchors, restoredAnchors } from '@understudy/tlog';
import { AnchorFolder } from './anchor-folder.js';
import type { Anchored, AnchorStore, Growth } from './anchor-store.js';

/** Anchors in a folder: looked at and added to each time. */
export class FolderAnchors implements AnchorStore {
  readonly everyMs = 0;

  constructor(private readonly path: string) {}

  async look(): Promise<Anchored> {
    const { path, restores } = await newestAnchors(this.path);
    return { head: await new AnchorFolder(path).head(), restores };
  }

  async grow({ head, restores }: Anchored, { note, leavesFrom }: Growth): Promise<void> {
    const folder = new AnchorFolder(restores === 0 ? this.path : restoredAnchors(this.path, restores));
    const since = await folder.vouchedLeaves(head?.size ?? 0);
    await folder.append(since, leavesFrom(since), note);
  }

  async beginAnew(restores: number): Promise<void> {
    await mkdir(restoredAnchors(this.path, restores), { mode: 0o700 });
  }
}
