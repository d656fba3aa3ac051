import { allocate, makeTensor, type Tensor } from "../../ir/tensor.ts";

/** The matrix with rows and columns exchanged. */
export function transposedMatrix(matrix: Tensor): Tensor {
  const [rows, columns] = matrix.dims as [number, number];
  const out = allocate(matrix.element, rows * columns);
  const [from, to] = [matrix.data, out] as [ArrayLike<unknown>, { [i: number]: unknown }];
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
  return makeTensor(matrix.element, [columns, rows], out);
}
