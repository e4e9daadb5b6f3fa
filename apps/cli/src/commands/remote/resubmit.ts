import { type RouteRequest, UnderstudyError, Uuid } from '@understudy/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { readRecipe } from '../../job/recipe-options.js';
import { connect, type ConnectionOptions, withConnection } from '../../remote/farm-connection.js';
import { wholeNumber } from '../../terminal/whole-number.js';

interface ResubmitOptions extends ConnectionOptions {
  frames: [first: number, last: number];
  recipeFile?: string;
  priority?: number;
  reason: string;
  json?: boolean;
}

/** A version of a shot that renders some frames anew. */
export function addResubmitCommand(program: Command): void {
  withConnection(
    program
      .command('resubmit')
      .description('render some frames of a shot anew, in a version that takes the rest as it is')
      .argument('<shot>', 'its id'),
  )
    .requiredOption('--frames <first-last>', 'counted from 0; widened to the borders of their shards', frames)
    .option('--recipe-file <json>', 'the same processors with other settings, for these frames alone')
    .option('--priority <n>', "1 to 100; by default the version's before", wholeNumber)
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'what is rendered and what is taken, as one JSON object')
    .action(async (id: string, options: ResubmitOptions) => {
      const { recipeFile, priority, reason } = options;
      if (priority !== undefined && priority > 100) throw new UnderstudyError('USAGE', '--priority is 1 to 100');
      const [first, last] = options.frames;
      const recipe = recipeFile === undefined ? {} : { recipe: await readRecipe({ recipeFile }) };
      const body: RouteRequest<'resubmitShot'>['body'] = {
        frames: { startFrame: first, endFrame: last + 1 },
        ...recipe,
        ...(priority === undefined ? {} : { priority }),
        reason,
      };
      const made = await (await connect(options)).call('resubmitShot', { params: { shotId: shotId(id) }, body });
      const { shot, rendered, shards } = made;
      if (options.json === true) console.log(JSON.stringify(made));
      else {
        const range = `frames ${rendered.startFrame}-${rendered.endFrame - 1}`;
        console.log(
          `${shot.name} v${shot.version} renders ${range} anew (${shards.rendered} shards, ${shards.reused} taken as they are)`,
        );
      }
    });
}

function frames(value: string): [number, number] {
  const [, first, last] = /^(\d{1,9})-(\d{1,9})$/.exec(value) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) {
    throw new InvalidArgumentError('two frames are needed, the first and the last, such as 100-150');
  }
  return [Number(first), Number(last)];
}

function shotId(value: string): string {
  const parsed = Uuid.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('USAGE', `${value} is no shot's id; understudy shots lists them`);
}
