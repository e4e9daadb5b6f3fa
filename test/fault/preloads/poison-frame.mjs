import { register } from 'node:module';

/** Loaded before a lane's own code (`--import …?frame=9`): this frame of any plate crashes the process that renders it. */
const frame = Number(new URL(import.meta.url).searchParams.get('frame'));
register(new URL('poison-frame-hook.mjs', import.meta.url), { data: { frame } });
