import { Module } from '@nestjs/common';
import { EnrolmentService } from './enrolment.service.js';
import { PerformerRepository } from './performer.repository.js';
import { PerformersController } from './performers.controller.js';

@Module({
  controllers: [PerformersController],
  providers: [EnrolmentService, PerformerRepository],
  exports: [EnrolmentService],
})
export class PerformersModule {}
