import type { NodeClient } from '@understudy/client/node';
import { type ModelManifestDocument, type ModelPack, UnderstudyError, Uuid } from '@understudy/contracts';
import { readPack } from '@understudy/inference';
import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import { onlyVersion } from '../../job/local-packs.js';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';

interface DecisionOptions extends ConnectionOptions {
  reason: string;
}

/** The registry of a farm that is already running: one person makes a version known, another approves it. */
export function addModelPackCommands(models: Command): void {
  withConnection(
    models
      .command('farm')
      .description('the packs that a farm knows, whether they are approved, and on how many lanes they passed'),
  )
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const packs = await allPacks(await connect(options));
      console.log(options.json === true ? JSON.stringify({ packs }) : packs.map(lineOf).join('\n'));
    });
  withConnection(
    models
      .command('register')
      .description("make a pack of this host's store known to a farm; its files stay here")
      .argument('<pack>')
      .argument('[version]', 'where the store has several'),
  )
    .option('--performer <id>', "whose model it is, of a performer's own (dfm); see: understudy project performers")
    .action(async (pack: string, version: string | undefined, options: ConnectionOptions & { performer?: string }) => {
      const { homeDir } = readConfig();
      const { manifest } = await readPack(homeDir, pack, version ?? (await onlyVersion(homeDir, pack)));
      const performerId = ownerOf(manifest, options.performer);
      const body = { manifest, ...(performerId === undefined ? {} : { performerId }) };
      console.log(lineOf(await (await connect(options)).call('addModelPack', { body })));
    });
  decision(models, 'approve', 'let a version be used that somebody else has registered', 'approveModelPack');
  decision(models, 'default', 'make a version the one that is meant where none is named', 'setDefaultModelPack');
}

/** @throws UnderstudyError USAGE */
function ownerOf({ id, decode }: ModelManifestDocument, performer: string | undefined): string | undefined {
  if (decode.family !== 'dfm') {
    if (performer === undefined) return undefined;
    throw new UnderstudyError('USAGE', `${id} is nobody's own model: leave --performer out`);
  }
  const parsed = Uuid.safeParse(performer);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${id} is one performer's model: say whose with --performer ID`);
}

function decision(
  models: Command,
  name: string,
  description: string,
  route: 'approveModelPack' | 'setDefaultModelPack',
): void {
  withConnection(models.command(name).description(description).argument('<pack>').argument('<version>'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(async (pack: string, version: string, { reason, ...connection }: DecisionOptions) => {
      const client = await connect(connection);
      const found = (await allPacks(client)).find((one) => one.pack === pack && one.version === version);
      if (found === undefined) throw new UnderstudyError('PACK_UNKNOWN', `the farm has no pack ${pack} ${version}`);
      console.log(lineOf(await client.call(route, { params: { modelPackId: found.id }, body: { reason } })));
    });
}

async function allPacks(client: NodeClient): Promise<ModelPack[]> {
  const packs: ModelPack[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.call('listModelPacks', {
      query: { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
    });
    packs.push(...page.items);
    cursor = page.next;
  }
  return packs;
}

function lineOf({ pack, version, role, licence, commercialUse, approved, isDefault, lanes }: ModelPack): string {
  const state = isDefault ? 'default' : approved ? 'approved' : 'waits for approval';
  const use = commercialUse ? 'commercial use' : 'non-commercial';
  const passed = `${lanes.passed} ${lanes.passed === 1 ? 'lane' : 'lanes'}`;
  const failed = lanes.failed === 0 ? '' : `, failed on ${lanes.failed}`;
  return `${pack} ${version}\t${role}\t${state}\t${use}\t${licence}\t${passed}${failed}`;
}
