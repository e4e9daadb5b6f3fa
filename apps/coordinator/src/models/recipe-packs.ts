import { Injectable } from '@nestjs/common';
import { type NamedPack, packsOf, type Recipe, UnderstudyError, withPacks } from '@understudy/contracts';
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

export interface PinnedRecipe {
  /** Every pack with version and hash. */
  readonly recipe: Recipe;
  /** Each once. */
  readonly packs: readonly PinnedPack[];
  readonly waivers: readonly string[];
}

/** Decides which versions of its packs a recipe runs with, and whether the project may use them. */
@Injectable()
export class RecipePacks {
  constructor(private readonly packs: ModelPackRepository) {}

  /**
   * @throws UnderstudyError PACK_UNKNOWN, PACK_NOT_APPROVED, LICENCE_REFUSED; INVALID_REQUEST where a pack is not what its
   * place in the recipe wants
   */
  async pin(sql: Sql, projectId: string, recipe: Recipe): Promise<PinnedRecipe> {
    const named = packsOf(recipe);
    if (named.length === 0) return { recipe, packs: [], waivers: [] };
    const project = await this.packs.project(sql, projectId);
    if (project === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such project.');
    const versions = await this.packs.versions(
      sql,
      named.map(({ reference }) => reference.id),
    );
    const local = project.profile === 'local';
    const chosen = new Map<string, RegisteredPack>();
    const pinned = withPacks(recipe, (one) => {
      const pack = choose(versions, one, local);
      requirePlace(pack, one);
      requireLicence(pack.manifest, project);
      chosen.set(pack.sha256, pack);
      return { id: pack.pack, version: pack.version, sha256: pack.sha256 };
    });
    requireRecognisers(pinned, chosen);
    const packs = [...chosen.values()].map(({ pack, version, sha256 }) => ({ id: pack, version, sha256 }));
    const unapproved = [...chosen.values()].some(({ approvedBy }) => approvedBy === null);
    return { recipe: pinned, packs, waivers: unapproved ? [PACK_UNAPPROVED] : [] };
  }

  /** From now on only lanes that passed the self-test of each of these packs get the shot's shards. */
  async require(sql: Sql, shotVersionId: string, { packs }: PinnedRecipe): Promise<void> {
    if (packs.length === 0) return;
    const sha256s = packs.map(({ sha256 }) => sha256).toSorted();
    await this.packs.require(sql, shotVersionId, sha256s);
  }
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

function requireRecognisers({ processors }: Recipe, chosen: ReadonlyMap<string, RegisteredPack>): void {
  for (const processor of processors) {
    if (processor.type !== 'swap' || processor.settings.recogniser !== undefined) continue;
    const swapper = chosen.get(processor.settings.swapper.sha256 ?? '');
    if (swapper?.manifest.decode.family !== 'embedding-swapper') continue;
    throw new UnderstudyError(
      'INVALID_REQUEST',
      `${swapper.pack} reads an embedding: name the recogniser that it was trained with.`,
      { details: { pack: swapper.pack } },
    );
  }
}
