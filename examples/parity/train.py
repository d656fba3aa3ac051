"""Trains a recurrent cell that counts ones modulo two, and writes parity.onnx, accuracy.json and samples/ beside this file.

    python train.py [--steps N] [--seed N]

Needs the Python packages numpy, onnx, onnxruntime and torch. One thread; a minute. The data are drawn here.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import helper
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from graph_writer import BOOL, FLOAT, INT64, GraphWriter  # noqa: E402
from training import minimize, repeatable  # noqa: E402

HIDDEN = 4
LENGTH = 16
BATCH = 128


class ParityNet(nn.Module):
    """Bits [N,T] -> logits [N,T] of "the number of ones so far is odd": a minimal gated unit (Zhou et al., 2016), read out at each bit."""

    def __init__(self):
        super().__init__()
        self.gate, self.candidate = nn.Linear(1 + HIDDEN, HIDDEN), nn.Linear(1 + HIDDEN, HIDDEN)
        self.readout = nn.Linear(HIDDEN, 1)

    def cell(self, bit, hidden):
        gate = torch.sigmoid(self.gate(torch.cat([bit, hidden], 1)))
        candidate = torch.tanh(self.candidate(torch.cat([bit, gate * hidden], 1)))
        return (1 - gate) * hidden + gate * candidate

    def forward(self, bits):
        hidden, logits = bits.new_zeros(len(bits), HIDDEN), []
        for t in range(bits.shape[1]):
            hidden = self.cell(bits[:, t, None], hidden)
            logits.append(self.readout(hidden))
        return torch.cat(logits, 1)


def train(net, steps, generator):
    def loss_at(step):
        # Longer and longer: what holds for one bit more is learned from what holds already.
        length = min(LENGTH, 2 + 2 * (LENGTH - 2) * step // steps)
        bits = torch.randint(0, 2, (BATCH, length), generator=generator).float()
        return F.binary_cross_entropy_with_logits(net(bits), bits.cumsum(1) % 2)

    minimize(torch.optim.Adam(net.parameters(), lr=1e-2), 2e-2, steps, loss_at)


class Writer(GraphWriter):
    def linear(self, scope, x):
        return self.node("Gemm", scope, [x, self.parameter(f"{scope}.weight"), self.parameter(f"{scope}.bias")], alpha=1.0, beta=1.0, transA=0, transB=1)

    def inner(self):
        """A writer of a body: what it uses from outside is captured, its weights are the model's."""
        inner = Writer(self.state)
        inner.initializers = self.initializers
        return inner

    def body(self, name, inputs, outputs):
        info = lambda each: helper.make_tensor_value_info(*each)
        return helper.make_graph(self.nodes, name, list(map(info, inputs)), list(map(info, outputs)))


def build_model(net, metadata):
    """`bits` float32 [16], 0 or 1 -> `so_far` float32 [16]: the probability that the number of ones up to here is odd."""
    g = Writer(net.state_dict())
    length = g.node("Gather", "cell", [g.node("Shape", "cell", ["bits"]), g.constant("cell", np.int64(0))], axis=0)
    hidden = g.initializer("cell.start", np.zeros((1, HIDDEN), np.float32))
    training = g.initializer("training", np.array(False))

    # One turn of the loop: the cell, on one bit.
    step, scope = g.inner(), "cell.step"
    bit = step.node("Unsqueeze", scope, [step.node("Gather", scope, ["bits", "turn"], axis=0), step.constant(scope, np.array([0, 1]))])
    gate = step.node("Sigmoid", f"{scope}.gate", [step.linear("gate", step.node("Concat", f"{scope}.gate", [bit, "hidden"], axis=1))])
    kept = step.node("Concat", f"{scope}.candidate", [bit, step.node("Mul", f"{scope}.candidate", [gate, "hidden"])], axis=1)
    candidate = step.node("Tanh", f"{scope}.candidate", [step.linear("candidate", kept)])
    rest = step.node("Mul", scope, [step.node("Sub", scope, [step.constant(scope, np.float32(1)), gate]), "hidden"])
    after = step.node("Add", scope, [rest, step.node("Mul", scope, [gate, candidate])])

    # What a training flag leaves in the graph: a branch that inference never takes.
    branches = {"then_branch": ("training", "Dropout"), "else_branch": ("inference", "Identity")}
    for key, (name, op) in branches.items():
        branch = step.inner()
        result = branch.node(op, f"{scope}.readout.{name}", [after])
        branches[key] = branch.body(name, [], [(result, FLOAT, [1, HIDDEN])])
    read = step.node("If", f"{scope}.readout", [training], **branches)
    odd = step.node("Sigmoid", f"{scope}.readout", [step.linear("readout", read)])
    odd = step.node("Reshape", f"{scope}.readout", [odd, step.constant(f"{scope}.readout", np.array([], np.int64))])
    going = step.node("Identity", scope, ["going"])
    body = step.body(
        "cell_step",
        [("turn", INT64, []), ("going", BOOL, []), ("hidden", FLOAT, [1, HIDDEN])],
        [(going, BOOL, []), (after, FLOAT, [1, HIDDEN]), (odd, FLOAT, [])],
    )
    always = g.constant("cell", np.array(True))
    g.nodes.append(helper.make_node("Loop", [length, always, hidden], ["cell.hidden", "so_far"], name="/cell/Loop", body=body))
    return g.model(
        "parity",
        [("bits", FLOAT, [LENGTH])],
        [("so_far", FLOAT, [LENGTH])],
        f"Odd or even: bits are 0 or 1, {LENGTH} of them; so_far has, for each place, the probability that the number of ones up to there is odd.",
        metadata,
    )


def every_input():
    """All 65,536 rows of 16 bits, and for each place whether the ones up to there are odd in number."""
    bits = (np.arange(1 << LENGTH)[:, None] >> np.arange(LENGTH)) & 1
    return bits.astype(np.float32), bits.cumsum(1) % 2 == 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=4)
    args = parser.parse_args()
    repeatable(args.seed)
    net = ParityNet()
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    train(net, args.steps, torch.Generator().manual_seed(args.seed))
    net.eval()

    model = build_model(net, {"seed": str(args.seed), "steps": str(args.steps)})
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = lambda bits: session.run(None, {"bits": bits})[0]
    bits, odd = every_input()
    by_onnx = np.stack([run(each) for each in bits])
    with torch.no_grad():
        by_torch = torch.sigmoid(net(torch.from_numpy(bits))).numpy()
    right = int(((by_onnx > 0.5) == odd).all(1).sum())
    report = {
        "model": "parity.onnx",
        "testInputs": len(bits),
        "right": right,
        "accuracy": right / len(bits),
        "leastCertain": float(np.abs(by_onnx - 0.5).min() + 0.5),
        "largestDifferenceFromTorch": float(np.abs(by_onnx - by_torch).max()),
        "steps": args.steps,
        "seed": args.seed,
        "measuredWith": {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__.split("+")[0]},
    }
    onnx.save(model, HERE / "parity.onnx")
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    for text in ("1011010011100101", "1111111111111111", "0000000100000000"):
        np.save(samples / f"{text}.npy", np.array([float(each) for each in text], np.float32))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
