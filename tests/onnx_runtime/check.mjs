// Runs the ONNX model of every op and sample with ONNX Runtime and compares with what athanor computed.
//
//   ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts --prefix tests/onnx_runtime     (once)
//   node tests/onnx_runtime/check.mjs build/release/bin/test_op_suite
//
// The switch keeps the package from looking for a GPU provider; the CPU library is in it already.
// Exit code 0: all agree to 1e-4; 1: at least one does not; 2: it could not be tried.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const TOLERANCE = 1e-4;
// What each dtype is in ONNX Runtime: its name, and how its bytes are read.
const TYPES = {
  f32: ["float32", Float32Array],
  f64: ["float64", Float64Array],
  i64: ["int64", BigInt64Array],
  i32: ["int32", Int32Array],
  i8: ["int8", Int8Array],
  u8: ["uint8", Uint8Array],
  bool: ["bool", Uint8Array],
};

function giveUp(text) {
  console.error(text);
  process.exit(2);
}

function array(entry, data) {
  const [, Type] = TYPES[entry.dtype] ?? giveUp(`no ONNX Runtime type for ${entry.dtype}`);
  return new Type(data.buffer, data.byteOffset + entry.offset, entry.bytes / Type.BYTES_PER_ELEMENT);
}

// How the result differs from what was expected, or nothing.
function difference(entry, expected, result, tolerance) {
  if (!result) return "is not there";
  if (result.type !== TYPES[entry.dtype][0]) return `is ${result.type}, not ${TYPES[entry.dtype][0]}`;
  // A reduction of an empty tensor keeps its input's shape in ONNX Runtime; nothing is in it either way.
  if (entry.bytes === 0 && result.data.length === 0) return "";
  if (result.dims.join() !== entry.shape.join()) return `has shape [${result.dims}], not [${entry.shape}]`;
  const floating = entry.dtype.startsWith("f");
  let largest = 1;
  if (floating) for (const v of expected) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
  for (let i = 0; i < expected.length; ++i) {
    const a = result.data[i], b = expected[i];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (floating && Math.abs(a - b) <= tolerance * largest) continue;
    return `element ${i} is ${a}, athanor has ${b}`;
  }
  return "";
}

const program = process.argv[2] ?? giveUp("usage: node check.mjs PATH/TO/test_op_suite");
if (!existsSync(join(here, "node_modules", "onnxruntime-node")))
  giveUp(`ONNX Runtime is missing: run "ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts --prefix ${here}"`);
const { default: ort } = await import("onnxruntime-node");

const folder = mkdtempSync(join(tmpdir(), "athanor-onnx-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const written = spawnSync(program, ["--gtest_filter=OnnxCases.*"], {
  env: { ...process.env, ATHANOR_ONNX_CASES: folder },
  encoding: "utf8",
});
if (written.status !== 0) giveUp(`the models could not be written:\n${written.stdout}${written.stderr}`);

const exported = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
// ONNX Runtime 1.30 is no judge of empty tensors: it gives 0 for the mean of nothing, keeps a reduced axis, and ends the
// process with a division by zero. The op suite checks them by itself.
const cases = exported.filter((one) => one.inputs.every((input) => input.bytes > 0));
const ops = new Set();
let failures = 0;
for (const one of cases) {
  const op = one.stem.slice(0, one.stem.lastIndexOf("-"));
  ops.add(op);
  const data = readFileSync(join(folder, `${one.stem}.bin`));
  const aligned = new Uint8Array(data); // an own buffer: typed arrays need an aligned start
  try {
    const session = await ort.InferenceSession.create(join(folder, `${one.stem}.onnx`), {
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    const feeds = {};
    for (const input of one.inputs)
      feeds[input.name] = new ort.Tensor(TYPES[input.dtype][0], array(input, aligned), input.shape);
    const results = await session.run(feeds);
    for (const output of one.outputs) {
      const text = difference(output, array(output, aligned), results[output.name], TOLERANCE * Math.max(1, one.tolerance));
      if (!text) continue;
      ++failures;
      console.log(`${one.name}: ${output.name} ${text}`);
    }
    await session.release();
  } catch (error) {
    ++failures;
    console.log(`${one.name}: ${String(error.message ?? error).split("\n")[0]}`);
  }
}
console.log(`ONNX Runtime: ${ops.size} ops, ${cases.length} models, ${failures} disagree, ${exported.length - cases.length} with empty inputs not asked`);
process.exit(failures ? 1 : 0);
