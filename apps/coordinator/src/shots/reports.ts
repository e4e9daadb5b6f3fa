import { Injectable } from '@nestjs/common';
import { type ShotReport, UnderstudyError } from '@understudy/contracts';
import { AuditCheckpoints } from '../audit/audit-checkpoints.js';
import { ReportRepository } from './report.repository.js';
import { ShotRepository } from './shot.repository.js';
import type { ShotHead } from './shot-row.js';
import { stageTimings } from './stage-timings.js';

@Injectable()
export class Reports {
  constructor(
    private readonly shots: ShotRepository,
    private readonly repository: ReportRepository,
    private readonly checkpoints: AuditCheckpoints,
  ) {}

  /**
   * What became of a shot. `output.path` names the delivery: where its file goes is for whoever downloads it to say.
   *
   * @throws UnderstudyError CONFLICT before there is a verified delivery
   */
  async of(head: ShotHead): Promise<ShotReport> {
    const version = await this.repository.newest(head.id);
    if (version === null || version.delivery === null || !['ready', 'released'].includes(version.state)) {
      throw new UnderstudyError(
        'CONFLICT',
        `The shot is ${version?.state ?? 'unknown'}; its report is there once it is ready.`,
        {
          details: { state: version?.state ?? null },
        },
      );
    }
    const shot = await this.shots.show(head);
    const { rate, delivery, durationS } = version;
    const states = await this.repository.states(version.id, head.id);
    return {
      shot: { id: head.id, name: head.name, version: version.version, state: version.state },
      frames: version.frames,
      fps: rate.num / rate.den,
      ...(await this.repository.work(version.id)),
      output: { path: delivery.id, sha256: delivery.sha256, frames: delivery.frames, durationS },
      faces: await this.repository.faces(version.id, version.analysisId),
      outputGate: delivery.gate,
      consents: await this.repository.consents(version.id),
      waivers: shot.waivers,
      selfAttested: shot.selfAttested,
      auditCheckpoint: await this.checkpoints.current(),
      timingsS: stageTimings(version.createdAt, states),
    };
  }
}
