"""Makes older-versions.json: one-node models of old operator sets with the outputs of ONNX Runtime (or, where it has
no such kernel, of NumPy), to check how older forms of operators are raised. Run: python3 older-versions.py"""
import base64
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

rng = np.random.default_rng(7)
cases = []


def f(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def i(*values):
    return np.array(values, np.int64)


def case(op, opset, inputs, attributes=None, initializers=(), outputs=1, expect=None):
    names = [f"i{k}" for k in range(len(inputs))]
    node = helper.make_node(op, names, [f"o{k}" for k in range(outputs)], **(attributes or {}))
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64, np.dtype(bool): TensorProto.BOOL, np.dtype(np.int32): TensorProto.INT32}
    constants = [onnx.numpy_helper.from_array(inputs[k], names[k]) for k in initializers]
    given = [k for k in range(len(inputs)) if k not in initializers]
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info(names[k], kinds[inputs[k].dtype], inputs[k].shape) for k in given] + ([] if opset >= 9 else [helper.make_tensor_value_info(names[k], kinds[inputs[k].dtype], inputs[k].shape) for k in initializers]),
        [onnx.ValueInfoProto(name=f"o{k}") for k in range(outputs)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 9 else 8)
    if expect is None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            expect = session.run(None, {names[k]: inputs[k] for k in given})
        except Exception as error:
            print("no kernel:", op, opset, str(error)[:150])
            return
    pack = lambda a: base64.b64encode(onnx.numpy_helper.from_array(np.asarray(a)).SerializeToString()).decode()
    cases.append({
        "name": f"{op}-{opset} {json.dumps(attributes or {})}",
        "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": {names[k]: pack(inputs[k]) for k in given},
        "outputs": [pack(a) for a in expect],
    })


x4 = f(2, 3, 4, 5)
for op in ("Add", "Sub", "Mul", "Div", "Pow"):
    base = abs(x4) + 0.5
    b = abs(f(3)) + 0.5
    fn = dict(Add=np.add, Sub=np.subtract, Mul=np.multiply, Div=np.divide, Pow=np.power)[op]
    case(op, 6 if op != "Pow" else 1, [base, b], dict(broadcast=1, axis=1), expect=[fn(base, b[:, None, None])])
    b = abs(f(4, 5)) + 0.5
    case(op, 6 if op != "Pow" else 1, [base, b], dict(broadcast=1), expect=[fn(base, b)])
    case(op, 7, [base, abs(f(3, 1, 5)) + 0.5])
flags = x4 > 0
m = f(3, 4) > 0
case("And", 1, [flags, m], dict(broadcast=1, axis=1), expect=[np.logical_and(flags, m[:, :, None])])
v = f(4, 5)
case("Greater", 1, [x4, v], dict(broadcast=1), expect=[x4 > v])
case("Sum", 6, [x4, f(2, 3, 4, 5), f(2, 3, 4, 5)])
for axis in (0, 1, 2, 3):
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        case(op, 11 if axis else 9, [x4], dict(axis=axis))
case("Softmax", 9, [f(4, 6)])
case("Softmax", 9, [x4])
case("Softmax", 13, [x4], dict(axis=1))
case("Clip", 6, [x4], dict(min=-0.5, max=0.25))
case("Clip", 6, [x4], dict(max=0.25))
case("Clip", 11, [x4, np.array(-0.5, np.float32), np.array(0.5, np.float32)])
case("Squeeze", 1, [f(1, 3, 1, 2)], dict(axes=[0, 2]))
case("Squeeze", 11, [f(1, 3, 1, 2)], dict(axes=[-2]))
case("Squeeze", 11, [f(1, 3, 1, 2)])
case("Unsqueeze", 1, [f(3, 2)], dict(axes=[0, 3]))
case("Unsqueeze", 11, [f(3, 2)], dict(axes=[-1, 0]))
case("Reshape", 5, [x4, i(0, -1, 5)], initializers=[1])
r = f(2, 6)
case("Reshape", 1, [r], dict(shape=[3, -1]), expect=[r.reshape(3, -1)])
case("Slice", 1, [x4], dict(starts=[0, -3], ends=[2, 1000], axes=[1, 3]))
case("Slice", 1, [x4], dict(starts=[1, 1], ends=[2, -1]))
case("Slice", 10, [x4, i(4, 0), i(-1000, 3), i(3, 2), i(-2, 2)])
case("Pad", 2, [x4], dict(pads=[0, 1, 0, 2, 0, 0, 1, 1], value=1.5))
case("Pad", 2, [x4], dict(pads=[0, 1, 0, 2, 0, 0, 1, 1], mode="reflect"))
case("Pad", 2, [x4], dict(pads=[0, 1, 0, 2, 0, 0, 1, 1], mode="edge"))
p = f(2, 3)
case("Pad", 1, [p], dict(paddings=[0, 1, 2, 0], value=0.5), expect=[np.pad(p, [(0, 2), (1, 0)], constant_values=0.5)])
case("Split", 2, [f(6, 4)], dict(axis=0, split=[1, 2, 3]), outputs=3)
case("Split", 2, [f(6, 4)], dict(axis=0), outputs=3)
case("Split", 13, [f(6, 4), i(2, 4)], outputs=2)
case("Tile", 6, [f(2, 3), i(2, 2)])
case("TopK", 1, [f(4, 6)], dict(k=3, axis=1), outputs=2)
case("TopK", 10, [f(4, 6), i(2)], dict(axis=0), outputs=2)
for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"):
    case(op, 1, [x4], dict(axes=[1, 3]))
    case(op, 11, [x4], dict(axes=[-1], keepdims=0))
    case(op, 11, [x4])
    case(op, 13, [x4, i(-1)] if op == "ReduceSum" else [x4], {} if op == "ReduceSum" else dict(axes=[-1]))
