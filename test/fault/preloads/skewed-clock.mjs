/** Loaded before a process's own code (`--import …?ms=3600000`): its host's clock is off by so much. */
const SHIFT_MS = Number(new URL(import.meta.url).searchParams.get('ms'));
const HostDate = Date;
const now = () => HostDate.now() + SHIFT_MS;

globalThis.Date = new Proxy(HostDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new HostDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
