import { Module } from '@nestjs/common';
import { LaneActsController } from './lane-acts.controller.js';
import { LaneActs } from './lane-acts.service.js';
import { WorkerAdmission } from './worker-admission.service.js';
import { WorkerRepository } from './worker.repository.js';
import { WorkerSessionController } from './worker-session.controller.js';
import { WorkerSessionRepository } from './worker-session.repository.js';
import { WorkerSessions } from './worker-session.service.js';
import { WorkerService } from './worker.service.js';
import { WorkersController } from './workers.controller.js';

@Module({
  controllers: [WorkersController, WorkerSessionController, LaneActsController],
  providers: [LaneActs, WorkerAdmission, WorkerRepository, WorkerService, WorkerSessionRepository, WorkerSessions],
})
export class WorkersModule {}
