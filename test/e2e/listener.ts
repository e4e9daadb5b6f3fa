import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard {
  readonly path: string;
  /** Of the request, headers too. */
  readonly text: string;
}

/** Somebody outside whom a farm tells things; takes whatever comes. */
export class Listener {
  readonly heard: Heard[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Listener> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        listener.heard.push({ path: request.url ?? '', text: `${JSON.stringify(request.headers)}\n${body}` });
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    }).listen(0, '127.0.0.1');
    const listener = new Listener(server);
    await new Promise((resolve) => server.once('listening', resolve));
    return listener;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
