import { destination, type Logger, pino } from 'pino';

/** Ids, codes and figures; never names, paths of media or pictures. */
export type LaneLog = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Say>>;
type Say = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** JSON lines on stdout, written at once: a thread's line must not wait for a busy main thread. */
export function openLog(level: string, fields: Readonly<Record<string, unknown>>): Logger {
  return pino({ level, base: fields, timestamp: pino.stdTimeFunctions.isoTime }, destination({ fd: 1, sync: true }));
}
