"""Writes a trained DigitsNet as an ONNX graph (../graph_writer.py)."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from graph_writer import FLOAT, GraphWriter  # noqa: E402


class DigitsWriter(GraphWriter):
    def max_pool(self, scope, x):
        return self.node(
            "MaxPool", scope, [x], ceil_mode=0, dilations=[1, 1], kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2]
        )

    def pooled_features(self, scope, x):
        """[1,C,H,W] -> [1,C]."""
        x = self.node("GlobalAveragePool", f"{scope}.pool", [x])
        return self.node("Flatten", f"{scope}.flatten", [x], axis=1)


def build_model(net, metadata):
    """Returns the checked ModelProto of `net`.

    `image` float32 [1,1,28,28], 0 (paper) to 255 (ink) -> `probabilities` float32 [1,10] of the digits 0 to 9.
    """
    g = DigitsWriter(net.state_dict())
    epsilon = net.stem.bn.eps

    x = g.node("Div", "preprocess", ["image", g.constant("preprocess", np.float32(255))])
    x = g.node("Sub", "preprocess", [x, g.constant("preprocess", np.float32(net.mean))])
    x = g.node("Div", "preprocess", [x, g.constant("preprocess", np.float32(net.std))])

    x = g.conv("stem.conv", x, 5)
    x = g.batch_norm("stem.bn", x, epsilon)
    x = g.node("Relu", "stem.relu", [x])
    x = g.max_pool("stem.pool", x)

    x = g.conv("conv2.conv", x, 3, pad=1, bias=True)
    x = g.batch_norm("conv2.bn", x, epsilon, affine=False)
    per_channel = np.array([1, -1, 1, 1], np.int64)
    scope = "conv2.scale"
    gain = g.node("Reshape", scope, [g.parameter(f"{scope}.gain"), g.constant(scope, per_channel)])
    x = g.node("Mul", scope, [x, gain])
    shift = g.node("Reshape", scope, [g.parameter(f"{scope}.shift"), g.constant(scope, per_channel)])
    x = g.node("Add", scope, [x, shift])
    x = g.node("Relu", "conv2.relu", [x])
    x = g.max_pool("conv2.pool", x)

    block = x
    x = g.conv("block1.conv1", block, 3, pad=1)
    x = g.batch_norm("block1.bn1", x, epsilon)
    x = g.node("Relu", "block1.relu1", [x])
    x = g.conv("block1.conv2", x, 3, pad=1)
    x = g.batch_norm("block1.bn2", x, epsilon)
    shortcut = g.node("Identity", "block1.shortcut", [block])
    x = g.node("Add", "block1", [x, shortcut])
    x = g.node("Relu", "block1.relu2", [x])

    # The auxiliary classifier serves training only: its result is no graph output, these three nodes are dead.
    aux = g.pooled_features("aux", x)
    g.node(
        "Gemm", "aux.fc", [aux, g.parameter("aux.fc.weight"), g.parameter("aux.fc.bias")],
        alpha=1.0, beta=1.0, transA=0, transB=1,
    )

    # Each branch of block2 pools its own input: the two MaxPools are equal.
    block = x
    x = g.max_pool("block2.pool", block)
    x = g.conv("block2.conv", x, 3, pad=1)
    x = g.batch_norm("block2.bn", x, epsilon)
    shortcut = g.max_pool("block2.shortcut.pool", block)
    shortcut = g.conv("block2.shortcut.conv", shortcut, 1)
    shortcut = g.batch_norm("block2.shortcut.bn", shortcut, epsilon)
    x = g.node("Add", "block2", [x, shortcut])
    x = g.node("Relu", "block2.relu", [x])

    x = g.pooled_features("head", x)
    ratio = g.initializer("head.dropout.ratio", np.array(net.head.dropout.p, np.float32))
    training_mode = g.initializer("head.dropout.training_mode", np.array(False))
    x = g.node("Dropout", "head.dropout", [x, ratio, training_mode])
    gain = g.constant("head.fc", np.float32(net.head.fc.gain))
    weight = g.node("Mul", "head.fc", [g.parameter("head.fc.weight"), gain])
    x = g.node("Gemm", "head.fc", [x, weight, g.parameter("head.fc.bias")], alpha=1.0, beta=1.0, transA=0, transB=1)
    g.node("Softmax", "head.softmax", [x], output="probabilities", axis=1)

    return g.model(
        "digits",
        [("image", FLOAT, [1, 1, 28, 28])],
        [("probabilities", FLOAT, [1, 10])],
        "Handwritten digits (MNIST): image is 0 (paper) to 255 (ink), probabilities are of the digits 0 to 9.",
        metadata,
    )
