/** What JSON can carry without loss. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function canonicalString(text: string): string {
  if (LONE_SURROGATE.test(text)) throw new TypeError('canonical JSON has no form for a lone surrogate');
  return JSON.stringify(text);
}

function canonicalObject(object: object): string {
  const members = Object.entries(object)
    .filter(([, member]) => member !== undefined)
    // By UTF-16 code units, which is how JavaScript compares strings.
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => `${canonicalString(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * The one form of a JSON value that is hashed and signed: RFC 8785 (JSON Canonicalization Scheme). Members are sorted,
 * nothing is between tokens, numbers and strings are written as ECMAScript's JSON.stringify writes them. Members whose
 * value is undefined are left out, as JSON does.
 *
 * @throws TypeError for what JSON cannot carry: NaN, infinities, bigints, functions, lone surrogates, class instances
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object') {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return canonicalObject(value);
  }
  throw new TypeError(`canonical JSON has no form for a ${typeof value}`);
}
