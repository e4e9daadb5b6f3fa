import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type Route, ROUTES, UnderstudyError, Uuid } from '@understudy/contracts';
import type { Request } from 'express';
import { z } from 'zod';
import { type HandledRoute, ROUTE } from './permission.js';

/** Path parameters are ids, all of them. */
function paramsOf(path: string): z.ZodType {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  return z.object(Object.fromEntries(names.map((name) => [name, Uuid])));
}

const schemas = new Map<string, z.ZodType>();

function inputSchema({ name }: HandledRoute): z.ZodType {
  const known = schemas.get(name);
  if (known !== undefined) return known;
  const route: Route = ROUTES[name];
  const schema = z.object({
    params: paramsOf(route.path),
    ...(route.query === undefined ? {} : { query: route.query }),
    ...(route.body === undefined ? {} : { body: route.body }),
  });
  schemas.set(name, schema);
  return schema;
}

function readBy(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    requireStorable(parsed.data);
    return parsed.data;
  }
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = issues;
  throw new UnderstudyError('INVALID_REQUEST', `${first?.path ?? ''}: ${first?.message ?? 'does not fit'}`, {
    details: { issues },
  });
}

/** Half a pair: with the flag `u` a whole one counts as one character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Postgres keeps no text with U+0000 or half a surrogate pair in it, so none passes the door, in whatever field. */
function requireStorable(data: unknown): void {
  const left = [data];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string' && (value.includes('\u0000') || LONE_SURROGATE.test(value))) {
      throw new UnderstudyError('INVALID_REQUEST', 'A text holds U+0000 or half a surrogate pair; leave it out.');
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const [name, one] of Object.entries(value)) left.push(name, one);
  }
}

/** The validated `RouteInput` of the handler's route. What does not fit is INVALID_REQUEST with the paths at fault. */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext): unknown => {
  const { params, query, body } = context.switchToHttp().getRequest<Request>();
  const route = Reflect.getMetadata(ROUTE, context.getHandler()) as HandledRoute;
  return readBy(inputSchema(route), { params, query: { ...query }, body: body as unknown });
});

/** One path parameter of a binary route, read by a schema. */
export const PathParam = createParamDecorator(
  ({ name, schema = Uuid }: { name: string; schema?: z.ZodType }, context: ExecutionContext): unknown => {
    const { params } = context.switchToHttp().getRequest<Request>();
    return readBy(schema, params[name]);
  },
);

/**
 * The query of a binary route, read by a schema. The schema comes as `by`: Nest takes what has a `transform` method, as
 * every zod schema does, for a pipe, and an object of `schema` alone for options of its own.
 */
export const QueryInput = createParamDecorator(({ by }: { by: z.ZodType }, context: ExecutionContext): unknown =>
  readBy(by, { ...context.switchToHttp().getRequest<Request>().query }),
);
