import { once } from 'node:events';
import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Authenticator } from '../access/authenticator.js';
import { WakeUps } from '../shards/wake-ups.js';
import { SHOT_CHANNEL } from '../stages/channels.js';
import { ShotRepository } from './shot.repository.js';
import type { ShotHead } from './shot-row.js';

/** Between two looks where nothing was told: lanes' progress is not worth a notification each. */
const LOOK_MS = 1000;
/** Sent through an idle stream, so that whatever lies between does not take it for dead. */
const SILENT_MS = 15_000;
/** A stream is ended after this and opened anew by the browser. */
const LIFETIME_MS = 120_000;

/** A shot as server-sent events: at once, and whenever it changed. */
@Injectable()
export class ShotStream {
  constructor(
    private readonly shots: ShotRepository,
    private readonly wakeUps: WakeUps,
    private readonly authenticator: Authenticator,
  ) {}

  async send(head: ShotHead, request: Request, response: Response): Promise<void> {
    const gone = new AbortController();
    const end = (): void => gone.abort();
    response.once('close', end);
    this.wakeUps.closing.addEventListener('abort', end);
    const told = this.wakeUps.subscribe(SHOT_CHANNEL, head.id);
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    request.socket.setNoDelay(true);
    try {
      await this.#follow(head, request, response, { gone: gone.signal, wait: (ms) => told.wait(ms, gone.signal) });
    } finally {
      told.close();
      this.wakeUps.closing.removeEventListener('abort', end);
      response.end();
    }
  }

  async #follow(
    head: ShotHead,
    request: Request,
    response: Response,
    { gone, wait }: { gone: AbortSignal; wait: (ms: number) => Promise<void> },
  ): Promise<void> {
    const endAt = performance.now() + LIFETIME_MS;
    let [shown, shownAt] = ['', performance.now()];
    await write(response, `retry: ${LOOK_MS}\n\n`);
    while (!gone.aborted && performance.now() < endAt) {
      // The role, or the token, may have been taken away meanwhile; then this throws and the stream ends.
      const actor = await this.authenticator.authenticate(request);
      const text = JSON.stringify(await this.shots.show(await this.shots.find(actor, 'read', head.id)));
      const silent = performance.now() - shownAt > SILENT_MS;
      if (text !== shown) await write(response, `event: shot\ndata: ${text}\n\n`);
      else if (silent) await write(response, ': still here\n\n');
      if (text !== shown || silent) [shown, shownAt] = [text, performance.now()];
      await wait(LOOK_MS);
    }
  }
}

/** Waits for a slow reader instead of keeping its events in memory. */
async function write(response: Response, text: string): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}
