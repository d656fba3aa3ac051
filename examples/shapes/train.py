"""Trains a small MobileNet that names shapes, and writes shapes.onnx, its quantized twin, accuracy.json and the pictures.

    python train.py [--epochs N] [--seed N]

Needs the Python packages numpy, onnx, onnxruntime, pillow and torch. One thread; a few minutes. The pictures are drawn here.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from PIL import Image, ImageDraw
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from graph_writer import FLOAT, UINT8, GraphWriter  # noqa: E402
from training import minimize, repeatable  # noqa: E402

SIDE = 32
SHAPES = ("circle", "ring", "triangle", "square", "pentagon", "star", "cross", "heart")
BATCH = 128
PEAK_LEARNING_RATE = 4e-3
# (channels in, inner channels, channels out, stride, squeeze and excite), from the stem on
BLOCKS = ((16, 32, 16, 1, False), (16, 48, 24, 2, False), (24, 72, 24, 1, True), (24, 72, 32, 2, True), (32, 96, 32, 1, True))
HEAD = 96


# --- data ---------------------------------------------------------------------------------------------------------


def outline(shape):
    """Points of the outline around (0, 0), at most 1 away."""
    regular = lambda n, radius=lambda i: 1: [(radius(i) * math.sin(2 * math.pi * i / n), -radius(i) * math.cos(2 * math.pi * i / n)) for i in range(n)]
    if shape in ("circle", "ring"):
        return regular(48)
    if shape == "star":
        return regular(10, lambda i: 1 if i % 2 == 0 else 0.42)
    if shape == "cross":
        a = 0.32
        return [(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a)]
    if shape == "heart":
        at = [2 * math.pi * i / 48 for i in range(48)]
        return [(math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16) for t in at]
    return regular({"triangle": 3, "square": 4, "pentagon": 5}[shape])


def picture(shape, random):
    """One shape of any colour, size, place and turn on a ground of another colour, uint8 [32,32,3]."""
    scale = 4  # drawn large, then made small: smooth edges
    while True:
        ground, ink = random.integers(0, 256, (2, 3))
        if np.abs(ground - ink).sum() > 180:
            break
    radius = random.uniform(0.24, 0.44) * SIDE * scale
    x, y = (random.uniform(radius * 0.95, SIDE * scale - radius * 0.95) for _ in range(2))
    turn, squeeze = random.uniform(-math.pi, math.pi), random.uniform(0.8, 1)
    if shape == "heart":
        turn /= 4
    place = lambda points, size=1: [
        (x + size * radius * (px * math.cos(turn) - squeeze * py * math.sin(turn)), y + size * radius * (px * math.sin(turn) + squeeze * py * math.cos(turn)))
        for px, py in points
    ]
    image = Image.new("RGB", (SIDE * scale, SIDE * scale), tuple(ground.tolist()))
    draw = ImageDraw.Draw(image)
    draw.polygon(place(outline(shape)), fill=tuple(ink.tolist()))
    if shape == "ring":
        draw.polygon(place(outline(shape), random.uniform(0.45, 0.65)), fill=tuple(ground.tolist()))
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return np.clip(pixels + random.normal(0, random.uniform(0, 12), pixels.shape), 0, 255).astype(np.uint8)


def draw_set(count, seed):
    """uint8 [count,32,32,3] and the number of each picture's shape."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(SHAPES)
    return np.stack([picture(SHAPES[label], random) for label in labels]), labels


# --- network ------------------------------------------------------------------------------------------------------


def conv_bn(inputs, outputs, kernel, stride=1, group=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=group, bias=False)
    return nn.ModuleDict({"conv": conv, "bn": nn.BatchNorm2d(outputs)})


