import { GraphBuilder } from '../../libs/face/test/graphs.js';

/**
 * A performer's model (DFM) that paints the whole face one colour.
 *
 * @param colour blue, green, red, of 0..1
 */
export function painter(colour = [0.2, 0.5, 0.8]): ReturnType<GraphBuilder['model']> {
  const graph = new GraphBuilder();
  const face = graph.op('Transpose', [graph.input('in_face:0', [1, 128, 128, 3])], { perm: [0, 3, 1, 2] });
  const nothing = graph.op('Mul', [face, graph.floats([1], [0])]);
  const firstChannel = [graph.integers([0]), graph.integers([1]), graph.integers([1])];
  const painted = (values: number[]): string => {
    const channels = values.length === 1 ? graph.op('Slice', [nothing, ...firstChannel]) : nothing;
    const sum = graph.op('Add', [channels, graph.floats([1, values.length, 1, 1], values)]);
    return graph.op('Transpose', [sum], { perm: [0, 2, 3, 1] });
  };
  graph.output('out_face_mask:0', painted([1]), [1, 128, 128, 1]);
  graph.output('out_celeb_face:0', painted(colour), [1, 128, 128, 3]);
  graph.output('out_celeb_face_mask:0', painted([1]), [1, 128, 128, 1]);
  return graph.model();
}
