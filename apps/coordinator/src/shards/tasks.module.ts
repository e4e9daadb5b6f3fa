import { Global, Module } from '@nestjs/common';
import { TaskWriter } from './task-writer.js';
import { WorkerTokens } from '../workers/worker-tokens.js';
import { WakeUps } from './wake-ups.js';

/** What stages and shots need of the tasks, apart from the lanes' side of them. */
@Global()
@Module({ providers: [TaskWriter, WakeUps, WorkerTokens], exports: [TaskWriter, WakeUps, WorkerTokens] })
export class TasksModule {}
