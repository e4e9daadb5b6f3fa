import { applyDecorators, HttpCode, RequestMapping, RequestMethod, SetMetadata } from '@nestjs/common';
import { CONTENT_ROUTES, ROUTES, type RouteName, type RouteOutput } from '@understudy/contracts';
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
    RequestMapping({ method: RequestMethod[method], path }),
    HttpCode(200),
    SetMetadata(ROUTE, { name }),
    SetMetadata(ACCESS, access),
  ) as HandlerDecorator<RouteOutput<Name>>;
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
