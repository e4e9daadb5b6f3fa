import {
  CONSENT_LEVELS,
  type ConsentLevel,
  type Project,
  PROJECT_ROLES,
  type ProjectRole,
} from '@understudy/contracts';
import { type Command, Option } from 'commander';
import { wholeNumber } from '../../terminal/whole-number.js';
import {
  connect,
  type ConnectionOptions,
  projectNamed,
  userNamed,
  withConnection,
} from '../../remote/farm-connection.js';
import { addKeyDestructionCommands } from './key-destruction.js';
import { AWAITS_APPROVAL } from './user.js';

function lineOf({ name, profile, leastLevel, keyDestroyedAt }: Project): string {
  const ended = keyDestroyedAt === null ? '' : `\tended ${keyDestroyedAt}: its key was destroyed`;
  return `${name}\t${profile}\tconsents from ${leastLevel}${ended}`;
}

export function addProjectCommands(program: Command): void {
  const project = program.command('project').description('projects of a farm and who works on them');
  withConnection(project.command('new').description('make a project').argument('<name>'))
    .addOption(
      new Option('--least-level <level>', 'least assurance that its consents need')
        .choices(CONSENT_LEVELS.slice(1))
        .default('L1'),
    )
    .action(async (name: string, options: ConnectionOptions & { leastLevel: ConsentLevel }) => {
      const client = await connect(options);
      const made = await client.call('createProject', { body: { name, leastLevel: options.leastLevel } });
      console.log(`made project ${made.name} (consents from ${made.leastLevel})`);
    });
  withConnection(project.command('list').description('the projects that you see'))
    .option('--json', 'as one JSON array')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const { items } = await (await connect(options)).call('listProjects', { query: { limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const one of items) console.log(lineOf(one));
    });
  withConnection(
    project.command('performers').description('the performers of a project, by id and pseudonym').argument('<name>'),
  )
    .option('--json', 'as one JSON array')
    .action(async (name: string, options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, name);
      const { items } = await client.call('listPerformers', { query: { projectId, limit: 500 } });
      if (options.json === true) console.log(JSON.stringify(items));
      else for (const one of items) console.log(`${one.id}\t${one.name}`);
    });
  withConnection(
    project.command('grant').description('give somebody a role in a project').argument('<name>').argument('<email>'),
  )
    .addOption(new Option('--role <role>', 'what they may do').choices(PROJECT_ROLES).makeOptionMandatory())
    .action(async (name: string, email: string, options: ConnectionOptions & { role: ProjectRole }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, name);
      const user = await userNamed(client, email);
      const body = { userId: user.id, role: options.role };
      const { pending } = await client.call('grantMembership', { params: { projectId }, body });
      console.log(pending ? `${email} ${AWAITS_APPROVAL}` : `${email} is ${options.role} in ${name}`);
    });
  withConnection(
    project.command('ungrant').description('take a role in a project away').argument('<name>').argument('<email>'),
  )
    .addOption(new Option('--role <role>', 'which one').choices(PROJECT_ROLES).makeOptionMandatory())
    .action(async (name: string, email: string, options: ConnectionOptions & { role: ProjectRole }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, name);
      const { id: userId } = await userNamed(client, email);
      await client.call('takeRole', { body: { userId, projectId, role: options.role } });
      console.log(`${email} is no longer ${options.role} in ${name}`);
    });
  withConnection(
    project.command('share').description("a project's part of the lanes while others want some too").argument('<name>'),
  )
    .requiredOption('--weight <n>', 'in proportion to which lanes are shared', wholeNumber)
    .option('--most-lanes <n>', 'the most it may have at once; without it there is no limit', wholeNumber)
    .action(async (name: string, options: ConnectionOptions & { weight: number; mostLanes?: number }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, name);
      const body = { weight: options.weight, mostLanes: options.mostLanes ?? null };
      await client.call('setProjectShare', { params: { projectId }, body });
      console.log(
        `${name} has weight ${body.weight} and ${body.mostLanes === null ? 'no limit' : `at most ${body.mostLanes} lanes`}`,
      );
    });
  withConnection(project.command('cost').description('lane seconds of a project').argument('<name>'))
    .option('--json', 'as one JSON object')
    .action(async (name: string, options: ConnectionOptions & { json?: boolean }) => {
      const client = await connect(options);
      const { id: projectId } = await projectNamed(client, name);
      const cost = await client.call('getProjectCost', { params: { projectId } });
      const { accepted, lost, running } = cost.laneSeconds;
      const text = `${cost.shots} shots: ${accepted.toFixed(1)} lane seconds counted, ${lost.toFixed(1)} lost, ${running.toFixed(1)} running`;
      console.log(options.json === true ? JSON.stringify(cost) : text);
    });
  addKeyDestructionCommands(project);
}
