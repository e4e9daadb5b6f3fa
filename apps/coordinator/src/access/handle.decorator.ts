import { applyDecorators, HttpCode, RequestMapping, RequestMethod, SetMetadata } from '@nestjs/common';
import { CONTENT_ROUTES, ROUTES, type RouteName, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { ACCESS, type Access, ROUTE } from './permission.js';

type Handler<Output> = (...inputs: never[]) => Promise<Output> | Output;
type HandlerDecorator<Output> = <Method extends Handler<Output>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Serves one route of `ROUTES`: method, path, validation and documentation come from the table, the permission from
 * here. The answer is read through the route's schema, so that nothing beyond it leaves.
 */
export function Handle<Name extends RouteName>(name: Name, access: Access): HandlerDecorator<RouteOutput<Name>> {
  const { method, path } = ROUTES[name];
  return applyDecorators(
    answerThroughSchema(name),
    RequestMapping({ method: RequestMethod[method], path }),
    HttpCode(200),
    SetMetadata(ROUTE, { name }),
    SetMetadata(ACCESS, access),
  ) as HandlerDecorator<RouteOutput<Name>>;
}

/** Not an interceptor: with one, Nest sets up observables for each request. */
function answerThroughSchema(name: RouteName): MethodDecorator {
  return (_target, _key, descriptor: PropertyDescriptor): void => {
    const handler = descriptor.value as (this: unknown, ...inputs: unknown[]) => unknown;
    const answering = async function (this: unknown, ...inputs: unknown[]): Promise<unknown> {
      const answer = await handler.apply(this, inputs);
      const parsed = ROUTES[name].response.safeParse(answer);
      if (parsed.success) return parsed.data;
      throw new UnderstudyError('INTERNAL', `The answer of ${name} breaks its contract`, { cause: parsed.error });
    };
    // What decorators below this one have noted stays with the handler that Nest sees.
    for (const key of Reflect.getMetadataKeys(handler) as unknown[])
      Reflect.defineMetadata(key, Reflect.getMetadata(key, handler), answering);
    descriptor.value = answering;
  };
}

/**
 * Serves a route whose body is not JSON. A HEAD handler is declared above the GET of the same path: Express would
 * answer it with the GET.
 */
export function HandleContent(
  method: 'GET' | 'HEAD' | 'PUT',
  route: keyof typeof CONTENT_ROUTES,
  access: Access,
): MethodDecorator {
  return applyDecorators(
    RequestMapping({ method: RequestMethod[method], path: CONTENT_ROUTES[route] }),
    HttpCode(200),
    SetMetadata(ACCESS, access),
  );
}

/** Served to anybody: health, sign-in, the API's description, the console's files. Nothing else. */
export function Public(): MethodDecorator & ClassDecorator {
  return SetMetadata(ACCESS, { public: true } satisfies Access);
}
