import { expect, test } from 'vitest';

import { CpuMeter } from './cpu-meter.js';

function burn(ms: number): void {
  const { user } = process.cpuUsage();
  while ((process.cpuUsage().user - user) / 1000 < ms) Math.sqrt(Math.random());
}

test('work within work counts for the inner name alone', async () => {
  const meter = new CpuMeter();
  await meter.meter('outer', async () => {
    burn(20);
    await meter.meter('inner', () => burn(120));
    burn(20);
  });
  expect(meter.get('inner')).toBeGreaterThanOrEqual(120);
  expect(meter.get('outer')).toBeGreaterThanOrEqual(40);
  expect(meter.get('outer')).toBeLessThan(meter.get('inner'));
  expect(meter.get('never')).toBe(0);
});

test('a failure is passed on and ends the count', async () => {
  const meter = new CpuMeter();
  await expect(
    meter.meter('failing', () => {
      throw new Error('on purpose');
    }),
  ).rejects.toThrow('on purpose');
  const spent = meter.get('failing');
  burn(20);
  expect(meter.get('failing')).toBe(spent);
});
