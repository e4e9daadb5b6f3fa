import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { toUnderstudyError, UnderstudyError } from '@understudy/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../remote/farm-connection.js';
import { interruptSignal } from '../terminal/interrupt.js';
import { wholeNumber } from '../terminal/whole-number.js';
import { Witness, witnessKey } from '../witness/witness.js';

interface WitnessOptions extends ConnectionOptions {
  key: string;
  name: string;
  state: string;
  logKey?: string;
  every?: number;
}

export function addWitnessCommand(audit: Command): void {
  withConnection(
    audit
      .command('witness')
      .description("cosign the log's checkpoints from another host, for as long as each goes on from the one before"),
  )
    .requiredOption('--key <file>', "the witness's own Ed25519 key (PKCS #8 PEM); made where there is none")
    .requiredOption('--name <name>', 'under which it cosigns: a URL without its scheme, like witness.example/1')
    .requiredOption('--state <dir>', 'its own folder: what it cosigned, which `audit verify --checkpoint` reads')
    .option('--log-key <key>', "the log's verifier key as it came to you; by default the first one seen is kept")
    .option('--every <seconds>', 'go on looking; by default it looks once', wholeNumber)
    .action(witness);
}

async function witness(options: WitnessOptions): Promise<void> {
  if (!/^[^\s+]+$/.test(options.name)) throw new UnderstudyError('USAGE', '--name is without spaces and plus signs');
  const client = await connect(options);
  const log = {
    checkpoint: () => client.call('getAuditCheckpoint', {}),
    consistency: (from: number) => client.call('getAuditConsistency', { query: { from } }),
  };
  const key = await witnessKey(resolve(options.key));
  const own = { folder: resolve(options.state), name: options.name, key, logKey: options.logKey };
  const one = new Witness(log, own, () => new Date());
  console.log(`witness key: ${one.verifierKey}`);
  try {
    if (options.every === undefined) {
      const { size, isNew } = await one.look();
      console.log(isNew ? `cosigned ${size} entries` : `nothing new after ${size} entries`);
      return;
    }
    await goOn(one, options.every);
  } finally {
    client.close();
  }
}

/** A farm that is away for a while is asked again; one that shows another log ends the witness. */
async function goOn(one: Witness, everySeconds: number): Promise<void> {
  const signal = interruptSignal();
  while (!signal.aborted) {
    try {
      const { size, isNew } = await one.look();
      if (isNew) console.log(`cosigned ${size} entries`);
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      if (error.code !== 'COORDINATOR_UNREACHABLE' && error.code !== 'DATABASE_UNAVAILABLE') throw error;
      console.error(`the farm is away: ${error.message}`);
    }
    await delay(everySeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}
