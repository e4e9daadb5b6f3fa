import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

import * as sample from './index.js';

/** Runs the example of the README as it stands there. */
it('the example of the README runs', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const [, names = '', body = ''] = /^import \{([^}]*)\} from '@understudy\/sample';\n([\s\S]*)$/.exec(example) ?? [];
  const imports = names.split(',').map((name) => name.trim());
  for (const name of imports) expect(sample).toHaveProperty(name);
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- the text is our own README
  const run = new Function(
    'sample',
    `return (async () => { const { ${imports.join(', ')} } = sample;
    ${body}; return { picture, faces, portrait, between }; })();`,
  ) as (of: typeof sample) => Promise<{
    picture: sample.RgbImage;
    faces: sample.FaceTruth[];
    portrait: sample.RgbImage;
    between: sample.Person;
  }>;
  const { picture, faces, portrait, between } = await run(sample);
  expect(picture.width).toBe(960);
  expect(faces.map(({ performer }) => performer)).toEqual([sample.FIRST.name, sample.SECOND.name]);
  expect(Math.min(...faces.map(({ yaw }) => Math.abs(yaw)))).toBeGreaterThan(25);
  expect(portrait.width).toBe(512);
  expect(between.shape.mouthHalf).toBeCloseTo((sample.FIRST.shape.mouthHalf + sample.THIRD.shape.mouthHalf) / 2);
}, 60_000);
