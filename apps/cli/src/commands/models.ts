import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, type PackRole, toUnderstudyError, UnderstudyError } from '@understudy/contracts';
import { readShapePredictor } from '@understudy/face';
import {
  addPack,
  CATALOGUE,
  catalogueRow,
  DEFAULT_PACK,
  ensureDefaultPack,
  listPacks,
  type ModelPack,
  readBounded,
  readModel,
  readPack,
  type StoredPack,
  verifyPack,
} from '@understudy/inference';
import type { Command } from 'commander';
import { readConfig } from '../config.js';
import { addModelPackCommands } from './remote/model-packs.js';

/** A line of `models list`: a pack that is here, or a row of the catalogue for which a studio may bring the files. */
export interface ListedModel {
  readonly id: string;
  /** `null` for a row without files. */
  readonly version: string | null;
  readonly roles: readonly (PackRole | 'identity')[];
  readonly family: string;
  readonly licence: string;
  readonly commercialUse: boolean;
  /** `stored` is not yet verified; `unsound` has a manifest that can't be read. */
  readonly state: 'stored' | 'unsound' | 'absent';
}

export interface VerifiedModel {
  readonly id: string;
  readonly version: string;
  readonly fault: { readonly code: ErrorCode; readonly message: string } | null;
}

export interface AddModelOptions {
  readonly as: string;
  readonly id?: string;
  readonly packVersion?: string;
  readonly licence?: string;
  readonly commercial?: boolean;
}

export function addModelsCommands(program: Command): void {
  const models = program
    .command('models')
    .description('model packs: what is here, under which licence, and whether it is sound');
  models
    .command('list')
    .description('the packs in the data folder, and the models that packs can be made of')
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (options: { json?: boolean }) => {
      const listed = await listModels(readConfig().homeDir);
      print(options, { models: listed }, table(listed));
    });
  models
    .command('pull')
    .description('fetch the default pack by its pinned integrity; done already where it is here')
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (options: { json?: boolean }) => {
      const pack = await ensureDefaultPack(readConfig().homeDir);
      print(options, { id: pack.id, folder: pack.folder }, [`${pack.id} is in ${pack.folder}`]);
    });
  models
    .command('add')
    .description("check a model file, or a folder of a pack's files, against a row of the catalogue, and copy it in")
    .argument(
      '<path>',
      'an ONNX, DFM or DAT file, or a folder with it and what belongs to it (converter, *.data, LICENSE)',
    )
    .requiredOption('--as <row>', 'the row of the catalogue: `models list` shows them')
    .option('--id <id>', 'another name, as for a model of one performer')
    .option('--pack-version <version>', "a version's name; the model's hash without it")
    .option('--licence <text>', "instead of the row's licence")
    .option('--commercial', 'that licence allows commercial use')
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (path: string, options: AddModelOptions & { json?: boolean }) => {
      const { folder, manifest } = await addModel(readConfig().homeDir, path, options);
      print(options, { folder, manifest }, [`${manifest.id} ${manifest.version} is in ${folder}`]);
    });
  models
    .command('verify')
    .description('hash every file of every pack again, and check graphs against manifests')
    .option('--json', 'one JSON object as the last line of standard output')
    .action(async (options: { json?: boolean }) => {
      const verified = await verifyModels(readConfig().homeDir);
      requireSound(verified);
      const lines = verified.map(({ id, version }) => `${id} ${version}: sound`);
      print(
        options,
        { packs: verified },
        lines.length > 0 ? lines : ['there are no packs here: models pull fetches the default one'],
      );
    });
  addModelPackCommands(models);
}

function print(options: { json?: boolean }, value: object, lines: readonly string[]): void {
  console.log(options.json === true ? JSON.stringify(value) : lines.join('\n'));
}

export async function listModels(homeDir: string): Promise<ListedModel[]> {
  const stored = await Promise.all(
    (await listPacks(homeDir)).map(({ id, version }) => listStored(homeDir, id, version)),
  );
  const absent = CATALOGUE.filter((row) => !stored.some((pack) => pack.id === row.id)).map((row): ListedModel => ({
    id: row.id,
    version: null,
    roles: [row.role],
    family: row.decode.family,
    licence: row.licence,
    commercialUse: row.commercialUse,
    state: 'absent',
  }));
  return [await listDefault(homeDir), ...stored, ...absent];
}

