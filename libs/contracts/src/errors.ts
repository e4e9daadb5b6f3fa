/**
 * The closed list of error codes. Each says which HTTP status and which exit code it becomes; nothing else maps them.
 *
 * Exit codes: 1 internal, 2 wrong use, 3 consent or permission, 4 faces, 5 media, 6 environment, 7 conflict, 8 cancelled.
 */
export const ERROR_CODES = {
  // Wrong use of the command line or of the API.
  INVALID_REQUEST: { status: 400, exit: 2 },
  USAGE: { status: 400, exit: 2 },
  NOT_FOUND: { status: 404, exit: 2 },
  PAYLOAD_TOO_LARGE: { status: 413, exit: 2 },
  RATE_LIMITED: { status: 429, exit: 6 },

  // Who may do what.
  UNAUTHENTICATED: { status: 401, exit: 3 },
  FORBIDDEN: { status: 403, exit: 3 },
  /** The password is right, and the account has a second factor: sign in again with its code. */
  CODE_REQUIRED: { status: 401, exit: 3 },
  /** The act releases or grants, and whoever asks did not sign in with a second factor. */
  SECOND_FACTOR_REQUIRED: { status: 403, exit: 3 },
  /** Somebody signed in gave a wrong password or code, or too many of them. */
  CREDENTIALS_REFUSED: { status: 422, exit: 3 },
  /** A worker's token alone opens nothing on this farm: the worker shows its key first. */
  WORKER_KEY_REQUIRED: { status: 403, exit: 3 },
  /** Nobody has approved the key that the worker shows. */
  WORKER_NOT_APPROVED: { status: 403, exit: 3 },
  /** The farm's OpenID Connect provider cannot be asked, or does not say what it must. */
  SIGN_IN_PROVIDER_UNAVAILABLE: { status: 503, exit: 6 },

  // Consent. The reasons of one evaluation travel together in `details.reasons`; the code is the first of them.
  CONSENT_REQUIRED: { status: 422, exit: 3 },
  CONSENT_NOT_ACTIVE: { status: 422, exit: 3 },
  CONSENT_NOT_YET_VALID: { status: 422, exit: 3 },
  CONSENT_EXPIRED: { status: 422, exit: 3 },
  CONSENT_REVOKED: { status: 422, exit: 3 },
  CONSENT_SUSPENDED: { status: 422, exit: 3 },
  CONSENT_OUT_OF_SCOPE: { status: 422, exit: 3 },
  CONSENT_LEVEL_TOO_LOW: { status: 422, exit: 3 },
  /** A row that decides does not match its seal: it was changed in the database, past the service. */
  RECORD_ALTERED: { status: 422, exit: 3 },
  CONSENT_DOCUMENT_INVALID: { status: 422, exit: 3 },
  BASIS_REQUIRED: { status: 422, exit: 3 },

  // Faces.
  NO_FACE: { status: 422, exit: 4 },
  TWO_FACES_IN_IMAGE: { status: 422, exit: 4 },
  FACE_QUALITY_TOO_LOW: { status: 422, exit: 4 },
  AMBIGUOUS_FACE: { status: 422, exit: 4 },
  IDENTITY_MISMATCH: { status: 422, exit: 4 },
  PLATE_FACE_NOT_FOUND: { status: 422, exit: 4 },
  HELD_FOR_REVIEW: { status: 409, exit: 4 },

  // Media.
  EMPTY_MEDIA: { status: 422, exit: 5 },
  UNREADABLE_MEDIA: { status: 422, exit: 5 },
  NOT_A_VIDEO: { status: 422, exit: 5 },
  TRUNCATED_MEDIA: { status: 422, exit: 5 },
  UNSUPPORTED_MEDIA: { status: 422, exit: 5 },
  /** The matte has other frames, another size or another rate than the plate. */
  MATTE_MISMATCH: { status: 422, exit: 5 },
  PLAYLIST_REFUSED: { status: 422, exit: 5 },
  SEGMENT_INVALID: { status: 422, exit: 5 },
  JOIN_MISMATCH: { status: 422, exit: 5 },
  UPLOAD_MISMATCH: { status: 422, exit: 5 },

  // The environment.
  FFMPEG_MISSING: { status: 503, exit: 6 },
  FFMPEG_FAILED: { status: 500, exit: 6 },
  DISK_FULL: { status: 507, exit: 6 },
  OUTPUT_UNWRITABLE: { status: 500, exit: 6 },
  PORT_BUSY: { status: 500, exit: 6 },
  DATABASE_UNAVAILABLE: { status: 503, exit: 6 },
  /** The disk or the share that objects lie on does not answer. */
  STORE_UNAVAILABLE: { status: 503, exit: 6 },
  COORDINATOR_UNREACHABLE: { status: 503, exit: 6 },
  WORKER_LOST: { status: 503, exit: 6 },
  MODEL_HASH_MISMATCH: { status: 500, exit: 6 },
  MODEL_UNAVAILABLE: { status: 503, exit: 6 },
  PACK_MANIFEST_INVALID: { status: 422, exit: 6 },
  PACK_TOO_LARGE: { status: 422, exit: 6 },
  PACK_UNREADABLE: { status: 422, exit: 6 },
  PACK_OPERATOR_REFUSED: { status: 422, exit: 6 },
  PACK_ENGINE_REFUSED: { status: 422, exit: 6 },
  PACK_EXTERNAL_DATA_REFUSED: { status: 422, exit: 6 },
  PACK_CONTRACT_MISMATCH: { status: 422, exit: 6 },
  /** The farm has no such pack, or its model does not do what the recipe wants of it. */
  PACK_UNKNOWN: { status: 422, exit: 6 },
  /** Added by one person, but not yet approved by another. */
  PACK_NOT_APPROVED: { status: 409, exit: 3 },
  /** The model is one performer's, and the cast member's identity is another. */
  PACK_OF_ANOTHER_PERFORMER: { status: 422, exit: 3 },
  /** The model gave other numbers than its canary. */
  PACK_SELF_TEST_FAILED: { status: 422, exit: 6 },
  LICENCE_REFUSED: { status: 403, exit: 3 },
  PROVIDER_UNAVAILABLE: { status: 503, exit: 6 },
  /** A network does not fit into what is free of the card's memory. */
  OUT_OF_GPU_MEMORY: { status: 507, exit: 6 },
  /** A receiver did not take an event; it is sent again. */
  WEBHOOK_NOT_TAKEN: { status: 502, exit: 6 },
  /** A collector of traces did not take spans; they are sent again. */
  TRACES_NOT_TAKEN: { status: 502, exit: 6 },
  SHUTTING_DOWN: { status: 503, exit: 6 },

  // The state of things forbids it.
  STALE_EPOCH: { status: 409, exit: 7 },
  CONFLICT: { status: 409, exit: 7 },
  NOT_CANCELLABLE: { status: 409, exit: 7 },
  OUTPUT_LOCKED: { status: 409, exit: 7 },
  SHARD_FAILED: { status: 409, exit: 1 },
  PROFILE_REFUSED: { status: 403, exit: 3 },
  /** Two people had the project's key destroyed: nothing of it can be read again, and nothing new be made in it. */
  PROJECT_KEY_DESTROYED: { status: 410, exit: 7 },

  // The audit log.
  /** The database holds less, or another log, than what was anchored outside it; no lease is given until that is cleared. */
  LOG_BEHIND_ANCHOR: { status: 503, exit: 6 },
  /** The bucket that the log is anchored in cannot be asked, refuses, or locks nothing. */
  BUCKET_UNAVAILABLE: { status: 503, exit: 6 },
  /** Verification found fault with the log or with the rows it speaks of. */
  AUDIT_LOG_BROKEN: { status: 409, exit: 7 },

  CANCELLED: { status: 409, exit: 8 },
  INTERNAL: { status: 500, exit: 1 },
} as const satisfies Record<string, { status: number; exit: number }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorBody {
  error: { code: ErrorCode; message: string; details?: Record<string, unknown> };
}

export interface UnderstudyErrorOptions {
  cause?: unknown;
  /** JSON values that help a program or a person on; shown to whoever may see the error, never written to logs. */
  details?: Record<string, unknown>;
}

/** The one error class. The message is one line: what is wrong, then what to do next. */
export class UnderstudyError extends Error {
  override readonly name = 'UnderstudyError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: UnderstudyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }

  toBody(): ErrorBody {
    const { code, message, details } = this;
    return { error: details === undefined ? { code, message } : { code, message, details } };
  }
}

/** Any thrown value as an UnderstudyError; what is unknown becomes INTERNAL and keeps its cause. */
export function toUnderstudyError(thrown: unknown): UnderstudyError {
  if (thrown instanceof UnderstudyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new UnderstudyError('INTERNAL', message, { cause: thrown });
}

/** The one answer for whatever is asked of a project whose key two people had destroyed. */
export function projectKeyDestroyed(options: UnderstudyErrorOptions = {}): UnderstudyError {
  return new UnderstudyError(
    'PROJECT_KEY_DESTROYED',
    'The key of this project was destroyed by two people: nothing of it can be read again, and nothing is made in it.',
    options,
  );
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}
