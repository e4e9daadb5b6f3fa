import { UnderstudyError } from '@understudy/contracts';
import { HOST_PAUSE_SECONDS, RETRY_PAUSE_SECONDS, STUCK_MS } from '@understudy/policy';
import { z } from 'zod';
import { ANCHOR_SETTINGS, anchorFaults } from './anchor-settings.js';
import { SecureUrl } from './secure-url.js';

const Flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');
const Seconds = z.coerce.number().positive().max(3600);

const Secret = z.string().regex(/^([0-9a-fA-F]{2}){32,}$/, 'must be at least 64 hex digits');

const Headers = z.string().transform((text, context): Record<string, string> => {
  try {
    return Object.fromEntries(
      text.split(',').map((pair) => {
        const [, name, value] = /^\s*([^=\s]+)=(\S*)\s*$/.exec(pair) ?? [];
        if (name === undefined || value === undefined) throw new Error('no pair');
        return [name, decodeURIComponent(value)];
      }),
    );
  } catch {
    context.addIssue('must be name=value, values as in a URL, with commas between');
    return z.NEVER;
  }
});

const Settings = z.object({
  /** Where to listen. Anything but loopback belongs behind TLS. */
  HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free one. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(8470),
  /** As the runtime role, which owns no table. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(500).default(16),
  /** `redis://…` moves the stages there; absent, they run on Postgres. */
  QUEUE_URL: z.url().optional(),
  /** Folder of the object store. */
  DATA_DIR: z.string().min(1),
  /** Where objects lie in the clear while they are read, best a folder in memory; default: `scratch` in the data folder. */
  SCRATCH_DIR: z.string().min(1).optional(),
  /** Signs the short-lived URLs; at least 256 bits, hex. The same on every replica. */
  SECRET_KEY: Secret,
  /**
   * Wrap the projects' keys, hex as `SECRET_KEY`, between commas: the first wraps, the others still open what they wrapped.
   * Default: `SECRET_KEY`.
   */
  KEY_ENCRYPTION_KEYS: z
    .string()
    .transform((text) => text.split(',').map((key) => key.trim()))
    .pipe(z.array(Secret).min(1))
    .optional(),
  LEASE_SECONDS: Seconds.default(10),
  HEARTBEAT_SECONDS: Seconds.default(2),
  SWEEP_SECONDS: Seconds.default(2),
  /** An attempt without a frame more for so long is taken from its lane, however alive the lane is. */
  STUCK_SECONDS: z.coerce
    .number()
    .positive()
    .max(86_400)
    .default(STUCK_MS / 1000),
  /** Before a task that failed is tried again where no other lane is left; 6 times as long each time. */
  RETRY_PAUSE_SECONDS: Seconds.default(RETRY_PAUSE_SECONDS),
  /** How long a host that lacks something gets no work; twice as long each time. */
  HOST_PAUSE_SECONDS: Seconds.default(HOST_PAUSE_SECONDS),
  /** How long what was made under a revoked consent is kept, locked, before it is deleted. */
  REVOKED_KEPT_DAYS: z.coerce.number().min(0).max(3650).default(30),
  /** How long what lanes wrote down about their attempts is kept. */
  LOGS_KEPT_DAYS: z.coerce.number().positive().max(3650).default(30),
  /** Lets webhooks go to hosts of this network, and to the loopback by plain http. */
  WEBHOOKS_TO_PRIVATE_HOSTS: Flag.default(false),
  /** A collector that is told what became of each shot (OpenTelemetry, OTLP over HTTP); absent, nobody is. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** What its requests bear besides: `name=value`, values as in a URL, with commas between. */
  OTEL_EXPORTER_OTLP_HEADERS: Headers.optional(),
  /** The built console; absent, none is served. */
  CONSOLE_DIR: z.string().min(1).optional(),
  /**
   * `strict`: what releases or grants asks for a second factor. `simple`: it does not, for one person at their own machine.
   */
  ACCOUNTS: z.enum(['strict', 'simple']).default('strict'),
  /** A session that nobody uses ends after so long; every session after 12 hours. */
  SESSION_IDLE_MINUTES: z.coerce.number().positive().max(720).default(30),
  /** Failed tries to sign in from one address, until it waits; as many come back in ten minutes. Each replica counts its own. */
  SIGN_IN_TRIES: z.coerce.number().int().min(1).max(1_000_000).default(30),
  /** Proxies whose word on a client's address is taken, as Express' `trust proxy` reads it; absent, nobody's. */
  TRUSTED_PROXIES: z.string().min(1).optional(),
  /** An OpenID Connect provider that signs people in besides passwords: its issuer, letter for letter as its tokens name it. */
  OIDC_ISSUER: SecureUrl.optional(),
  OIDC_CLIENT_ID: z.string().min(1).max(500).optional(),
  /** Absent for a public client, which proves itself by PKCE alone. */
  OIDC_CLIENT_SECRET: z.string().min(1).max(500).optional(),
  /** The console's own address and `/sign-in/provider`, as the provider has it registered. */
  OIDC_REDIRECT_URL: SecureUrl.optional(),
  /** What the button says after "Sign in with". */
  OIDC_NAME: z.string().min(1).max(60).default('your organisation'),
  /** Values of `amr` or `acr`, between commas, by which the provider vouches for a second factor; absent, none does. */
  OIDC_SECOND_FACTOR: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((value) => value.trim() || [])),
  /** Whether lanes read sampled faces of each delivery, to see whose they are, before it is ready. */
  OUTPUT_GATE: Flag.default(true),
  /** Lets projects be created whose consents are active without notice and four eyes. */
  ALLOW_LOCAL_PROFILE: Flag.default(false),
  MAX_UPLOAD_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(64 * 1024 ** 3),
  /** Ed25519, PKCS #8 PEM; signs the audit log's checkpoints. Default: in the data folder, made at the first start. */
  AUDIT_KEY_FILE: z.string().min(1).optional(),
  /** The audit log's name in its checkpoints: a URL without its scheme. Default: made of the key. */
  AUDIT_ORIGIN: z
    .string()
    .regex(/^[^\s+]+$/, 'must be without spaces and plus signs')
    .optional(),
  ...ANCHOR_SETTINGS,
  AUDIT_CHECKPOINT_SECONDS: Seconds.default(1),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** A provider is named whole or not at all, a bucket of anchors too. */
const Environment = Settings.superRefine((settings, context) => {
  for (const { name, message } of anchorFaults(settings)) context.addIssue({ code: 'custom', path: [name], message });
  const needed = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_REDIRECT_URL'] as const;
  const missing = needed.filter((name) => settings[name] === undefined);
  if (missing.length === needed.length || missing.length === 0) return;
  for (const name of missing)
    context.addIssue({ code: 'custom', path: [name], message: 'is missing beside the others' });
});

/** The coordinator's settings, named as in the environment. */
export type Config = Readonly<z.output<typeof Environment>>;

/**
 * Settings from an environment's variables; empty ones count as absent.
 *
 * @throws UnderstudyError INVALID_REQUEST naming every variable at fault, never its value
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new UnderstudyError('INVALID_REQUEST', `The environment is not complete: ${faults.join('; ')}`);
}

/** The one place that reads the process's environment. */
export function configFromEnvironment(): Config {
  return parseConfig(process.env);
}
