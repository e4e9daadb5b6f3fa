import { createHash } from 'node:crypto';

/** Where the trace of a shot version hangs. Hex, of 16 and of 8 bytes. */
export interface TraceContext {
  readonly traceId: string;
  /** The span of whoever submitted it; null where they brought none. */
  readonly parentSpanId: string | null;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** A `traceparent` header worth keeping (W3C Trace Context 1); undefined for anything else, which a receiver ignores. */
export function readTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && header.length <= 200 && TRACEPARENT.test(header) ? header.slice(0, 55) : undefined;
}

/** The caller's trace, or one of the version's own. The same on every replica and at every try. */
export function traceContextOf(shotVersionId: string, traceparent: string | null): TraceContext {
  const [, traceId, parentSpanId] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId !== undefined && parentSpanId !== undefined) return { traceId, parentSpanId };
  return { traceId: digest('trace', shotVersionId, 16), parentSpanId: null };
}

/** The same span is told under the same id, however often. */
export function spanIdOf(...names: readonly string[]): string {
  return digest('span', names.join('/'), 8);
}

function digest(kind: string, name: string, bytes: number): string {
  return createHash('sha256').update(`${kind} ${name}`).digest().subarray(0, bytes).toString('hex');
}
