/**
 * Solves A X = B by Gaussian elimination with partial pivoting.
 *
 * @param matrix `size * size`, row-major; not changed.
 * @param right `size * columns`, row-major; not changed.
 * @returns X, `size * columns`.
 * @throws RangeError when the matrix is singular to working precision.
 */
export function solveLinear(matrix: Float64Array, right: Float64Array, size: number, columns: number): Float64Array {
  const a = Float64Array.from(matrix);
  const x = Float64Array.from(right);
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(a[row * size + column]!) > Math.abs(a[pivot * size + column]!)) pivot = row;
    }
    if (Math.abs(a[pivot * size + column]!) < 1e-12) throw new RangeError('singular system of equations');
    if (pivot !== column) {
      swapRows(a, column, pivot, size);
      swapRows(x, column, pivot, columns);
    }
    const inverse = 1 / a[column * size + column]!;
    for (let row = column + 1; row < size; row++) {
      const factor = a[row * size + column]! * inverse;
      if (factor === 0) continue;
      for (let k = column; k < size; k++) a[row * size + k]! -= factor * a[column * size + k]!;
      for (let k = 0; k < columns; k++) x[row * columns + k]! -= factor * x[column * columns + k]!;
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    const inverse = 1 / a[row * size + row]!;
    for (let k = 0; k < columns; k++) {
      let sum = x[row * columns + k]!;
      for (let j = row + 1; j < size; j++) sum -= a[row * size + j]! * x[j * columns + k]!;
      x[row * columns + k] = sum * inverse;
    }
  }
  return x;
}

function swapRows(values: Float64Array, a: number, b: number, width: number): void {
  for (let k = 0; k < width; k++) {
    const held = values[a * width + k]!;
    values[a * width + k] = values[b * width + k]!;
    values[b * width + k] = held;
  }
}
