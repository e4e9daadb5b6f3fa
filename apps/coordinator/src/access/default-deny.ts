import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { UnderstudyError } from '@understudy/contracts';
import { ACCESS } from './permission.js';

/** Nest's own key for a handler's path. */
const PATH = 'path';

/** Refuses to start while any handler lacks a permission. */
@Injectable()
export class DefaultDeny implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onModuleInit(): void {
    const open = this.discovery.getControllers().flatMap(({ metatype }) => this.withoutPermission(metatype));
    if (open.length === 0) return;
    throw new UnderstudyError('INTERNAL', `These handlers declare no permission: ${open.join(', ')}`);
  }

  // oxlint-disable-next-line typescript/no-unsafe-function-type -- Nest's type for a controller's class.
  private withoutPermission(controller: Function | null): string[] {
    const prototype = controller?.prototype as Record<string, object> | undefined;
    if (controller === null || prototype === undefined || Reflect.hasMetadata(ACCESS, controller)) return [];
    return this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => {
        const handler = prototype[name];
        return handler !== undefined && Reflect.hasMetadata(PATH, handler) && !Reflect.hasMetadata(ACCESS, handler);
      })
      .map((name) => `${controller.name}.${name}`);
  }
}
