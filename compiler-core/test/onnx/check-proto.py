"""Compares importers/onnx/onnx.proto with the descriptors in the Python package `onnx` (pip install onnx).

Prints each message, field or enum value that differs and exits 1, or the number of fields that agree and exits 0.
Needs protoc. Run it when a new IR version comes out.
"""
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2
from onnx import onnx_data_pb2, onnx_ml_pb2

folder = pathlib.Path(__file__).parents[2] / "src/importers/onnx"


def load(files):
    """(message or enum path, member) -> facts, over a list of FileDescriptorProto"""
    facts = {}

    def enums(items, prefix):
        for item in items:
            for value in item.value:
                facts[prefix + item.name, value.name] = value.number

    def messages(items, prefix):
        for item in items:
            path = prefix + item.name
            for field in item.field:
                oneof = item.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
                kind = field.type_name.split(".", 2)[-1] or field.type
                facts[path, field.name] = (field.number, field.label, kind, oneof, field.options.packed)
            enums(item.enum_type, path + ".")
            messages(item.nested_type, path + ".")

    for file in files:
        enums(file.enum_type, "")
        messages(file.message_type, "")
    return facts


theirs = []
for module in (onnx_ml_pb2, onnx_data_pb2):
    proto = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(proto)
    theirs.append(proto)

with tempfile.NamedTemporaryFile() as out:
    subprocess.run(["protoc", "-I", folder, f"--descriptor_set_out={out.name}", folder / "onnx.proto"], check=True)
    ours = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes()).file

a, b = load(theirs), load(ours)
a = {key: fact for key, fact in a.items() if key[0] != "Version"}  # names of IR versions: not part of any file
differences = [f"{'.'.join(key)}: onnx {a.get(key)}, ours {b.get(key)}" for key in sorted({*a, *b}) if a.get(key) != b.get(key)]
print("\n".join(differences) or f"{len(b)} fields and enum values agree")
sys.exit(1 if differences else 0)
