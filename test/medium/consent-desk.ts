import type { ConsentDocument } from '@understudy/contracts';
import { signed, statement, type StatementOptions } from './consent-documents.js';
import type { TestCoordinator, TestPerson } from './coordinator.js';

/** A project with who brings consents in and who decides on them. */
export interface Stage {
  readonly id: string;
  readonly name: string;
  readonly producer: TestPerson;
  readonly officer: TestPerson;
}

/** What people do with consents, over the API. */
export class ConsentDesk {
  constructor(private readonly farm: () => TestCoordinator) {}

  readonly project = async (profile: 'farm' | 'local' = 'farm'): Promise<Stage> => {
    const farm = this.farm();
    const id = await farm.addProject(profile, profile === 'local' ? 'L0' : 'L1');
    const [row] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [id]);
    const producer = await farm.addMember(id, 'producer');
    return { id, name: row?.name ?? '', producer, officer: await farm.addMember(id, 'consent_officer') };
  };

  readonly bring = (stage: Stage, document: ConsentDocument, who = stage.producer) =>
    this.farm().call('importConsent', who.token, { params: { projectId: stage.id }, body: document });

  readonly bringStatement = (stage: Stage, options: Omit<StatementOptions, 'project'> = {}) =>
    this.bring(stage, signed(statement({ project: stage.name, ...options })));

  readonly decide = (
    what: 'activateConsent' | 'suspendConsent' | 'revokeConsent',
    who: TestPerson,
    consentId: string,
  ) =>
    this.farm().call(what, who.token, {
      params: { consentId },
      body:
        what === 'activateConsent' ? { reason: 'as agreed', waiveNotice: 'told in person' } : { reason: 'as agreed' },
    });

  /** @returns the consent's id */
  readonly broughtIn = async (stage: Stage, options: Omit<StatementOptions, 'project'> = {}): Promise<string> => {
    const { body } = await this.bringStatement(stage, options);
    return body.consents[0]?.id ?? '';
  };
}
