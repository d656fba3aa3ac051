"""Trains a transformer encoder that sorts digits, and writes sorting.onnx, accuracy.json and samples/ beside this file.

    python train.py [--steps N] [--seed N]

Needs the Python packages numpy, onnx, onnxruntime and torch. One thread; a few minutes. The data are drawn here.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from graph_writer import FLOAT, INT64, GraphWriter  # noqa: E402
from training import minimize, repeatable  # noqa: E402

DIGITS, LONGEST, WIDTH, HEADS, INNER, LAYERS = 10, 16, 48, 4, 96, 2
BATCH = 256
PEAK_LEARNING_RATE = 4e-3


class Attention(nn.Module):
    """Every place looks at every other (Vaswani et al., Attention Is All You Need, 2017, section 3.2): [N,S,W] -> [N,S,W]."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x):
        heads = lambda y: y.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        query, key, value = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        weights = F.softmax(query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS), dim=-1)
        return self.output((weights @ value).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then two linear layers with a GELU between, each on a normalized input and added to it."""

    def __init__(self):
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict({"up": nn.Linear(WIDTH, INNER), "down": nn.Linear(INNER, WIDTH)})

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp.down(F.gelu(self.mlp.up(self.norm2(x))))


class SortingNet(nn.Module):
    """Digits [N,S], S at most 16 -> logits [N,S,10] of the digit that stands there once they are sorted."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.ModuleDict({"digit": nn.Embedding(DIGITS, WIDTH), "place": nn.Embedding(LONGEST, WIDTH)})
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, DIGITS)

    def forward(self, digits):
        x = self.embedding.digit(digits) + self.embedding.place.weight[: digits.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def draw(count, length, generator):
    """Sequences of `length` digits. Half of them keep to a few digits, so that equal ones are common at every length."""
    few = torch.randint(1, DIGITS + 1, (count, 1), generator=generator)
    shuffled = torch.rand(count, DIGITS, generator=generator).argsort(1)
    some = shuffled.gather(1, torch.randint(0, 1 << 30, (count, length), generator=generator) % few)
    any_digit = torch.randint(0, DIGITS, (count, length), generator=generator)
    return torch.where(torch.arange(count)[:, None] % 2 == 0, any_digit, some)


def train(net, steps, generator):
    def loss_at(_):
        digits = draw(BATCH, int(torch.randint(1, LONGEST + 1, (1,), generator=generator)), generator)
        return F.cross_entropy(net(digits).flatten(0, 1), digits.sort(1).values.flatten())

    minimize(torch.optim.AdamW(net.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-2), PEAK_LEARNING_RATE, steps, loss_at)


class Writer(GraphWriter):
    """The operators as PyTorch's exporter spells them where the operator set has no name for them."""

    def linear(self, scope, x):
        """The weight of a Linear is stored [outputs, inputs]; MatMul wants its transpose, which the exporter has written out."""
        weight = self.initializer(f"{scope}.weight", self.state[f"{scope}.weight"].numpy().T)
        return self.node("Add", scope, [self.parameter(f"{scope}.bias"), self.node("MatMul", scope, [x, weight])])

    def layer_norm(self, scope, x):
        centred = self.node("Sub", scope, [x, self.node("ReduceMean", scope, [x], axes=[-1], keepdims=1)])
        squared = self.node("Pow", scope, [centred, self.constant(scope, np.float32(2))])
        variance = self.node("ReduceMean", scope, [squared], axes=[-1], keepdims=1)
        deviation = self.node("Sqrt", scope, [self.node("Add", scope, [variance, self.constant(scope, np.float32(1e-5))])])
        scaled = self.node("Mul", scope, [self.node("Div", scope, [centred, deviation]), self.parameter(f"{scope}.weight")])
        return self.node("Add", scope, [scaled, self.parameter(f"{scope}.bias")])

    def gelu(self, scope, x):
        erf = self.node("Erf", scope, [self.node("Div", scope, [x, self.constant(scope, np.float32(math.sqrt(2)))])])
        twice = self.node("Mul", scope, [x, self.node("Add", scope, [erf, self.constant(scope, np.float32(1))])])
        return self.node("Mul", scope, [twice, self.constant(scope, np.float32(0.5))])

    def size(self, scope, x, axis):
        """x.size(axis), as [1] for a Concat."""
        size = self.node("Gather", scope, [self.node("Shape", scope, [x]), self.constant(scope, np.int64(axis))], axis=0)
        return self.node("Unsqueeze", scope, [size, self.constant(scope, np.array([0]))])

    def reshape(self, scope, x, batch, length, *rest):
        sizes = [batch, length, *(self.constant(scope, np.array([size])) for size in rest)]
        return self.node("Reshape", scope, [x, self.node("Concat", scope, sizes, axis=0)])

    def attention(self, scope, x):
        batch, length = self.size(scope, x, 0), self.size(scope, x, 1)
        heads = lambda name, perm: self.node(
            "Transpose", scope, [self.reshape(scope, self.linear(f"{scope}.{name}", x), batch, length, HEADS, WIDTH // HEADS)], perm=perm
        )
        query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
        scores = self.node("Div", scope, [self.node("MatMul", scope, [query, key]), self.constant(scope, np.float32(math.sqrt(WIDTH // HEADS)))])
        mixed = self.node("MatMul", scope, [self.node("Softmax", scope, [scores], axis=-1), value])
        mixed = self.node("Transpose", scope, [mixed], perm=[0, 2, 1, 3])
        return self.linear(f"{scope}.output", self.reshape(scope, mixed, batch, length, WIDTH))


def build_model(net, metadata):
    """`digits` int64 [batch,length] -> `sorted` int64 [batch,length], `probabilities` float32 [batch,length,10]."""
    g = Writer(net.state_dict())
    scope = "embedding"
    x = g.node("Gather", f"{scope}.digit", [g.parameter(f"{scope}.digit.weight"), "digits"], axis=0)
    ends = [g.constant(scope, np.array([0])), g.size(scope, "digits", 1), g.constant(scope, np.array([0]))]
    x = g.node("Add", scope, [x, g.node("Slice", f"{scope}.place", [g.parameter(f"{scope}.place.weight"), *ends])])
    for i in range(LAYERS):
        scope = f"layers.{i}"
        x = g.node("Add", scope, [x, g.attention(f"{scope}.attention", g.layer_norm(f"{scope}.norm1", x))])
        y = g.gelu(f"{scope}.mlp.act", g.linear(f"{scope}.mlp.up", g.layer_norm(f"{scope}.norm2", x)))
        x = g.node("Add", scope, [x, g.linear(f"{scope}.mlp.down", y)])
    logits = g.linear("head", g.layer_norm("norm", x))
    g.node("Softmax", "head", [logits], output="probabilities", axis=-1)
    g.node("ArgMax", "head", ["probabilities"], output="sorted", axis=-1, keepdims=0, select_last_index=0)
    return g.model(
        "sorting",
        [("digits", INT64, ["batch", "length"])],
        [("sorted", INT64, ["batch", "length"]), ("probabilities", FLOAT, ["batch", "length", DIGITS])],
        f"Sorts digits: digits are 0 to 9, at most {LONGEST} in a row; probabilities are of the digits at each place.",
        metadata,
    )


def measure(model, net, seed):
    """How many sequences of each length ONNX Runtime, its graph optimizations off, sorts without a mistake."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(seed)
    right, difference = {}, 0.0
    for length in range(1, LONGEST + 1):
        digits = draw(1000, length, generator)
        by_onnx, probabilities = session.run(None, {"digits": digits.numpy()})
        right[length] = int((by_onnx == digits.sort(1).values.numpy()).all(1).sum())
        with torch.no_grad():
            difference = max(difference, float(np.abs(F.softmax(net(digits), -1).numpy() - probabilities).max()))
    return session, right, difference


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    repeatable(args.seed)
    net = SortingNet()
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    train(net, args.steps, torch.Generator().manual_seed(args.seed))
    net.eval()

    model = build_model(net, {"seed": str(args.seed), "steps": str(args.steps)})
    session, right, difference = measure(model, net, args.seed + 1)
    total = sum(right.values())
    report = {
        "model": "sorting.onnx",
        "testSequences": 1000 * LONGEST,
        "sortedWithoutMistake": total,
        "accuracy": total / (1000 * LONGEST),
        "ofThousandByLength": right,
        "largestDifferenceFromTorch": difference,
        "steps": args.steps,
        "seed": args.seed,
        "measuredWith": {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__.split("+")[0]},
    }
    onnx.save(model, HERE / "sorting.onnx")
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    for text in ("3141592653", "27182818", "9876543210", "4040404"):
        digits = np.array([[int(each) for each in text]])
        assert session.run(None, {"digits": digits})[0].tolist() == np.sort(digits).tolist(), text
        np.save(samples / f"{text}.npy", digits)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
