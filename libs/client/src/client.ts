import { ROUTES, type Route, type RouteName, type RouteOutput, type RouteRequest } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import { routeAddress } from './address.js';
import { bearer } from './bearer.js';
import { cancelled, errorOfAnswer, parseJson, unreachable } from './answer.js';

export interface ClientOptions {
  /** Origin of the coordinator, such as `https://farm.example`; empty in a page that the coordinator served. */
  readonly baseUrl: string;
  /** Bearer token, or what gives the one of now; absent where a cookie signs in. */
  readonly token?: string | (() => string);
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof globalThis.fetch;
  readonly timeouts?: {
    /** How long an answer may take, besides the seconds that a held request asks for. 15,000 by default. */
    readonly requestMs?: number;
  };
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Instead of the client's own, for this call. */
  readonly timeoutMs?: number;
}

/** A route that needs nothing may be called with its name alone. */
type Request<Name extends RouteName> =
  unknown extends RouteRequest<Name>
    ? [request?: Readonly<Record<string, never>>, options?: CallOptions]
    : object extends RouteRequest<Name>
      ? [request?: RouteRequest<Name>, options?: CallOptions]
      : [request: RouteRequest<Name>, options?: CallOptions];

export interface Client {
  /**
   * Calls one route of the table.
   *
   * @throws UnderstudyError with the coordinator's code; COORDINATOR_UNREACHABLE when there is no answer in time;
   * CANCELLED by the signal; INTERNAL when the answer is not of the route's form.
   */
  call<Name extends RouteName>(name: Name, ...request: Request<Name>): Promise<RouteOutput<Name>>;
}

const REQUEST_TIMEOUT_MS = 15_000;

/** A typed client of the JSON API. Connections are kept alive by the platform's fetch. */
export function createClient(options: ClientOptions): Client {
  const call = async (name: RouteName, request: Parts = {}, callOptions: CallOptions = {}): Promise<unknown> => {
    const route: Route = ROUTES[name];
    const { status, text } = await exchange(options, route, request, callOptions);
    if (status < 200 || status > 299) throw errorOfAnswer(status, text);
    const parsed = route.response.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new UnderstudyError(
      'INTERNAL',
      `The coordinator's answer to ${name} has an unknown form: use the same version on both sides.`,
      { cause: parsed.error },
    );
  };
  // The table's types are checked at the call; inside, one function serves every route.
  return { call: call as Client['call'] };
}

interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

async function exchange(
  options: ClientOptions,
  route: Route,
  request: Parts,
  callOptions: CallOptions,
): Promise<{ status: number; text: string }> {
  const address = routeAddress(options.baseUrl, route.path, request.params, request.query);
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (options.token !== undefined) headers['authorization'] = bearer(options.token);
  if (route.body !== undefined) headers['content-type'] = 'application/json';
  const timeoutMs = callOptions.timeoutMs ?? options.timeouts?.requestMs ?? REQUEST_TIMEOUT_MS;
  const limit = limitTime(timeoutMs + heldMs(route, request), callOptions.signal);
  try {
    const response = await (options.fetch ?? globalThis.fetch)(address, {
      method: route.method,
      headers,
      signal: limit.signal,
      redirect: 'error',
      ...(route.body === undefined ? {} : { body: JSON.stringify(request.body ?? {}) }),
    });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    throw callOptions.signal?.aborted === true ? cancelled(cause) : unreachable(cause);
  } finally {
    limit.clear();
  }
}

/** Milliseconds the coordinator may hold this request before it answers; what is left out has the table's default. */
function heldMs(route: Route, request: Parts): number {
  return Math.max(waitMs(route.query, request.query), waitMs(route.body, request.body));
}

function waitMs(schema: Route['query'], given: Readonly<Record<string, unknown>> | undefined): number {
  const parsed = schema?.safeParse(given ?? {});
  const data = parsed?.success === true ? parsed.data : undefined;
  if (typeof data !== 'object' || data === null || !('waitSeconds' in data)) return 0;
  return typeof data.waitSeconds === 'number' ? data.waitSeconds * 1000 : 0;
}

/** Not `AbortSignal.any`: it keeps a reference to every follower of a signal that lives as long as the process. */
function limitTime(timeoutMs: number, outer: AbortSignal | undefined): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort(outer?.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  if (outer?.aborted === true) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}