class Block(nn.Module):
    """An inverted residual (Sandler et al., MobileNetV2, 2018) with squeeze and excite as in MobileNetV3 (Howard et al., 2019)."""

    def __init__(self, inputs, inner, outputs, stride, squeeze):
        super().__init__()
        self.residual = inputs == outputs and stride == 1
        self.expand, self.depthwise = conv_bn(inputs, inner, 1), conv_bn(inner, inner, 3, stride, inner)
        self.squeeze = nn.ModuleDict({"down": nn.Conv2d(inner, inner // 4, 1), "up": nn.Conv2d(inner // 4, inner, 1)}) if squeeze else None
        self.project = conv_bn(inner, outputs, 1)

    def forward(self, x):
        act = F.hardswish if self.squeeze else F.relu6
        y = act(self.expand.bn(self.expand.conv(x)))
        y = act(self.depthwise.bn(self.depthwise.conv(y)))
        if self.squeeze:
            y = y * F.hardsigmoid(self.squeeze.up(F.relu(self.squeeze.down(y.mean((2, 3), keepdim=True)))))
        y = self.project.bn(self.project.conv(y))
        return x + y if self.residual else y


class ShapesNet(nn.Module):
    """Pictures as [N,32,32,3], 0 to 255 -> logits [N,8]."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, BLOCKS[0][0], 3, 2)
        self.blocks = nn.ModuleList(Block(*each) for each in BLOCKS)
        self.head = conv_bn(BLOCKS[-1][2], HEAD, 1)
        self.fc = nn.Linear(HEAD, len(SHAPES))

    def forward(self, image):
        x = image.permute(0, 3, 1, 2) / 127.5 - 1
        x = F.hardswish(self.stem.bn(self.stem.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(F.hardswish(self.head.bn(self.head.conv(x))).mean((2, 3)))


def train(net, images, labels, epochs):
    images, labels = torch.from_numpy(images).float(), torch.from_numpy(labels)
    steps = len(images) // BATCH
    net.train()
    order = None

    def loss_at(step):
        nonlocal order
        at = (step - 1) % steps
        if at == 0:
            order = torch.randperm(len(images))
        index = order[at * BATCH : (at + 1) * BATCH]
        return F.cross_entropy(net(images[index]), labels[index], label_smoothing=0.05)

    minimize(torch.optim.AdamW(net.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-2), PEAK_LEARNING_RATE, epochs * steps, loss_at, every=steps)


# --- graph --------------------------------------------------------------------------------------------------------


class Writer(GraphWriter):
    def conv_bn(self, scope, x, kernel, stride=1, group=1):
        x = self.conv(f"{scope}.conv", x, kernel, pad=kernel // 2, stride=stride, group=group)
        return self.batch_norm(f"{scope}.bn", x, 1e-5)

    def clip(self, scope, x):
        return self.node("Clip", scope, [x, self.constant(scope, np.float32(0)), self.constant(scope, np.float32(6))])

    def hard_sigmoid(self, scope, x):
        """relu6(x + 3) / 6, as PyTorch's exporter spelled it before the operator set had it."""
        shifted = self.node("Add", scope, [x, self.constant(scope, np.float32(3))])
        return self.node("Div", scope, [self.clip(scope, shifted), self.constant(scope, np.float32(6))])

    def hard_swish(self, scope, x):
        return self.node("Mul", scope, [x, self.hard_sigmoid(scope, x)])

    def block(self, scope, x, inner, stride, squeeze, residual):
        act = self.hard_swish if squeeze else self.clip
        y = act(f"{scope}.expand.act", self.conv_bn(f"{scope}.expand", x, 1))
        y = act(f"{scope}.depthwise.act", self.conv_bn(f"{scope}.depthwise", y, 3, stride, inner))
        if squeeze:
            z = self.node("ReduceMean", f"{scope}.squeeze.pool", [y], axes=[2, 3], keepdims=1)
            z = self.node("Relu", f"{scope}.squeeze.act", [self.conv(f"{scope}.squeeze.down", z, 1, bias=True)])
            z = self.hard_sigmoid(f"{scope}.squeeze.gate", self.conv(f"{scope}.squeeze.up", z, 1, bias=True))
            y = self.node("Mul", f"{scope}.squeeze", [y, z])
        y = self.conv_bn(f"{scope}.project", y, 1)
        return self.node("Add", scope, [x, y]) if residual else y


def build_model(net, metadata):
    """`image` uint8 [1,32,32,3] as a decoder gives it -> `probabilities` float32 [1,8]."""
    g = Writer(net.state_dict())
    scope = "preprocess"
    x = g.node("Cast", scope, ["image"], to=FLOAT)
    x = g.node("Transpose", scope, [x], perm=[0, 3, 1, 2])
    x = g.node("Div", scope, [x, g.constant(scope, np.float32(127.5))])
    x = g.node("Sub", scope, [x, g.constant(scope, np.float32(1))])
    x = g.hard_swish("stem.act", g.conv_bn("stem", x, 3, 2))
    for i, (block, (_, inner, _, stride, squeeze)) in enumerate(zip(net.blocks, BLOCKS)):
        x = g.block(f"blocks.{i}", x, inner, stride, squeeze, block.residual)
    x = g.hard_swish("head.act", g.conv_bn("head", x, 1))
    x = g.node("ReduceMean", "head.pool", [x], axes=[2, 3], keepdims=1)
    x = g.node("Flatten", "head.flatten", [x], axis=1)
    x = g.node("Gemm", "fc", [x, g.parameter("fc.weight"), g.parameter("fc.bias")], alpha=1.0, beta=1.0, transA=0, transB=1)
    g.node("Softmax", "softmax", [x], output="probabilities", axis=1)
    return g.model(
        "shapes",
        [("image", UINT8, [1, SIDE, SIDE, 3])],
        [("probabilities", FLOAT, [1, len(SHAPES)])],
        f"Names shapes: image is 32 x 32 pixels of red, green and blue, 0 to 255; probabilities are of {', '.join(SHAPES)}.",
        metadata,
    )


class Calibration(CalibrationDataReader):
    def __init__(self, images):
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def quantize(model, images):
    """Weights and values as int8 with QuantizeLinear and DequantizeLinear around each product, as ONNX Runtime's tool writes them."""
    with tempfile.TemporaryDirectory() as scratch:
        plain, quantized = f"{scratch}/plain.onnx", f"{scratch}/quantized.onnx"
        options = onnxruntime.SessionOptions()
        # BatchNormalizations go into Convs first: their scales are the quantized weights'.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = plain
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        quantize_static(
            plain, quantized, Calibration(images), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Gemm", "Add", "Clip", "ReduceMean"],
        )
        quantized = onnx.load(quantized)
    quantized.producer_name, quantized.graph.name = "graphwright-examples", "shapes-int8"
    quantized.graph.doc_string = model.graph.doc_string
    onnx.checker.check_model(quantized, full_check=True)
    return quantized


# --- measuring and writing ----------------------------------------------------------------------------------------


def onnx_probabilities(model, images):
    """Runs every picture through ONNX Runtime with its graph optimizations off, so that the file itself is measured."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--images", type=int, default=16000)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    repeatable(args.seed)

    train_images, train_labels = draw_set(args.images, args.seed)
    test_images, test_labels = draw_set(2000, args.seed + 1)
    net = ShapesNet()
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    train(net, train_images, train_labels, args.epochs)
    net.eval()

    model = build_model(net, {"seed": str(args.seed), "epochs": str(args.epochs)})
    quantized = quantize(model, train_images[:400])
    with torch.no_grad():
        by_torch = F.softmax(net(torch.from_numpy(test_images).float()), dim=1).numpy()
    by_onnx, by_quantized = onnx_probabilities(model, test_images), onnx_probabilities(quantized, test_images)
    correct = lambda probabilities: int((probabilities.argmax(1) == test_labels).sum())
    report = {
        "testImages": len(test_labels),
        "correct": {"shapes.onnx": correct(by_onnx), "shapes-int8.onnx": correct(by_quantized)},
        "accuracy": {"shapes.onnx": correct(by_onnx) / len(test_labels), "shapes-int8.onnx": correct(by_quantized) / len(test_labels)},
        "largestDifferenceFromTorch": float(np.abs(by_onnx - by_torch).max()),
        "trainImages": len(train_labels),
        "epochs": args.epochs,
        "seed": args.seed,
        "measuredWith": {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__.split("+")[0]},
    }
    onnx.save(model, HERE / "shapes.onnx")
    twin = HERE.parent / "shapes-int8"
    twin.mkdir(exist_ok=True)
    onnx.save(quantized, twin / "shapes-int8.onnx")
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    for folder in (HERE / "images", twin / "images"):
        folder.mkdir(exist_ok=True)
        for label, shape in enumerate(SHAPES):
            index = int(np.flatnonzero((test_labels == label) & (by_onnx.argmax(1) == label) & (by_quantized.argmax(1) == label))[0])
            Image.fromarray(test_images[index]).save(folder / f"{shape}.png", optimize=True)
            np.save(folder / f"{shape}.npy", test_images[index][None])
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
