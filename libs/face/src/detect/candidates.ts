/** What a detector's network says of one place, in pixels of its own input. */
export interface Candidate {
  readonly score: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Ten numbers: x and y of eyes, nose tip, corners of the mouth. */
  readonly points: readonly number[];
}
