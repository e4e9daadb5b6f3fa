import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { type HandledRoute, ROUTE } from '../access/permission.js';
import { AnchorHold } from './anchor-hold.js';

/** Stands before the one route that gives work away. */
@Injectable()
export class AnchorHoldInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly hold: AnchorHold,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const route = this.reflector.get<HandledRoute | undefined>(ROUTE, context.getHandler());
    if (route?.name === 'leaseTask') this.hold.refuse();
    return next.handle();
  }
}
