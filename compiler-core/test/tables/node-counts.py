"""Writes docs/node-counts.md: nodes of real networks before and after Graphwright and other tools, on the same files.

    python3 compiler-core/test/tables/node-counts.py [-o docs/node-counts.md] [--only resnet50,...] [--model FILE ...]

Needs Python with onnx, onnxruntime, onnxsim, onnxslim (a tool that is not installed gets an empty column), Node, and the
light networks of the onnx project in the shared folder (GRAPHWRIGHT_SHARED). Each tool runs in a process of its own.
Nodes are counted in the main graph and in all bodies; Constant nodes, which other tools write as initializers, are not.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[3]
light = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]
limit_seconds = 1200

count_source = """
import onnx, sys
def count(graph):
    total = 0
    for node in graph.node:
        total += node.op_type != "Constant"
        for attribute in node.attribute:
            total += count(attribute.g) if attribute.HasField("g") else 0
            total += sum(count(g) for g in attribute.graphs)
    return total
def operators(graph):
    return sorted({node.op_type if node.domain in ("", "ai.onnx") else node.domain + "." + node.op_type for node in graph.node})
"""

ort_source = """
import onnxruntime as ort, sys
options = ort.SessionOptions()
options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, sys.argv[3])
options.optimized_model_filepath = sys.argv[2]
options.log_severity_level = 3
ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
"""

tools = {
    "ONNX Runtime basic": ("onnxruntime", ort_source, ["ORT_ENABLE_BASIC"]),
    "extended": ("onnxruntime", ort_source, ["ORT_ENABLE_EXTENDED"]),
    "all": ("onnxruntime", ort_source, ["ORT_ENABLE_ALL"]),
    "onnxsim": ("onnxsim", "import onnx, onnxsim, sys\nmodel, ok = onnxsim.simplify(sys.argv[1])\nassert ok\nonnx.save(model, sys.argv[2])", []),
    "onnxoptimizer": ("onnxoptimizer", "import onnx, onnxoptimizer, sys\nonnx.save(onnxoptimizer.optimize(onnx.load(sys.argv[1]), onnxoptimizer.get_fuse_and_elimination_passes()), sys.argv[2])", []),
    "OnnxSlim": ("onnxslim", "import onnxslim, sys\nonnxslim.slim(sys.argv[1], sys.argv[2])", []),
}


def run(arguments, **more):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=limit_seconds, cwd=root, **more)


def counted(path):
    result = run([sys.executable, "-c", count_source + "model = onnx.load(sys.argv[1], load_external_data=False)\nimport json\nprint(json.dumps([count(model.graph), operators(model.graph)]))", str(path)])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    return json.loads(result.stdout)


def version(package):
    result = run([sys.executable, "-c", f"import importlib.metadata as m; print(m.version('{package}'))"])
    return result.stdout.strip() if result.returncode == 0 else None


def measure(name, path, folder):
    row = {"name": name, "before": counted(path)[0]}
    for label, (package, source, extra) in tools.items():
        if version(package) is None:
            row[label] = None
            continue
        output = folder / "other.onnx"
        output.unlink(missing_ok=True)
        result = run([sys.executable, "-c", source, str(path), str(output), *extra])
        if result.returncode != 0:
            print(f"{name}: {label} failed: {(result.stderr or result.stdout).strip().splitlines()[-1:]}", file=sys.stderr)
            row[label] = "failed"
            continue
        count, operators = counted(output)
        row[label] = count
        row[label + " nonstandard"] = [op for op in operators if "." in op]
    output = folder / "ours.onnx"
    output.unlink(missing_ok=True)
    result = run(["node", "app/bin/graphwright.mjs", "optimize", str(path), "-o", str(output), "--json"])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    row["groups"] = json.loads(result.stdout)["after"]["nodes"]
    row["standard"] = counted(output)[0]
    output.unlink()
    return row


def light_file(name):
    result = run(["node", "compiler-core/test/fixtures/light.mjs", name])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    return pathlib.Path(result.stdout.strip().splitlines()[-1])


def note(row, reasons):
    """What stands beside a row where ours is above the best of the others."""
    standard = [label for label in tools if isinstance(row[label], int) and not row[label + " nonstandard"]]
    best = min((row[label] for label in standard), default=None)
    runtime = min((row[label] for label in ("ONNX Runtime basic", "extended", "all") if isinstance(row[label], int)), default=None)
    parts = []
    if best is not None and row["standard"] > best:
        who = next(label for label in standard if row[label] == best)
        parts.append(f"{row['standard'] - best} above {who} as standard ONNX: {reasons.get(row['name'] + ' standard', 'not explained yet')}")
    if runtime is not None and row["groups"] > runtime:
        parts.append(f"{row['groups'] - runtime} above ONNX Runtime with groups: {reasons.get(row['name'] + ' groups', 'not explained yet')}")
    return "; ".join(parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default=str(root / "docs/node-counts.md"))
    parser.add_argument("--only")
    parser.add_argument("--model", action="append", default=[], help="further model files")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else light
    reasons_file = pathlib.Path(__file__).with_name("node-counts-reasons.json")
    reasons = json.loads(reasons_file.read_text()) if reasons_file.exists() else {}
    rows = []
    with tempfile.TemporaryDirectory(prefix="graphwright-counts-") as folder:
        for name in names:
            rows.append(measure(name, light_file(name), pathlib.Path(folder)))
            print(json.dumps(rows[-1]), file=sys.stderr)
        for path in arguments.model:
            rows.append(measure(pathlib.Path(path).stem, pathlib.Path(path).resolve(), pathlib.Path(folder)))
            print(json.dumps(rows[-1]), file=sys.stderr)

    def cell(row, label):
        value = row[label]
        if value is None:
            return ""
        return f"{value}*" if row.get(label + " nonstandard") else str(value)

    labels = [label for label in tools if any(row[label] is not None for row in rows)]
    heads = ["network", "shipped", *labels, "Graphwright, standard ONNX", "Graphwright, fused groups"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["--:"] * (len(heads) - 1)) + "|"]
    for row in rows:
        lines.append("| " + " | ".join([row["name"], str(row["before"]), *(cell(row, label) for label in labels), f"**{row['standard']}**", f"**{row['groups']}**"]) + " |")
    notes = [f"- **{row['name']}**: {text}" for row in rows if (text := note(row, reasons))]
    versions = ", ".join(f"{package} {version(package)}" for package in ("onnxruntime", "onnxsim", "onnxoptimizer", "onnxslim") if version(package))
    document = f"""# Nodes before and after

Written by `python3 compiler-core/test/tables/node-counts.py`, every tool on the same files: the light networks of the onnx
project with every weight replaced by a seeded, distinct tensor (`node compiler-core/test/fixtures/light.mjs`), since equal
weights would let tools merge what is not equal. Nodes are counted in the main graph and all bodies, Constant nodes left out.
{versions}; Graphwright's default pipeline.

{chr(10).join(lines)}

\\* holds operators that are not standard ONNX (fused contrib operators or blocked layouts): the file runs in ONNX Runtime
only. "Standard ONNX" is what `graphwright optimize` writes, which any runtime can read; "fused groups" counts a group that
Graphwright lowers to one kernel as one node, which is what ONNX Runtime's fused operators are.

{chr(10).join(["Where Graphwright is above the best of the others:", "", *notes]) if notes else "Graphwright is nowhere above the best of the others: neither as standard ONNX beside standard ONNX, nor with groups beside ONNX Runtime's best level."}
"""
    pathlib.Path(arguments.o).write_text(document)
    print(f"{arguments.o}: {len(rows)} networks", file=sys.stderr)


if __name__ == "__main__":
    main()
