import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { describe, expect, it } from 'vitest';
import { DefaultDeny } from './default-deny.js';
import { Public } from './handle.decorator.js';

class Forgetful {
  forgotten(): string {
    return 'anybody may read this';
  }
}
class Careful {
  open(): string {
    return 'on purpose';
  }
}

/** Decorators as the functions that they are: specs are compiled without their syntax. */
function decorate(controller: typeof Forgetful | typeof Careful, name: string, decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, name) ?? {};
  for (const decorator of decorators) decorator(controller.prototype, name, descriptor);
  Controller()(controller);
}
decorate(Forgetful, 'forgotten', [Get('/forgotten')]);
decorate(Careful, 'open', [Get('/open'), Public()]);

async function boot(controllers: (typeof Forgetful | typeof Careful)[]): Promise<NestExpressApplication> {
  class Probe {}
  Module({ imports: [DiscoveryModule], controllers, providers: [DefaultDeny] })(Probe);
  const app = await NestFactory.create<NestExpressApplication>(Probe, { logger: false, abortOnError: false });
  return app.init();
}

describe('default deny', () => {
  it('does not start with a handler that declares no permission, and names it', async () => {
    await expect(boot([Forgetful, Careful])).rejects.toThrow('Forgetful.forgotten');
  });

  it('starts when every handler says who may call it', async () => {
    await (await boot([Careful])).close();
  });
});
