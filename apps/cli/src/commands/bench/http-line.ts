import { Agent, request } from 'node:http';

export interface Answer {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly body: unknown;
}

/** One kept connection that carries one JSON request at a time, as a lane has it. */
export class HttpLine {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #authorization: string;

  constructor(
    private readonly server: { readonly host: string; readonly port: number },
    token: string,
  ) {
    this.#authorization = `Bearer ${token}`;
  }

  /** Never throws: a broken connection is an answer of status 0. */
  post(path: string, body: unknown): Promise<Answer> {
    const text = JSON.stringify(body);
    return new Promise((resolve) => {
      const sent = request(
        {
          agent: this.#agent,
          host: this.server.host,
          port: this.server.port,
          method: 'POST',
          path,
          headers: {
            authorization: this.#authorization,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
        },
        (response) => {
          let received = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (received += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(received) }));
          response.on('error', () => resolve({ status: 0, body: null }));
        },
      );
      sent.on('error', () => resolve({ status: 0, body: null }));
      sent.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
