"""Quantizes a float32 ONNX model with onnxruntime.quantization: QuantizeLinear and DequantizeLinear around convolutions and products.

python quantized.py MODEL.onnx OUT.onnx [--activations uint8|int8] [--per-channel] [--seed N] [--runs N] [--dynamic]

With --dynamic products quantize their data when they run (DynamicQuantizeLinear, MatMulInteger), as for transformers. Else calibrated on seeded random inputs: the numbers mean nothing, the graph is the one that deployed models have. Needs onnx and onnxruntime.
"""
import argparse
import os
import tempfile

import numpy
import onnx
import onnx.version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class RandomInputs(CalibrationDataReader):
    def __init__(self, model, seed, runs):
        random = numpy.random.default_rng(seed)
        constants = {i.name for i in model.graph.initializer}
        inputs = [i for i in model.graph.input if i.name not in constants]
        shape = lambda i: [d.dim_value or 1 for d in i.type.tensor_type.shape.dim]
        self.feeds = iter([{i.name: random.standard_normal(shape(i)).astype(numpy.float32) for i in inputs} for _ in range(runs)])

    def get_next(self):
        return next(self.feeds, None)


arguments = argparse.ArgumentParser()
arguments.add_argument("model")
arguments.add_argument("out")
arguments.add_argument("--activations", choices=["uint8", "int8"], default="uint8")
arguments.add_argument("--per-channel", action="store_true")
arguments.add_argument("--seed", type=int, default=1)
arguments.add_argument("--runs", type=int, default=4)
arguments.add_argument("--dynamic", action="store_true")
options = arguments.parse_args()

if options.dynamic:
    quantize_dynamic(options.model, options.out, weight_type=QuantType.QInt8, per_channel=options.per_channel)
    raise SystemExit

with tempfile.TemporaryDirectory() as folder:
    prepared = os.path.join(folder, "prepared.onnx")
    # Batch normalization is folded before, as the tool's guide says.
    quant_pre_process(options.model, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    # A scale for each channel needs operator set 13.
    if any(o.domain in ("", "ai.onnx") and o.version < 13 for o in model.opset_import):
        onnx.save(onnx.version_converter.convert_version(model, 13), prepared)
    quantize_static(
        prepared,
        options.out,
        RandomInputs(onnx.load(prepared), options.seed, options.runs),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8 if options.activations == "uint8" else QuantType.QInt8,
        weight_type=QuantType.QInt8,
        per_channel=options.per_channel,
    )
