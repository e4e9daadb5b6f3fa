import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Database, openDatabase } from '@understudy/db';
import { FolderStore, type ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { ProjectKeys } from '../sealing/project-keys.js';
import { DatabaseClock } from './database-clock.js';
import type { Logger } from './logger.js';
import { type Clock, CLOCK, CONFIG, DATABASE, LOGGER, OBJECT_STORE } from './tokens.js';

/** What every feature stands on: settings, database, object store, clock, log. */
@Global()
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /** @param clock instead of the database's; for tests */
  static with(config: Config, logger: Logger, clock?: Clock): DynamicModule {
    const providers = [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      {
        provide: CLOCK,
        inject: [DATABASE],
        useFactory: (database: Database): Clock => clock ?? new DatabaseClock(database, logger),
      },
      {
        provide: DATABASE,
        useFactory: () =>
          openDatabase(config.DATABASE_URL, {
            maxConnections: config.DATABASE_CONNECTIONS,
            onIdleError: (error) => logger.warn({ err: error }, 'a connection to the database broke'),
          }),
      },
      {
        provide: OBJECT_STORE,
        inject: [ProjectKeys],
        useFactory: (keys: ProjectKeys): Promise<ObjectStore> =>
          FolderStore.open(config.DATA_DIR, { keys, scratchDir: config.SCRATCH_DIR }),
      },
    ];
    return { module: PlatformModule, providers, exports: providers.map(({ provide }) => provide) };
  }

  /** Runs after the server has answered its last request. */
  async onApplicationShutdown(): Promise<void> {
    await this.objects.close();
    await this.database.close();
  }
}
