import {
  type Consent,
  CONSENT_LEVELS,
  type ConsentLevel,
  type ConsentStatement,
  type ProjectProfile,
  UnderstudyError,
} from '@understudy/contracts';

export interface ProjectTerms {
  readonly name: string;
  readonly profile: ProjectProfile;
  readonly leastLevel: ConsentLevel;
}

export interface Admission {
  /** What the consent counts as from now on. */
  readonly level: ConsentLevel;
  readonly state: Extract<Consent['state'], 'active' | 'pending_review' | 'pending_signature'>;
  /** Checks that a local project goes without. */
  readonly waivers: readonly ('notice' | 'four_eyes')[];
}

const rank = (level: ConsentLevel): number => CONSENT_LEVELS.indexOf(level);

/** The level that a statement reaches on its own evidence: an operator's key alone attests to L0; L2 takes the performer's. */
function provenLevel(statement: ConsentStatement): ConsentLevel {
  // For a minor or somebody who died, a guardian's or representative's evidence stands for their own.
  const evidenced = statement.parties.every(({ evidence, protection }) => (protection ?? evidence) !== undefined);
  return evidenced && statement.level !== 'L0' ? 'L1' : 'L0';
}

/**
 * What protects those who cannot agree for themselves: somebody sees the paper of whoever agrees for them, and a
 * guardian's word ends when the performer comes of age.
 */
function requireProtected({ parties, scope }: ConsentStatement, { profile }: ProjectTerms): void {
  for (const { protection } of parties) {
    if (protection === undefined) continue;
    if (profile === 'local') {
      throw new UnderstudyError(
        'CONSENT_LEVEL_TOO_LOW',
        'A consent for a minor or for somebody who died takes a farm project, where a consent officer sees the papers.',
        { details: { protection: protection.kind } },
      );
    }
    if (protection.kind === 'minor' && Date.parse(scope.validUntil) > Date.parse(protection.comesOfAgeAt)) {
      throw new UnderstudyError(
        'CONSENT_DOCUMENT_INVALID',
        'A guardian agrees until the performer comes of age; from then on a consent of their own is needed.',
        { details: { comesOfAgeAt: protection.comesOfAgeAt, validUntil: scope.validUntil } },
      );
    }
  }
}

/**
 * Whether a project takes a consent, and as what. Pure.
 *
 * @throws UnderstudyError CONSENT_OUT_OF_SCOPE, CONSENT_EXPIRED, CONSENT_LEVEL_TOO_LOW, CONSENT_DOCUMENT_INVALID
 */
export function admit(statement: ConsentStatement, project: ProjectTerms, now: Date): Admission {
  if (statement.scope.project !== project.name) {
    throw new UnderstudyError('CONSENT_OUT_OF_SCOPE', 'This consent is for another project.', {
      details: { reasons: ['PROJECT_OUT_OF_SCOPE'] },
    });
  }
  if (Date.parse(statement.scope.validUntil) <= now.getTime()) {
    throw new UnderstudyError('CONSENT_EXPIRED', 'This consent has expired; a new one is needed.', {
      details: { validUntil: statement.scope.validUntil },
    });
  }
  requireProtected(statement, project);
  // Nobody but the one who brings it looks at it in a local project.
  const level = project.profile === 'local' ? 'L0' : provenLevel(statement);
  const toBeSigned = project.profile === 'farm' && statement.level === 'L2';
  if (toBeSigned && statement.parties.some(({ protection }) => protection !== undefined)) {
    throw new UnderstudyError(
      'CONSENT_DOCUMENT_INVALID',
      'Level L2 is signed by the performer themselves; a guardian or representative agrees at level L1.',
    );
  }
  if (rank(toBeSigned ? 'L2' : level) < rank(project.leastLevel)) {
    throw new UnderstudyError(
      'CONSENT_LEVEL_TOO_LOW',
      `This project asks for level ${project.leastLevel}; the document reaches ${level}. Level L1 needs each performer's evidence, L2 says so in the document and waits for their own signature.`,
      { details: { level, leastLevel: project.leastLevel } },
    );
  }
  return project.profile === 'local'
    ? { level, state: 'active', waivers: ['notice', 'four_eyes'] }
    : { level, state: toBeSigned ? 'pending_signature' : 'pending_review', waivers: [] };
}
