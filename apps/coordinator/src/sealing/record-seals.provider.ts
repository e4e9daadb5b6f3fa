import { RecordSeals } from '@understudy/db';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';

/** The seals of rows that decide something, under this farm's key. */
export const RECORD_SEALS = {
  provide: RecordSeals,
  inject: [CONFIG],
  useFactory: (config: Pick<Config, 'SECRET_KEY'>): RecordSeals => new RecordSeals(config.SECRET_KEY),
};
