/** How far a task is when its lane is asked to make room. */
export interface TaskProgress {
  readonly framesDone: number;
  readonly totalFrames: number;
  readonly elapsedMs: number;
}

/**
 * Whether a draining lane finishes its task or hands it back: finished if, at its pace so far, what remains takes no
 * longer than the grace. A task without frames yet has no pace and is handed back, unless it has no frames at all.
 */
export function finishOrRelease(progress: TaskProgress, graceMs: number): 'finish' | 'release' {
  const { framesDone, totalFrames, elapsedMs } = progress;
  const remaining = totalFrames - framesDone;
  if (remaining <= 0) return 'finish';
  if (framesDone === 0) return 'release';
  return (remaining * elapsedMs) / framesDone <= graceMs ? 'finish' : 'release';
}
