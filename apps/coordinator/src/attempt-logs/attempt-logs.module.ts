import { Module } from '@nestjs/common';
import { ShotsModule } from '../shots/shots.module.js';
import { AttemptLogRepository } from './attempt-log.repository.js';
import { AttemptLogRetention } from './attempt-log-retention.js';
import { AttemptLogsController } from './attempt-logs.controller.js';

@Module({
  imports: [ShotsModule],
  controllers: [AttemptLogsController],
  providers: [AttemptLogRepository, AttemptLogRetention],
  exports: [AttemptLogRepository],
})
export class AttemptLogsModule {}
