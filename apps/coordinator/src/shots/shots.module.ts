import { Module } from '@nestjs/common';
import { BatchActs } from './batch-acts.js';
import { BatchRepository } from './batch.repository.js';
import { BatchesController } from './batches.controller.js';
import { BatchStandings } from './batch-standings.js';
import { Outlooks } from './outlook.js';
import { OutlookRepository } from './outlook.repository.js';
import { ReportRepository } from './report.repository.js';
import { Reports } from './reports.js';
import { ResubmissionRepository } from './resubmission.repository.js';
import { RendersAnew } from './renders-anew.js';
import { Resubmissions } from './resubmissions.js';
import { SchedulingActs } from './scheduling-acts.js';
import { SchedulingController } from './scheduling.controller.js';
import { SchedulingRepository } from './scheduling.repository.js';
import { ClaimRepository } from '../shards/claim.repository.js';
import { ShotActs } from './shot-acts.js';
import { ShotRepository } from './shot.repository.js';
import { ShotStream } from './shot-stream.js';
import { ShotsController } from './shots.controller.js';
import { SubmissionRepository } from './submission.repository.js';
import { Submissions } from './submissions.js';

@Module({
  controllers: [ShotsController, SchedulingController, BatchesController],
  providers: [
    BatchActs,
    BatchRepository,
    BatchStandings,
    ClaimRepository,
    Outlooks,
    OutlookRepository,
    SchedulingActs,
    SchedulingRepository,
    ResubmissionRepository,
    Resubmissions,
    RendersAnew,
    ReportRepository,
    Reports,
    ShotActs,
    ShotRepository,
    ShotStream,
    SubmissionRepository,
    Submissions,
  ],
  exports: [OutlookRepository, ShotRepository],
})
export class ShotsModule {}
