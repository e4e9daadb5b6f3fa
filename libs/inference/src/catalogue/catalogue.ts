import type { ModelContract } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import { DETECTOR_ROWS } from './detectors.js';
import { FACE_ROWS } from './faces.js';
import { RESTORER_ROWS } from './restorers.js';
import { SWAPPER_ROWS } from './swappers.js';

/** Every model whose contract is known. No weights come with it: a studio brings the files, under their licences. */
export const CATALOGUE: readonly ModelContract[] = [...DETECTOR_ROWS, ...FACE_ROWS, ...SWAPPER_ROWS, ...RESTORER_ROWS];

/** @throws UnderstudyError USAGE listing the rows */
export function catalogueRow(id: string): ModelContract {
  const row = CATALOGUE.find((candidate) => candidate.id === id);
  if (row !== undefined) return row;
  throw new UnderstudyError(
    'USAGE',
    `the catalogue has no ${id}: it has ${CATALOGUE.map((one) => one.id).join(', ')}.`,
  );
}
