#!/bin/sh
# Regenerates onnx_pb.ts from onnx.proto. Needs protoc (Debian: protobuf-compiler) and the workspace's protoc-gen-es.
set -e
cd "$(dirname "$0")"
PATH="../../../../node_modules/.bin:$PATH" protoc -I . onnx.proto \
  --es_out . --es_opt target=ts,erasable_syntax=true,import_extension=ts
