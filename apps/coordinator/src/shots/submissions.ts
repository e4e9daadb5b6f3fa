import { Inject, Injectable } from '@nestjs/common';
import { type AssetKind, castOperations, type RouteInput, ShotSettings, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import { evaluateConsents } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { requireOn } from '../access/require-on.js';
import { requireProjectKey } from '../projects/require-project-key.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { RecipePacks } from '../models/recipe-packs.js';
import { DATABASE } from '../platform/tokens.js';
import { Outbox } from '../stages/outbox.js';
import { CastBinder } from '../stages/plan/cast-binder.js';
import { consentRefusal } from '../stages/shot-failures.js';
import { StageTransitions } from '../stages/stage-transitions.js';
import { consentFor, requireCoherent, requireFrames } from './submission-rules.js';
import { type NewCastMember, type SubmittedAsset, SubmissionRepository } from './submission.repository.js';

type Submission = RouteInput<'submitShot'>['body'];

/** Where no consent was found: an id that names none. */
const NONE = '00000000-0000-0000-0000-000000000000';

/** Takes a shot in: everything it names exists, every face in the cast is covered by consent, every identity is who it says. */
@Injectable()
export class Submissions {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly repository: SubmissionRepository,
    private readonly binder: CastBinder,
    private readonly audit: AuditWriter,
    private readonly outbox: Outbox,
    private readonly transitions: StageTransitions,
    private readonly packs: RecipePacks,
  ) {}

  /**
   * @param traceparent the caller's span, as it came in
   * @returns the shot's id; a name that the project knows already gets its next version
   * @throws UnderstudyError INVALID_REQUEST, BASIS_REQUIRED, NOT_FOUND, CONFLICT for an asset that is not complete or not
   * read yet, PACK_UNKNOWN, PACK_NOT_APPROVED, LICENCE_REFUSED, IDENTITY_MISMATCH, the first consent reason's code with all reasons in the details
   */
  async submit(actor: Actor, submission: Submission, traceparent?: string): Promise<string> {
    requireOn(actor, 'create', 'Shot', { projectId: submission.projectId });
    requireCoherent(submission);
    return this.database.hotTransaction(async (sql) => {
      await requireProjectKey(sql, submission.projectId);
      // Whether they may be used at all; which versions is decided when the shot is planned.
      await this.packs.pin(sql, submission.projectId, submission.recipe, submission.cast);
      await this.packs.pinAnalysis(sql, submission.projectId, submission.analysis);
      const assets = await this.#assets(sql, submission);
      requireFrames(submission.recipe, assets.get(submission.plateAssetId)?.frames ?? null);
      const cast = await this.#cast(sql, submission, assets);
      await this.binder.requireIdentities(sql, cast);
      return this.#insert(sql, actor, { ...submission, traceparent }, cast);
    });
  }

  async #assets(sql: Sql, submission: Submission): Promise<Map<string, SubmittedAsset>> {
    const { projectId, plateAssetId, matteAssetId, cast, keepAssetIds } = submission;
    const references = [...cast.flatMap((member) => member.plateReferenceAssetIds), ...keepAssetIds];
    const identities = cast.flatMap((member) => member.identityAssetIds);
    const mattes = matteAssetId === undefined ? [] : [matteAssetId];
    const ids = [plateAssetId, ...mattes, ...references, ...identities];
    const assets = await this.repository.assets(sql, projectId, ids);
    requireKind(assets, [plateAssetId], ['plate']);
    requireKind(assets, mattes, ['matte']);
    requireKind(assets, identities, ['identity']);
    requireKind(assets, references, ['plate_reference', 'identity']);
    return assets;
  }

  /** The consent pinned to each side of each member, all of them evaluated. */
  async #cast(
    sql: Sql,
    { projectId, cast, recipe, name, plateAssetId }: Submission,
    assets: Map<string, SubmittedAsset>,
  ): Promise<NewCastMember[]> {
    const project = await this.repository.project(sql, projectId);
    const plate = assets.get(plateAssetId);
    if (project === null || plate === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such project.');
    if (cast.length === 0) return [];
    const performerIds = [...new Set(cast.flatMap((member) => [member.platePerformerId, member.identityPerformerId]))];
    const known = await this.repository.performers(sql, projectId, performerIds);
    const unknown = performerIds.filter((id) => !known.has(id));
    if (unknown.length > 0) {
      throw new UnderstudyError('NOT_FOUND', 'A performer of the cast is not in this project.', {
        details: { unknown },
      });
    }
    const consents = await this.repository.consents(sql, projectId, performerIds);
    const now = await this.repository.now(sql);
    const operations = castOperations(recipe);
    const shared = { project, shotName: name, operations, plateSha256: plate.sha256, frames: plate.frames };
    const members = cast.map((member, number) => {
      const sha256s = member.identityAssetIds.map((id) => assets.get(id)?.sha256 ?? '');
      const pin = (role: 'identity' | 'plate', performerId: string, identitySha256s: string[]): string =>
        consentFor(consents, { ...shared, performerId, role, identitySha256s }, now)?.id ?? NONE;
      return {
        ...member,
        cast: number,
        sha256s,
        identityConsentId: pin('identity', member.identityPerformerId, sha256s),
        plateConsentId: pin('plate', member.platePerformerId, []),
      };
    });
    const verdict = evaluateConsents({
      now,
      point: 'submit',
      ...shared,
      consents,
      cast: members.map(({ cast: number, sha256s, ...member }) => ({
        cast: number,
        // Not written yet.
        altered: false,
        identity: { performerId: member.identityPerformerId, consentId: member.identityConsentId, sha256s },
        plate: { performerId: member.platePerformerId, consentId: member.plateConsentId },
      })),
    });
    if (!verdict.allowed) throw consentRefusal(verdict, 'submit');
    return members;
  }

  /** Of the shots that must be ready first, those that are not. @throws UnderstudyError NOT_FOUND; CONFLICT for a ring */
  async #waitsFor(sql: Sql, projectId: string, shotId: string, after: readonly string[]): Promise<string[]> {
    if (after.length === 0) return [];
    const standing = await this.repository.standing(sql, projectId, after);
    const unknown = after.filter((id) => !standing.some((one) => one.shotId === id));
    if (unknown.length > 0) {
      throw new UnderstudyError('NOT_FOUND', 'A shot to wait for is not in this project.', { details: { unknown } });
    }
    if (await this.repository.waitsFor(sql, after, shotId)) {
      throw new UnderstudyError('CONFLICT', 'The shots would wait for each other; leave one of them out of after.');
    }
    return standing.filter(({ state }) => state !== 'ready' && state !== 'released').map((one) => one.shotId);
  }

  async #insert(
    sql: Sql,
    actor: Actor,
    submission: Submission & { traceparent: string | undefined },
    cast: readonly NewCastMember[],
  ): Promise<string> {
    const { projectId, name, plateAssetId, priority, basis, batch } = submission;
    const settings = ShotSettings.parse(submission);
    const batchId = batch === undefined ? null : await this.repository.batch(sql, projectId, batch, actor.id);
    const shotId = await this.repository.shot(sql, { projectId, name, batchId }, actor.id);
    const waitsFor = await this.#waitsFor(sql, projectId, shotId, submission.after);
    const { needs, traceparent } = submission;
    const version = {
      shotId,
      plateAssetId,
      settings,
      priority,
      createdBy: actor.id,
      cast,
      needs,
      waitsFor,
      traceparent,
    };
    const { id: shotVersionId, version: number } = await this.repository.addVersion(sql, version);
    await this.audit.append(sql, {
      actor: actor.label,
      action: 'shot.submitted',
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId,
      shotId,
      data: {
        version: number,
        plateAssetId,
        matteAssetId: settings.matteAssetId ?? null,
        processors: settings.recipe.processors.map(({ type }) => type),
        basis: typed(basis),
        batchId,
        acceptUncertain: typed(settings.acceptUncertain),
        keepAssetIds: settings.keepAssetIds,
        needs,
        waitsFor,
        cast: cast.map(castRecord),
      },
    });
    await this.outbox.enqueue(sql, 'ingest', shotVersionId, { shotVersionId });
    await this.transitions.announce(sql, shotId);
    return shotId;
  }
}

const typed = (text: string | null | undefined) => (text == null ? null : personal(text));

/** What the audit log keeps of a member: all of it, so that a change of the row shows. */
export function castRecord(member: NewCastMember): Record<string, unknown> {
  const { cast, identityConsentId, plateConsentId, identityAssetIds } = member;
  const { identityPerformerId, platePerformerId, plateReferenceAssetIds } = member;
  return {
    cast,
    identityConsentId,
    plateConsentId,
    identityAssetIds,
    identityPerformerId,
    platePerformerId,
    plateReferenceAssetIds,
  };
}

function requireKind(assets: Map<string, SubmittedAsset>, ids: readonly string[], kinds: readonly AssetKind[]): void {
  for (const assetId of ids) {
    const asset = assets.get(assetId);
    if (asset === undefined || !kinds.includes(asset.kind)) {
      throw new UnderstudyError('NOT_FOUND', `The project has no ${kinds.join(' or ')} asset of this id.`, {
        details: { assetId },
      });
    }
    if (!asset.complete) {
      throw new UnderstudyError('CONFLICT', 'An asset is not uploaded whole yet; finish its upload, then submit.', {
        details: { assetId },
      });
    }
  }
}