async function listDefault(homeDir: string): Promise<ListedModel> {
  const { models, id, source } = DEFAULT_PACK;
  return {
    id,
    version: source.version,
    roles: models.map((model) => model.role),
    family: 'default',
    licence: [...new Set(models.map((model) => model.licence))].join(', '),
    commercialUse: models.every((model) => model.commercialUse),
    state: (await defaultIsHere(homeDir)) ? 'stored' : 'absent',
  };
}

function defaultPack(homeDir: string): ModelPack {
  return { id: DEFAULT_PACK.id, folder: join(homeDir, 'models', DEFAULT_PACK.id), manifest: DEFAULT_PACK };
}

async function defaultIsHere(homeDir: string): Promise<boolean> {
  const { folder, manifest } = defaultPack(homeDir);
  const files = manifest.models.map((model) => stat(join(folder, model.file)));
  return (await Promise.allSettled(files)).every((one) => one.status === 'fulfilled');
}

async function listStored(homeDir: string, id: string, version: string): Promise<ListedModel> {
  try {
    const { manifest } = await readPack(homeDir, id, version);
    const { role, decode, licence, commercialUse } = manifest;
    return { id, version, roles: [role], family: decode.family, licence, commercialUse, state: 'stored' };
  } catch {
    return { id, version, roles: [], family: 'unknown', licence: 'unknown', commercialUse: false, state: 'unsound' };
  }
}

function table(listed: readonly ListedModel[]): string[] {
  const rows = listed.map((one) => [
    one.version === null ? one.id : `${one.id} ${one.version}`,
    one.roles.join(', '),
    one.state,
    one.commercialUse ? 'commercial use' : 'non-commercial',
    one.licence,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** @throws UnderstudyError what the pack breaks, PACK_* or MODEL_*; USAGE for a row that is not there */
export async function addModel(homeDir: string, path: string, options: AddModelOptions): Promise<StoredPack> {
  const row = catalogueRow(options.as);
  if (options.commercial === true && options.licence === undefined) {
    throw new UnderstudyError('USAGE', '--commercial says so of a licence: name it with --licence.');
  }
  // Read as a predictor before it is taken in: it has no graph that could be checked.
  if (row.decode.family === 'ensemble-of-regression-trees') readShapePredictor(await readBounded(path));
  return addPack(homeDir, path, row, {
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(options.packVersion === undefined ? {} : { version: options.packVersion }),
    ...(options.licence === undefined ? {} : { licence: options.licence, commercialUse: options.commercial === true }),
  });
}

/** Every pack that is here, with what is wrong with it. */
export async function verifyModels(homeDir: string): Promise<VerifiedModel[]> {
  const verified: VerifiedModel[] = [];
  const check = async (id: string, version: string, verify: () => Promise<void>) => {
    try {
      await verify();
      verified.push({ id, version, fault: null });
    } catch (thrown) {
      const { code, message } = toUnderstudyError(thrown);
      verified.push({ id, version, fault: { code, message } });
    }
  };
  if (await defaultIsHere(homeDir)) {
    await check(DEFAULT_PACK.id, DEFAULT_PACK.source.version, async () => {
      for (const { role } of DEFAULT_PACK.models) await readModel(defaultPack(homeDir), role);
    });
  }
  // One after the other: a pack's files are held in memory while they are checked.
  for (const { id, version } of await listPacks(homeDir)) {
    await check(id, version, async () => verifyPack(await readPack(homeDir, id, version)));
  }
  return verified;
}

/** @throws UnderstudyError with the first fault's code, naming every pack that is not sound */
export function requireSound(verified: readonly VerifiedModel[]): void {
  const faulty = verified.filter((one) => one.fault !== null);
  const [first] = faulty;
  if (first === undefined || first.fault === null) return;
  const names = faulty.map(({ id, version }) => `${id} ${version}`).join(', ');
  const { code, message } = first.fault;
  throw new UnderstudyError(code, `${faulty.length} of ${verified.length} packs are not sound (${names}): ${message}`, {
    details: { packs: verified },
  });
}
