import { Module } from '@nestjs/common';
import { ReportRepository } from './report.repository.js';
import { Reports } from './reports.js';
import { ShotActs } from './shot-acts.js';
import { ShotRepository } from './shot.repository.js';
import { ShotStream } from './shot-stream.js';
import { ShotsController } from './shots.controller.js';
import { SubmissionRepository } from './submission.repository.js';
import { Submissions } from './submissions.js';

@Module({
  controllers: [ShotsController],
  providers: [ReportRepository, Reports, ShotActs, ShotRepository, ShotStream, SubmissionRepository, Submissions],
  exports: [ShotRepository],
})
export class ShotsModule {}
