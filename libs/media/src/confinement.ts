import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** How far the programs that read strangers' bytes are kept from everything else of this host. */
export interface Confinement {
  /** Each run is a user of its own, without an account; else it is the user of this process. */
  readonly hasOwnUser: boolean;
  /** It has no network, not even this host's own. */
  readonly isOffline: boolean;
  /** It gains no rights by any program it starts, and ends with the thread that started it. */
  readonly isBound: boolean;
}

/**
 * Users of this range are given to nobody: neither to people, services and containers nor to systemd's own pools
 * (https://systemd.io/UIDS-GIDS/). In a container they are mapped wherever 65536 are.
 */
export const FIRST_UID = 60_706;
export const UID_COUNT = 478;

/** Absolute: what runs as root is not looked up. Debian and its kin have both here, in a package that cannot be removed. */
const SETPRIV = '/usr/bin/setpriv';
const UNSHARE = '/usr/bin/unshare';

const UNBOUND: Confinement = { hasOwnUser: false, isOffline: false, isBound: false };
/** The strictest first. */
const CONFINEMENTS: readonly Confinement[] = [
  { hasOwnUser: true, isOffline: true, isBound: true },
  { hasOwnUser: true, isOffline: false, isBound: true },
  { hasOwnUser: false, isOffline: false, isBound: true },
];

let found: Confinement | undefined;

/** The strictest that this process can have its programs run under; tried once. */
export function confinement(): Confinement {
  found ??= strictest(mayLendFiles(), works);
  return found;
}

/** @param mayLend whether files can be lent to another user and its processes ended */
export function strictest(mayLend: boolean, isPossible: (candidate: Confinement) => boolean): Confinement {
  return CONFINEMENTS.find((one) => (mayLend || !one.hasOwnUser) && isPossible(one)) ?? UNBOUND;
}

/** What stands before a program's name so that it runs confined. @param uid the run's own user, null without one */
export function confinedBy({ isOffline, isBound }: Confinement, uid: number | null): string[] {
  if (!isBound) return [];
  const user =
    uid === null
      ? []
      : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];
  return [
    ...(isOffline ? [UNSHARE, '--net', '--'] : []),
    ...[SETPRIV, ...user, '--no-new-privs', '--pdeathsig', 'KILL', '--'],
  ];
}

let lastUid = randomInt(UID_COUNT);

/**
 * A user for one run. Two runs at a time have different ones, or one could look into the other's memory and files: for
 * certain within a thread, by chance between others.
 */
export function nextUid(): number {
  lastUid = (lastUid + 1) % UID_COUNT;
  return FIRST_UID + lastUid;
}

function works(candidate: Confinement): boolean {
  const [program = '', ...args] = [...confinedBy(candidate, candidate.hasOwnUser ? nextUid() : null), '/bin/true'];
  return spawnSync(program, args, { env: {}, cwd: '/', stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** CHOWN, DAC_OVERRIDE, KILL, SETGID and SETUID: root has them, but a container's root may not. */
const NEEDED_CAPABILITIES = [0n, 1n, 5n, 6n, 7n].reduce((mask, bit) => mask | (1n << bit), 0n);

function mayLendFiles(): boolean {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return false;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & NEEDED_CAPABILITIES) === NEEDED_CAPABILITIES;
}
