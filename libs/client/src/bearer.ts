/** The header's value; a token that changes is asked for at each request. */
export function bearer(token: string | (() => string)): string {
  return `Bearer ${typeof token === 'string' ? token : token()}`;
}
