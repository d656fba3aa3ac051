import { describe, expect, it } from "vitest";
import { scopePaths } from "../../../picture/src/index.ts";

describe("scopePaths", () => {
  it.each([
    [
      "slashes",
      ["/block1/conv/Conv", "/block1/Relu", "/block2/Add", "/Gemm"],
      ["block1/conv", "block1", "block2", ""],
    ],
    [
      "an index belongs to what it counts",
      ["/model/layers/0/MatMul", "/model/layers/1/mlp/MatMul"],
      ["model/layers.0", "model/layers.1/mlp"],
    ],
    [
      "dots",
      ["model.layers.0.mlp.fc1", "model.layers.0.mlp.act", "model.layers.1.mlp.fc1"],
      ["model/layers.0/mlp", "model/layers.0/mlp", "model/layers.1/mlp"],
    ],
    [
      "prefixes of nodes that stand together, behind a scope that holds everything",
      ["gpu_0/res2_0_branch2a", "gpu_0/res2_0_branch2a_bn", "gpu_0/res2_0_branch2b", "gpu_0/res3_1_branch1", "gpu_0/res3_1_branch2", "gpu_0/res3_1_sum", "gpu_0/pool"],
      ["res2/res2_0", "res2/res2_0", "res2/res2_0", "res3/res3_1", "res3/res3_1", "res3/res3_1", ""],
    ],
    ["numbered operators are not scopes", ["Conv_0", "Relu_1", "Conv_2", "Relu_3", "Conv_4", "Relu_5", "Conv_6", "Relu_7"], ["", "", "", "", "", "", "", ""]],
    ["no names", ["", "", ""], ["", "", ""]],
  ])("%s", (_, names, paths) => {
    expect(scopePaths(names)).toEqual(paths);
  });
});
