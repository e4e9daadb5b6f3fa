import { UnderstudyError } from '@understudy/contracts';

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 1024 * 1024;

/**
 * One request to an address that the operator, or the operator's provider, has named. Redirects are not followed.
 *
 * @returns the status, and the body where it is JSON
 * @throws UnderstudyError SIGN_IN_PROVIDER_UNAVAILABLE when there is no answer in time, or too long a one
 */
export async function fetchJson(
  address: string,
  request: { method?: 'POST'; headers?: Record<string, string>; body?: URLSearchParams } = {},
): Promise<{ status: number; body: unknown }> {
  try {
    const response = await fetch(address, {
      ...request,
      headers: { accept: 'application/json', ...request.headers },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: jsonOf(await textOf(response)) };
  } catch (cause) {
    throw new UnderstudyError('SIGN_IN_PROVIDER_UNAVAILABLE', 'The provider to sign in with gives no answer.', {
      cause,
    });
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
