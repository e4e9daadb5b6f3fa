import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';

/** The folder of the installation: the repository's root. */
export const ROOT_DIR = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

const Environment = z.object({
  /** Where models, the drawn sample, keys and running farms are kept. */
  UNDERSTUDY_HOME: z.string().min(1).default(`${ROOT_DIR}/.understudy`),
  /** A Postgres of one's own, as its owner; otherwise an embedded one is started. */
  DATABASE_URL: z.string().min(1).optional(),
  /** `redis://` moves the stages off Postgres. */
  QUEUE_URL: z.string().min(1).optional(),
  /** A collector of traces, and what requests to it bear besides. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().min(1).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().min(1).optional(),
  /** Whether webhooks may go to hosts of this network, and to the loopback by plain http. */
  WEBHOOKS_TO_PRIVATE_HOSTS: z.string().min(1).optional(),
  /** A farm elsewhere and a token of one's own there, instead of what `login` kept. */
  UNDERSTUDY_SERVER: z.url({ protocol: /^https?$/ }).optional(),
  UNDERSTUDY_TOKEN: z.string().min(1).optional(),
});

export interface Config {
  readonly homeDir: string;
  readonly databaseUrl: string | undefined;
  readonly queueUrl: string | undefined;
  /** Who outside is told of what happens: for the coordinator of `up`, as in the environment. */
  readonly toldOutside: Readonly<Record<string, string>>;
  readonly server: string | undefined;
  readonly token: string | undefined;
  readonly cores: number;
  /** Settings of an OpenID Connect provider, handed on to the coordinator that `up` starts, as they are. */
  readonly signInProvider: Readonly<Record<string, string>>;
}

const OIDC = /^OIDC_[A-Z_]+$/;

/** @throws UnderstudyError USAGE for settings that make no sense. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UnderstudyError(
      'USAGE',
      `${issue?.path.join('.') ?? 'environment'}: ${issue?.message ?? 'is not usable'}`,
    );
  }
  const { UNDERSTUDY_HOME, DATABASE_URL, QUEUE_URL, UNDERSTUDY_SERVER, UNDERSTUDY_TOKEN } = parsed.data;
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, WEBHOOKS_TO_PRIVATE_HOSTS } = parsed.data;
  const toldOutside = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, WEBHOOKS_TO_PRIVATE_HOSTS };
  return {
    homeDir: UNDERSTUDY_HOME,
    databaseUrl: DATABASE_URL,
    queueUrl: QUEUE_URL,
    toldOutside: Object.fromEntries(
      Object.entries(toldOutside).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    server: UNDERSTUDY_SERVER,
    token: UNDERSTUDY_TOKEN,
    cores: Math.max(1, cpus().length),
    signInProvider: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) => (OIDC.test(name) && value ? [[name, value]] : [])),
    ),
  };
}

/**
 * What a process of ours is handed of the environment: where programs, drivers and their libraries are, which cards it
 * may use. No settings and no secrets; those it is given one by one.
 */
const HANDED_ON = [
  'PATH',
  'HOME',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'NVIDIA_VISIBLE_DEVICES',
  'NVIDIA_DRIVER_CAPABILITIES',
  'VK_DRIVER_FILES',
  'VK_ICD_FILENAMES',
  'XDG_RUNTIME_DIR',
  'UNDERSTUDY_FFMPEG',
  'UNDERSTUDY_FFPROBE',
  'UNDERSTUDY_TRTEXEC',
] as const;

export function childEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const found = HANDED_ON.map((name) => [name, environment[name]] as const);
  return Object.fromEntries(
    found.filter((entry): entry is [(typeof HANDED_ON)[number], string] => entry[1] !== undefined),
  );
}

/** Empty counts as absent: a compose file passes what is not set as ''. */
const MigrateEnvironment = z.object({
  RUNTIME_PASSWORD: z.string().min(16),
  ADMIN_EMAIL: z.email(),
  ADMIN_PASSWORD: z.string().min(12),
  WORKER_TOKEN: z.string().regex(/^usw_[A-Za-z0-9_-]{32,}$/, 'must be usw_ and at least 32 letters or digits'),
  SECRET_KEY: z
    .string()
    .regex(/^([0-9a-fA-F]{2}){32,}$/, 'must be at least 64 hex digits')
    .optional(),
  SECOND_ADMIN_EMAIL: z.email().optional(),
  SECOND_ADMIN_PASSWORD: z.string().min(12).optional(),
  ACCOUNTS: z.enum(['strict', 'simple']).default('strict'),
});

export interface MigrateSettings {
  readonly runtimePassword: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly workerToken: string;
  /** The coordinator's; hex. */
  readonly secretKey: string | undefined;
  readonly secondAdmin: { readonly email: string; readonly password: string } | null;
  readonly accounts: 'strict' | 'simple';
}

/** @throws UnderstudyError USAGE naming the variable at fault, never its value. */
export function readMigrateSettings(environment: NodeJS.ProcessEnv = process.env): MigrateSettings {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = MigrateEnvironment.safeParse(present);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new UnderstudyError('USAGE', `the environment is not complete: ${faults.join('; ')}`);
  }
  const { RUNTIME_PASSWORD, ADMIN_EMAIL, ADMIN_PASSWORD, WORKER_TOKEN, SECRET_KEY, ACCOUNTS } = parsed.data;
  const { SECOND_ADMIN_EMAIL: email, SECOND_ADMIN_PASSWORD: password } = parsed.data;
  return {
    runtimePassword: RUNTIME_PASSWORD,
    adminEmail: ADMIN_EMAIL,
    adminPassword: ADMIN_PASSWORD,
    workerToken: WORKER_TOKEN,
    secretKey: SECRET_KEY,
    secondAdmin: email === undefined || password === undefined ? null : { email, password },
    accounts: ACCOUNTS,
  };
}
