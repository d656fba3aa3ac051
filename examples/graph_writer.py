"""Writes ONNX graphs node by node, one node per operation and nothing fused.

The graphs are built so instead of by torch.onnx, whose exporters fold or rename part of what the examples are meant to
show, differently from one version to the next. Names follow the convention of the PyTorch exporter: a node is
`/scope/Op`, its value `/scope/Op_output_0`, a parameter `scope.weight`.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # the version that belongs to opset 17
BOOL, FLOAT, INT64, UINT8 = TensorProto.BOOL, TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8


class GraphWriter:
    """Collects nodes and initializers in execution order."""

    def __init__(self, state):
        self.state = state
        self.nodes = []
        self.initializers = {}

    def node(self, op, scope, inputs, output=None, **attributes):
        """Adds `op` under the dotted `scope`; returns the name of its output."""
        path = f"/{scope.replace('.', '/')}/{op}"
        taken = {node.name for node in self.nodes}
        name = next(n for n in (path, *(f"{path}_{i}" for i in range(1, 100))) if n not in taken)
        output = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def constant(self, scope, value):
        """Adds a Constant node that holds `value`, as exporters write literals of the source."""
        return self.node("Constant", scope, [], value=numpy_helper.from_array(np.asarray(value)))

    def parameter(self, name):
        """Adds the trained tensor `name` as an initializer."""
        return self.initializer(name, self.state[name].detach().cpu().numpy())

    def initializer(self, name, value):
        self.initializers[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def conv(self, scope, x, kernel, pad=0, bias=False, stride=1, group=1):
        names = [f"{scope}.weight"] + ([f"{scope}.bias"] if bias else [])
        return self.node(
            "Conv", scope, [x, *map(self.parameter, names)],
            dilations=[1, 1], group=group, kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2,
        )

    def batch_norm(self, scope, x, epsilon, affine=True):
        """BatchNormalization in inference mode. Without `affine`, scale is 1 and bias 0, as Caffe splits it."""
        mean, var = self.parameter(f"{scope}.running_mean"), self.parameter(f"{scope}.running_var")
        if affine:
            scale, bias = self.parameter(f"{scope}.weight"), self.parameter(f"{scope}.bias")
        else:
            channels = self.state[f"{scope}.running_mean"].shape[0]
            scale = self.initializer(f"{scope}.weight", np.ones(channels, np.float32))
            bias = self.initializer(f"{scope}.bias", np.zeros(channels, np.float32))
        return self.node(
            "BatchNormalization", scope, [x, scale, bias, mean, var], epsilon=epsilon, momentum=0.9, training_mode=0
        )

    def model(self, name, inputs, outputs, doc, metadata):
        """The checked ModelProto. `inputs` and `outputs`: (name, TensorProto type, sizes; a text is a size known at run time)."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(*each) for each in inputs],
            [helper.make_tensor_value_info(*each) for each in outputs],
            list(self.initializers.values()),
            doc_string=doc,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="graphwright-examples",
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model


