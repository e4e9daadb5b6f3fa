import { Module } from '@nestjs/common';
import { EnrolmentService } from './enrolment.service.js';
import { FaceRetention } from './face-retention.js';
import { PerformerRepository } from './performer.repository.js';
import { PerformersController } from './performers.controller.js';

@Module({
  controllers: [PerformersController],
  providers: [EnrolmentService, FaceRetention, PerformerRepository],
  exports: [EnrolmentService],
})
export class PerformersModule {}
