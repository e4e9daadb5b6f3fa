import type { Span } from './shot-spans.js';

/** `SPAN_KIND_INTERNAL`, `STATUS_CODE_OK`, `STATUS_CODE_ERROR` of the protocol. */
const INTERNAL = 1;
const OK = 1;
const ERROR = 2;

/** Spans as OTLP carries them in JSON (OpenTelemetry protocol 1): ids in hex, times in nanoseconds as text. */
export function otlpBody(spans: readonly Span[], version: string): string {
  const attributes = attributesOf({ 'service.name': 'understudy-coordinator', 'service.version': version });
  const scope = { name: 'understudy' };
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] }],
  });
}

function spanOf({ traceId, spanId, parentSpanId, name, start, end, attributes, failed }: Span): unknown {
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: INTERNAL,
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributesOf(attributes),
    status: { code: failed ? ERROR : OK },
  };
}

function attributesOf(attributes: Span['attributes']): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { doubleValue: value },
  }));
}

function nanoseconds(at: Date): string {
  return String(BigInt(at.getTime()) * 1_000_000n);
}
