import { Global, Module } from '@nestjs/common';
import { TaskWriter } from './task-writer.js';
import { WakeUps } from './wake-ups.js';

/** What stages and shots need of the tasks, apart from the lanes' side of them. */
@Global()
@Module({ providers: [TaskWriter, WakeUps], exports: [TaskWriter, WakeUps] })
export class TasksModule {}
