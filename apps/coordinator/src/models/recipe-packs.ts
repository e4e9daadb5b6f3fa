import { Injectable } from '@nestjs/common';
import {
  type AnalysisPacks,
  type NamedPack,
  type PackReference,
  packsOf,
  packsOfAnalysis,
  type Recipe,
  type SwapProcessor,
  swapNetworksOf,
  UnderstudyError,
  withAnalysisPacks,
  withPacks,
} from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { requireLicence } from '@understudy/policy';
import { ModelPackRepository, type RegisteredPack } from './model-pack.repository.js';

/** A pack of a local run that only one person has seen. */
export const PACK_UNAPPROVED = 'pack_unapproved';

export interface PinnedPack {
  readonly id: string;
  readonly version: string;
  readonly sha256: string;
}

export interface PinnedPacks {
  /** Each once. */
  readonly packs: readonly PinnedPack[];
  readonly waivers: readonly string[];
}

export interface PinnedRecipe extends PinnedPacks {
  /** Every pack with version and hash. */
  readonly recipe: Recipe;
}

export interface PinnedAnalysis extends PinnedPacks {
  readonly analysis: AnalysisPacks;
}

/** Decides which versions of its packs a shot runs with, and whether the project may use them. */
@Injectable()
export class RecipePacks {
  constructor(private readonly packs: ModelPackRepository) {}

  /**
   * @param cast in the order of their numbers
   * @throws UnderstudyError PACK_UNKNOWN, PACK_NOT_APPROVED, LICENCE_REFUSED; PACK_OF_ANOTHER_PERFORMER where a cast member
   * would get somebody else's model; INVALID_REQUEST where a pack is not what its place in the recipe wants
   */
  async pin(sql: Sql, projectId: string, recipe: Recipe, cast: readonly Identity[]): Promise<PinnedRecipe> {
    const chosen = await this.#choose(sql, projectId, packsOf(recipe));
    const pinned = withPacks(recipe, chosen.pin);
    for (const processor of pinned.processors) {
      if (processor.type === 'swap') requireSwappers(processor, cast, chosen.bySha256);
    }
    return { recipe: pinned, ...summaryOf(chosen) };
  }

  /** The same for what finds the faces of a plate. */
  async pinAnalysis(sql: Sql, projectId: string, analysis: AnalysisPacks): Promise<PinnedAnalysis> {
    const chosen = await this.#choose(sql, projectId, packsOfAnalysis(analysis));
    return { analysis: withAnalysisPacks(analysis, chosen.pin), ...summaryOf(chosen) };
  }

  /** From now on only lanes that passed the self-test of each of these packs get the shot's shards. */
  async require(sql: Sql, shotVersionId: string, pinned: PinnedRecipe | PinnedAnalysis): Promise<void> {
    if (pinned.packs.length === 0) return;
    const sha256s = pinned.packs.map(({ sha256 }) => sha256).toSorted();
    await this.packs.require(sql, shotVersionId, 'recipe' in pinned ? 'models' : 'analysisModels', sha256s);
  }

  async #choose(sql: Sql, projectId: string, named: readonly NamedPack[]): Promise<ChosenPacks> {
    const bySha256 = new Map<string, RegisteredPack>();
    const of = new Map<NamedPack['reference'], PackReference>();
    if (named.length > 0) {
      const project = await this.packs.project(sql, projectId);
      if (project === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such project.');
      const ids = named.map(({ reference }) => reference.id);
      const versions = await this.packs.versions(sql, ids);
      for (const one of named) {
        const pack = choose(versions, one, project.profile === 'local');
        requirePlace(pack, one);
        requireLicence(pack.manifest, project);
        bySha256.set(pack.sha256, pack);
        of.set(one.reference, { id: pack.pack, version: pack.version, sha256: pack.sha256 });
      }
    }
    return { bySha256, pin: ({ reference }) => of.get(reference) as PackReference };
  }
}

/** Whom a cast member becomes. */
interface Identity {
  readonly identityPerformerId: string;
}

interface ChosenPacks {
  readonly bySha256: ReadonlyMap<string, RegisteredPack>;
  readonly pin: (named: NamedPack) => PackReference;
}

function summaryOf({ bySha256 }: ChosenPacks): PinnedPacks {
  const chosen = [...bySha256.values()];
  const packs = chosen.map(({ pack, version, sha256 }) => ({ id: pack, version, sha256 }));
  return { packs, waivers: chosen.some(({ approvedBy }) => approvedBy === null) ? [PACK_UNAPPROVED] : [] };
}

/** The version that is named, or else the default, or else the only one. */
function choose(versions: readonly RegisteredPack[], { reference }: NamedPack, local: boolean): RegisteredPack {
  const { id, version, sha256 } = reference;
  const own = versions.filter(({ pack }) => pack === id);
  const found =
    version === undefined
      ? (own.find(({ isDefault }) => isDefault) ?? (own.length === 1 ? own[0] : undefined))
      : own.find((one) => one.version === version);
  const name = version === undefined ? id : `${id} ${version}`;
  if (found === undefined || (sha256 !== undefined && found.sha256 !== sha256)) {
    const known = own.map((one) => one.version);
    throw new UnderstudyError(
      'PACK_UNKNOWN',
      `The farm has no pack ${name}; add it with: understudy models register.`,
      {
        details: { pack: id, version: version ?? null, known },
      },
    );
  }
  if (found.approvedBy !== null || local) return found;
  throw new UnderstudyError(
    'PACK_NOT_APPROVED',
    `${id} ${found.version} was added, but not yet approved by a second person.`,
    { details: { pack: id, version: found.version } },
  );
}

function requirePlace({ manifest }: RegisteredPack, { role, family }: NamedPack): void {
  if (manifest.role === role && (family === undefined || manifest.decode.family === family)) return;
  throw new UnderstudyError('INVALID_REQUEST', `${manifest.id} is no ${family ?? role}: name another pack there.`, {
    details: { pack: manifest.id, is: manifest.decode.family, wanted: family ?? role },
  });
}

/** Each member's swapper has the recogniser that it needs, and is nobody else's own model. */
function requireSwappers(
  processor: SwapProcessor,
  cast: readonly Identity[],
  chosen: ReadonlyMap<string, RegisteredPack>,
): void {
  cast.forEach(({ identityPerformerId }, member) => {
    const networks = swapNetworksOf(processor, member);
    const swapper = chosen.get(networks.swapper.sha256 ?? '');
    if (swapper === undefined) return;
    const { pack, version, performerId } = swapper;
    const { family } = swapper.manifest.decode;
    if (family === 'dfm' && performerId !== identityPerformerId) {
      throw new UnderstudyError(
        'PACK_OF_ANOTHER_PERFORMER',
        `${pack} ${version} is one performer's model, and cast member ${member} becomes another: name that performer's own.`,
        { details: { pack, version, cast: member } },
      );
    }
    if (family === 'embedding-swapper' && networks.recogniser === undefined) {
      throw new UnderstudyError(
        'INVALID_REQUEST',
        `${pack} reads an embedding: name the recogniser that it was trained with.`,
        { details: { pack } },
      );
    }
  });
}