case("ReduceLogSum", 11, [abs(x4)], dict(axes=[2]))
case("ArgMax", 1, [x4], dict(axis=2, keepdims=0))
case("Dropout", 7, [x4], dict(ratio=0.3))
case("Dropout", 10, [x4], dict(ratio=0.3))
case("Dropout", 6, [x4], dict(ratio=0.3, is_test=1), expect=[x4])
bn = [x4, f(3), f(3), f(3), abs(f(3)) + 0.1]
case("BatchNormalization", 7, bn, dict(epsilon=1e-3))
case("BatchNormalization", 9, bn)
shape = lambda a: a.reshape(1, 3, 1, 1)
case("BatchNormalization", 6, bn, dict(is_test=1), expect=[(x4 - shape(bn[3])) / np.sqrt(shape(bn[4]) + 1e-5) * shape(bn[1]) + shape(bn[2])])
per = [x4, f(3, 4, 5), f(3, 4, 5), f(3, 4, 5), abs(f(3, 4, 5)) + 0.1]
case("BatchNormalization", 7, per, dict(spatial=0), expect=[(x4 - per[3]) / np.sqrt(per[4] + 1e-5) * per[1] + per[2]])
case("Gemm", 7, [f(3, 4), f(4, 5), f(5)], dict(alpha=0.5, beta=2.0))
case("Gemm", 9, [f(4, 3), f(5, 4), f(3, 1)], dict(transA=1, transB=1))
a, b, c = f(3, 4), f(4, 5), f(5)
case("Gemm", 6, [a, b, c], dict(broadcast=1), expect=[a @ b + c])
case("MaxPool", 8, [x4], dict(kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0]), outputs=2)
case("MaxPool", 10, [x4], dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1))
case("AveragePool", 7, [x4], dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
case("AveragePool", 10, [x4], dict(kernel_shape=[3, 3], auto_pad="SAME_LOWER", strides=[2, 2]))
case("Upsample", 7, [x4], dict(scales=[1.0, 1.0, 2.0, 3.0], mode="nearest"))
case("Upsample", 7, [x4], dict(scales=[1.0, 1.0, 2.0, 3.0], mode="linear"))
case("Upsample", 9, [x4, np.array([1, 1, 2, 1.5], np.float32)], dict(mode="nearest"), initializers=[1])
case("Upsample", 9, [x4, np.array([1, 1, 2, 1.5], np.float32)], dict(mode="linear"), initializers=[1])
case("Resize", 10, [x4, np.array([1, 1, 2, 3], np.float32)], dict(mode="nearest"), initializers=[1])
case("Resize", 10, [x4, np.array([1, 1, 1.6, 0.6], np.float32)], dict(mode="linear"), initializers=[1])
empty = np.array([], np.float32)
for mode in ("nearest", "linear", "cubic"):
    for ct in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
        case("Resize", 11, [x4, empty, np.array([1, 1, 1.5, 2], np.float32)], dict(mode=mode, coordinate_transformation_mode=ct), initializers=[1, 2])
case("Scatter", 9, [f(3, 3), np.array([[1, 0, 2], [0, 2, 1]], np.int64), f(2, 3)], dict(axis=0))
s = f(3)
case("PRelu", 6, [x4, s], expect=[np.where(x4 < 0, x4 * s[:, None, None], x4)])
case("PRelu", 7, [x4, f(3, 1, 1)])
case("Concat", 4, [f(2, 3), f(2, 4)], dict(axis=1))
u, w = f(2, 3), f(2, 4)
case("Concat", 1, [u, w], expect=[np.concatenate([u, w], 1)])
case("Cast", 6, [x4], dict(to=7))
q = f(2, 3)
case("Cast", 1, [q], dict(to="INT32"), expect=[q.astype(np.int32)])
case("LpPool", 2, [x4], dict(kernel_shape=[2, 2], p=3))
case("GlobalLpPool", 2, [x4], dict(p=3))
case("RoiAlign", 10, [x4, np.array([[0, 0, 3, 3], [1, 1, 4, 2]], np.float32), i(0, 1)], dict(output_height=2, output_width=3, sampling_ratio=2))
case("RoiAlign", 16, [x4, np.array([[0, 0, 3, 3], [1, 1, 4, 2]], np.float32), i(0, 1)], dict(output_height=2, output_width=3, sampling_ratio=0))
case("GridSample", 16, [x4, (f(2, 3, 2, 2) * 0.8).astype(np.float32)], dict(mode="bilinear", padding_mode="reflection"))
case("GridSample", 16, [x4, (f(2, 3, 2, 2) * 0.8).astype(np.float32)], dict(mode="bicubic", padding_mode="border", align_corners=1))
for al in (0, 1):
    for pad in ("zeros", "border", "reflection"):
        for mode in ("bilinear", "bicubic", "nearest"):
            case("GridSample", 16, [x4, (f(2, 3, 2, 2) * 1.2).astype(np.float32)], dict(mode=mode, padding_mode=pad, align_corners=al))
case("Flatten", 9, [x4], dict(axis=2))
case("OneHot", 9, [np.array([[0, 2], [1, -1]], np.int64), np.array([3], np.int64), np.array([0, 1], np.float32)], dict(axis=0))
case("CumSum", 11, [f(3, 4), np.array(1, np.int32)], dict(reverse=1, exclusive=1))
case("ConvTranspose", 1, [f(1, 2, 3, 3), f(2, 2, 3, 3)], dict(strides=[2, 2], output_shape=[6, 6]))
case("ConvTranspose", 1, [f(1, 2, 3, 3), f(2, 2, 3, 3)], dict(strides=[2, 2], auto_pad="SAME_UPPER"))
case("ConvTranspose", 11, [f(1, 4, 3, 3), f(4, 2, 3, 2), f(4)], dict(strides=[2, 1], group=2, dilations=[1, 2], output_padding=[1, 0], pads=[1, 0, 0, 1]))
case("Conv", 1, [f(1, 4, 7, 6), f(6, 2, 3, 2), f(6)], dict(group=2, strides=[2, 1], dilations=[1, 2], pads=[1, 0, 2, 1]))
case("Conv", 11, [f(2, 3, 9), f(4, 3, 3)], dict(auto_pad="SAME_UPPER", strides=[2]))
case("Conv", 11, [f(1, 2, 4, 5, 3), f(3, 2, 2, 3, 2)], dict(auto_pad="SAME_LOWER"))
case("Conv", 11, [f(1, 6, 5, 5), f(6, 1, 3, 3)], dict(group=6, pads=[1, 1, 1, 1]))
case("InstanceNormalization", 6, [x4, f(3), f(3)])
case("LRN", 1, [f(1, 7, 3, 2)], dict(size=5, alpha=0.2, beta=0.5, bias=1.5))
case("LayerNormalization", 17, [x4, f(4, 5), f(4, 5)], dict(axis=2), outputs=3)
case("Einsum", 12, [f(2, 3, 4), f(2, 4, 5)], dict(equation="bij,bjk->bik"))
case("Einsum", 12, [f(3, 3)], dict(equation="ii"))
case("Einsum", 12, [f(2, 3, 4), f(4, 5), f(5, 3)], dict(equation="...ij,jk,kl->...il"))
with open(__file__.replace(".py", ".json"), "w") as out:
    json.dump(cases, out, indent=0)
print(len(cases), "cases")
