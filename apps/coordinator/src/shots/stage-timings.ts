/** How the report names the time that a shot spends in a state. */
const NAMES: Readonly<Record<string, string>> = {
  ingesting: 'ingest',
  analysing: 'analyse',
  linking: 'link',
  planning: 'plan',
  rendering: 'render',
  assembling: 'assemble',
  verifying: 'verify',
  held: 'held',
};

/**
 * Seconds spent in each state, and in all, until the shot was ready. A state entered twice counts twice.
 *
 * @param entered when the states after the first were entered, in order
 */
export function stageTimings(createdAt: Date, entered: readonly { state: string; at: Date }[]): Record<string, number> {
  const timings: Record<string, number> = {};
  let [state, since] = ['ingesting', createdAt];
  for (const next of entered) {
    const name = NAMES[state];
    if (name === undefined) break;
    timings[name] = rounded((timings[name] ?? 0) + secondsBetween(since, next.at));
    [state, since] = [next.state, next.at];
  }
  return { ...timings, total: rounded(secondsBetween(createdAt, since)) };
}

const secondsBetween = (from: Date, to: Date): number => Math.max(0, (to.getTime() - from.getTime()) / 1000);
const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;
