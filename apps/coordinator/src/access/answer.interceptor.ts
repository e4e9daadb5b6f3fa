import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ROUTES, UnderstudyError } from '@understudy/contracts';
import { map, type Observable } from 'rxjs';
import { type HandledRoute, ROUTE } from './permission.js';

/** Reads every JSON answer through its route's schema: members that the contract does not name never leave. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const route = this.reflector.get<HandledRoute | undefined>(ROUTE, context.getHandler());
    if (route === undefined) return next.handle();
    return next.handle().pipe(
      map((answer: unknown) => {
        const parsed = ROUTES[route.name].response.safeParse(answer);
        if (parsed.success) return parsed.data;
        throw new UnderstudyError('INTERNAL', `The answer of ${route.name} breaks its contract`, {
          cause: parsed.error,
        });
      }),
    );
  }
}
