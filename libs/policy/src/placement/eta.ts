export interface EtaRequest {
  /** Finished frames of this stage of this shot, and the lane seconds that they took. */
  readonly framesAccepted: number;
  readonly acceptedSeconds: number;
  readonly framesLeft: number;
  /** Lanes at work on it now. */
  readonly running: number;
  /** Shards not finished yet: so many lanes can help at most. */
  readonly shards: number;
}

/**
 * Seconds until the stage's frames are done, if it keeps the lanes that it has and these stay as fast as they were for it.
 *
 * @returns null while nothing of it is finished, or no lane works on it: any number would be a guess
 */
export function etaSeconds({
  framesAccepted,
  acceptedSeconds,
  framesLeft,
  running,
  shards,
}: EtaRequest): number | null {
  if (framesLeft === 0) return 0;
  if (framesAccepted === 0 || acceptedSeconds <= 0 || running === 0) return null;
  return (framesLeft * (acceptedSeconds / framesAccepted)) / Math.min(running, Math.max(1, shards));
}
