import { hash } from '@node-rs/argon2';
import { UnderstudyError } from '@understudy/contracts';
import { bootstrapFarm, ensureRuntimeRole, migrate } from '@understudy/db';
import { migrateQueue } from '@understudy/queue';
import type { Command } from 'commander';
import { type MigrateSettings, readConfig, readMigrateSettings } from '../config.js';

const HELP = `
Reads from the environment: DATABASE_URL (as the database's owner), RUNTIME_PASSWORD (of the role the coordinator runs
under), SECRET_KEY (the coordinator's; without it the accounts count from the coordinator's first start on), ADMIN_EMAIL and
ADMIN_PASSWORD (of the first account), WORKER_TOKEN (that the workers are given). SECOND_ADMIN_EMAIL and SECOND_ADMIN_PASSWORD
make a second org admin, which a strict farm needs to give roles; ACCOUNTS is what the coordinator gets, strict by default.`;

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description("bring a Postgres of one's own up to date: tables, queue, runtime role, first account, worker token")
    .addHelpText('after', HELP)
    .action(async () => {
      const { databaseUrl } = readConfig();
      if (databaseUrl === undefined) {
        throw new UnderstudyError(
          'USAGE',
          'DATABASE_URL is not set; an embedded Postgres is brought up to date by itself',
        );
      }
      for (const name of await migrateDatabase(databaseUrl, readMigrateSettings())) console.log(`applied ${name}`);
      console.log('the database is up to date');
    });
}

async function migrateDatabase(ownerUrl: string, settings: MigrateSettings): Promise<string[]> {
  const applied = await migrate(ownerUrl);
  await migrateQueue(ownerUrl);
  await ensureRuntimeRole(ownerUrl, { password: settings.runtimePassword });
  const { secondAdmin } = settings;
  await bootstrapFarm(ownerUrl, {
    accounts: settings.accounts,
    ...(secondAdmin === null
      ? {}
      : {
          second: { name: 'second admin', email: secondAdmin.email, passwordHash: await hash(secondAdmin.password) },
        }),
    user: {
      name: 'admin',
      email: settings.adminEmail,
      passwordHash: await hash(settings.adminPassword),
      farmRoles: ['org_admin', 'farm_operator'],
    },
    worker: { name: 'first', token: settings.workerToken },
    secretKey: settings.secretKey,
    validDays: 365,
  });
  return applied;
}
