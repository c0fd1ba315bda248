#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/io/onnx/onnx.hpp"
#include "athanor/op/dispatch.hpp"
#include "graph_of.hpp"
#include "suite.hpp"

// Writes what a judge from outside needs (tests/onnx_runtime/check.mjs): every f32 sample of every
// op that has an ONNX form, as a model, and its inputs and outputs as raw bytes.
namespace athanor::op_suite {
namespace {

nlohmann::json append(const Tensor& tensor, Bytes& data) {
  nlohmann::json entry;
  entry["dtype"] = name_of(tensor.dtype());
  entry["shape"] = std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end());
  entry["offset"] = data.size();
  const Bytes bytes = tensor.to_bytes();
  entry["bytes"] = bytes.size();
  data.insert(data.end(), bytes.begin(), bytes.end());
  data.resize((data.size() + 7) / 8 * 8);  // typed arrays want aligned starts
  return entry;
}

TEST(OnnxCases, AreWrittenForAnOutsideJudge) {
  const char* folder = std::getenv("ATHANOR_ONNX_CASES");
  if (!folder) GTEST_SKIP() << "set ATHANOR_ONNX_CASES to a folder to write the models there";
  const NoGrad no_grad;
  nlohmann::json cases = nlohmann::json::array();
  for (const OpDef& op : registry()) {
    if (op.onnx.kind == OnnxMap::Kind::none || !contains(op.dtypes, DType::f32)) continue;
    for (Call call : calls(op, DType::f32)) {
      if (!op.onnx.refusal(call.sample.attrs).empty()) continue;
      call.widened = true;
      SCOPED_TRACE(call.name());
      const std::string stem = fmt::format("{}-{}", op.name, call.index);
      const auto model = io::export_onnx(graph_of(call));
      Bytes data;
      nlohmann::json entry{{"name", call.name()},
                           {"stem", stem},
                           {"tolerance", op.tolerance},
                           {"inputs", nlohmann::json::array()},
                           {"outputs", nlohmann::json::array()}};
      for (std::size_t i = 0; i < call.sample.inputs.size(); ++i) {
        if (!call.sample.inputs[i].defined()) continue;
        entry["inputs"].push_back(append(call.sample.inputs[i], data));
        entry["inputs"].back()["name"] = fmt::format("in_{}", i);
      }
      const TensorList outputs = call.run();
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        entry["outputs"].push_back(append(outputs[i], data));
        entry["outputs"].back()["name"] = i == 0 ? "output" : fmt::format("output_{}", i);
      }
      const std::filesystem::path base = std::filesystem::path(folder) / stem;
      write_file_atomic(base.string() + ".onnx", model);
      write_file_atomic(base.string() + ".bin", data);
      cases.push_back(std::move(entry));
    }
  }
  EXPECT_FALSE(cases.empty());
  write_file_atomic(std::filesystem::path(folder) / "cases.json", cases.dump(1));
}

}  // namespace
}  // namespace athanor::op_suite
