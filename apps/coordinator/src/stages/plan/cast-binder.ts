import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { AuditWriter } from '../../audit/audit-writer.js';
import type { AnalysisTrack } from '../analysis.repository.js';
import { type CastRow, type StageShot, StageShotRepository } from '../stage-shot.repository.js';
import { type CastMatch, matchCast, requireIdentity } from './match-cast.js';
import { asPlanTrack, PlanRepository } from './plan.repository.js';
import type { Template } from './template.js';

/** The covered person was not compared with the performer who consented to it: nobody enrolled that face. */
export const PLATE_FACE_UNVERIFIED = 'plate_face_unverified';

interface Bound {
  readonly waivers: string[];
  readonly cast: readonly Pick<CastMatch, 'cast' | 'tracks'>[];
}

/** Binds a shot's cast to faces: identities to enrolled performers, plate performers to tracks. */
@Injectable()
export class CastBinder {
  constructor(
    private readonly shots: StageShotRepository,
    private readonly plans: PlanRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** @returns the version's waivers, with what had to be waived here, and who covers which tracks. */
  async bind(sql: Sql, shot: StageShot, tracks: readonly AnalysisTrack[]): Promise<Bound> {
    const cast = await this.shots.cast(sql, shot.id);
    if (cast.length === 0) return { waivers: await this.#waive(sql, shot, []), cast: [] };
    await this.requireIdentities(sql, cast);
    const members = [];
    for (const member of cast) {
      members.push({
        cast: member.cast,
        references: await this.#templates(sql, member.plateReferenceAssetIds),
        enrolled: await this.plans.enrolled(sql, member.platePerformerId),
      });
    }
    const matches = matchCast(tracks.map(asPlanTrack), members);
    for (const match of matches) await this.plans.bindTracks(sql, shot.id, match.cast, match.tracks);
    const unverified = matches.filter(({ verified }) => !verified);
    const bound = matches.map(({ cast: number, tracks: own }) => ({ cast: number, tracks: own }));
    return { waivers: await this.#waive(sql, shot, unverified), cast: bound };
  }

  /** @throws UnderstudyError IDENTITY_MISMATCH when an identity image is not of the performer who consented */
  async requireIdentities(
    sql: Sql,
    cast: readonly Pick<CastRow, 'cast' | 'identityAssetIds' | 'identityPerformerId'>[],
  ): Promise<void> {
    for (const { cast: number, identityAssetIds, identityPerformerId } of cast) {
      const images = await this.plans.assetTemplates(sql, identityAssetIds);
      requireIdentity(number, images, await this.plans.enrolled(sql, identityPerformerId));
    }
  }

  async #templates(sql: Sql, assetIds: readonly string[]): Promise<Template[]> {
    return (await this.plans.assetTemplates(sql, assetIds)).map(({ template }) => template);
  }

  async #waive(sql: Sql, shot: StageShot, unverified: readonly CastMatch[]): Promise<string[]> {
    const [row] = await sql.query<{ waivers: string[] }>('SELECT waivers FROM shot_versions WHERE id = $1', [shot.id]);
    const waivers = row?.waivers ?? [];
    if (unverified.length === 0) return waivers;
    const members = unverified.map(({ cast }) => cast);
    if (shot.project.profile !== 'local') {
      throw new UnderstudyError(
        'PLATE_FACE_NOT_FOUND',
        'The performer who is covered has no enrolled face; import a consent that binds one.',
        { details: { cast: members } },
      );
    }
    await this.audit.append(sql, {
      actor: 'stage:plan',
      action: 'shot.check_waived',
      subjectType: 'ShotVersion',
      subjectId: shot.id,
      projectId: shot.project.id,
      shotId: shot.shotId,
      data: { waiver: PLATE_FACE_UNVERIFIED, cast: members },
    });
    return [...new Set([...waivers, PLATE_FACE_UNVERIFIED])];
  }
}
