import { z } from 'zod';
import { Instant, Page, Uuid } from './ids.js';
import { AttemptState, TaskKind } from './lanes.js';

/**
 * What is kept of an attempt's log: it comes in numbered parts, of which the first and the last stay. Together at most
 * 256 KiB.
 */
export const ATTEMPT_LOG = { partBytes: 32 * 1024, headParts: 2, tailParts: 6 } as const;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LogLevel = z.enum(LOG_LEVELS);
export type LogLevel = z.infer<typeof LogLevel>;

const LogValue = z.union([
  z.string().max(8192),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.number()).max(100),
  z.record(z.string().max(64), z.number()),
]);

/** One line of a lane about an attempt: ids, codes and figures. */
export const LogLine = z.object({
  at: Instant,
  level: LogLevel,
  message: z.string().max(500),
  fields: z.record(z.string().max(64), LogValue),
});
export type LogLine = z.infer<typeof LogLine>;

/** A part of an attempt's log, as far as it is written; sent again when it has grown. */
export const AttemptLogPart = z.object({
  epoch: z.int().min(1),
  part: z.int().min(0).max(1_000_000),
  /** Lines of an attempt count from 1. */
  firstLine: z.int().min(1).max(1_000_000_000),
  lines: z.array(LogLine).min(1).max(1000),
});
export type AttemptLogPart = z.infer<typeof AttemptLogPart>;

export const ShotLogsQuery = Page.extend({
  limit: z.coerce.number().int().min(1).max(50).default(20),
  kind: TaskKind.optional(),
  /** The shards of a version count from 1, in the order of their frames. */
  shard: z.coerce.number().int().min(1).optional(),
  taskId: Uuid.optional(),
  /** The attempt of a shard, from 1: its epoch. */
  attempt: z.coerce.number().int().min(1).optional(),
  /** Only lines with this text, in whatever case. */
  grep: z.string().min(1).max(200).optional(),
  /** Only attempts whose log has grown since. */
  since: Instant.optional(),
});

export const AttemptLog = z.object({
  attemptId: Uuid,
  taskId: Uuid,
  kind: TaskKind,
  shard: z.int(),
  startFrame: z.int(),
  endFrame: z.int(),
  epoch: z.int(),
  state: AttemptState,
  lane: z.string(),
  error: z.string().nullable(),
  changedAt: Instant,
  lines: z.array(LogLine.extend({ line: z.int() })),
  /** Lines that there were and that are not kept. */
  cutLines: z.int(),
});
export type AttemptLog = z.infer<typeof AttemptLog>;
