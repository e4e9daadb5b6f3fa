import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';

/**
 * Express, on a server that makes each request and response with the prototype that Express would give it. To change the
 * prototype of an object that exists makes it slow for good and leaves hidden classes of its own in the old heap, some
 * kilobytes a request, until the next full collection; to set the one it has changes nothing.
 */
export class ExpressServer extends ExpressAdapter {
  override initHttpServer(): void {
    const express = this.getInstance<Express>();
    this.httpServer = createServer(messagesOf(express), express);
  }
}

function messagesOf(express: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {}
  // What Express adds lies between the class and Node's own; Express itself then looks for it here.
  express.request = Object.setPrototypeOf(ExpressRequest.prototype, express.request) as Express['request'];
  express.response = Object.setPrototypeOf(ExpressResponse.prototype, express.response) as Express['response'];
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse };
}
