import { Module } from '@nestjs/common';
import { WorkerRepository } from './worker.repository.js';
import { WorkerService } from './worker.service.js';
import { WorkersController } from './workers.controller.js';

@Module({ controllers: [WorkersController], providers: [WorkerRepository, WorkerService] })
export class WorkersModule {}
