import { expect, it } from 'vitest';
import { stageTimings } from './stage-timings.js';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);

it('adds up the time in each state until the shot is ready', () => {
  const entered = [
    { state: 'analysing', at: at(1) },
    { state: 'linking', at: at(4) },
    { state: 'planning', at: at(4.5) },
    { state: 'held', at: at(5) },
    { state: 'planning', at: at(65) },
    { state: 'rendering', at: at(65.25) },
    { state: 'assembling', at: at(75) },
    { state: 'verifying', at: at(76) },
    { state: 'ready', at: at(78) },
    { state: 'released', at: at(500) },
  ];
  expect(stageTimings(at(0), entered)).toEqual({
    ingest: 1,
    analyse: 3,
    link: 0.5,
    plan: 0.75,
    held: 60,
    render: 9.75,
    assemble: 1,
    verify: 2,
    total: 78,
  });
});

it('tells of a shot that is still in its first stage', () => {
  expect(stageTimings(at(0), [])).toEqual({ total: 0 });
});
