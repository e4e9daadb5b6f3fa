/** What a run of tests came to. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, by file and name; as many as `failed` counts. */
  failures: string[];
}
