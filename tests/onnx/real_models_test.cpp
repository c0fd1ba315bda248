#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/graph/executor.hpp"
#include "athanor/graph/passes/passes.hpp"
#include "athanor/io/onnx/onnx.hpp"
#include "npz.hpp"

namespace athanor::io {
namespace {

using testing_support::read_npz;
using testing_support::test_data;

// The largest difference to the arrays that ONNX Runtime gave for the same input.
double largest_difference(const graph::Executor& run, std::map<std::string, Tensor>& arrays) {
  const TensorList outputs = run.run(std::vector<Tensor>{arrays.at("in.input")});
  double largest = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& expected = arrays.at("out." + run.graph().outputs[i].name);
    EXPECT_EQ(outputs[i].shape(), expected.shape()) << run.graph().outputs[i].name;
    const auto a = outputs[i].to_vector<float>(), b = expected.to_vector<float>();
    if (a.size() != b.size()) return INFINITY;
    for (std::size_t k = 0; k < a.size(); ++k)
      largest = std::max(largest, static_cast<double>(std::fabs(a[k] - b[k])));
  }
  return largest;
}

TEST(RealOnnx, UltrafaceGivesTheReferenceOutputs) {
  const Bytes bytes = read_file(test_data("weights/ultraface-RFB-320.onnx"));
  auto arrays = read_npz(test_data("weights/ultraface-RFB-320.ref.npz"));
  OnnxInfo info;
  graph::Graph graph = import_onnx(bytes, {}, &info);
  EXPECT_EQ(info.opset, 9);
  EXPECT_LT(largest_difference(graph::Executor(graph), arrays), 1e-4);
  const std::size_t before = graph.nodes.size();
  graph::optimize(graph);
  EXPECT_EQ(before - graph.nodes.size(), 35u) << "every normalisation goes into its convolution";
  EXPECT_LT(largest_difference(graph::Executor(graph), arrays), 1e-4);
}

TEST(RealOnnx, UltrafaceSurvivesBeingWrittenAgain) {
  const Bytes bytes = read_file(test_data("weights/ultraface-RFB-320.onnx"));
  auto arrays = read_npz(test_data("weights/ultraface-RFB-320.ref.npz"));
  const auto again = export_onnx(import_onnx(bytes));
  EXPECT_LT(largest_difference(graph::Executor(import_onnx(again)), arrays), 1e-4);
}

TEST(RealOnnx, YunetGivesTheReferenceOutputs) {
  const Bytes bytes = read_file(test_data("weights/yunet_n_320_320.onnx"));
  auto arrays = read_npz(test_data("weights/yunet_n_320_320.ref.npz"));
  EXPECT_LT(largest_difference(graph::Executor(import_onnx(bytes)), arrays), 1e-4);
  const auto again = export_onnx(import_onnx(bytes));
  EXPECT_LT(largest_difference(graph::Executor(import_onnx(again)), arrays), 1e-4);
}

TEST(RealOnnx, MissingNodeTypesAreListedAtOnce) {
  Bytes bytes = read_file(test_data("weights/yunet_n_320_320.onnx"));
  // The two nodes Resize under a name that no version of ONNX has.
  const std::string_view known = "\"\x06Resize", unknown = "\"\x06Resist";
  for (auto at = bytes.begin();; at += static_cast<std::ptrdiff_t>(known.size())) {
    at = std::search(at, bytes.end(), known.begin(), known.end());
    if (at == bytes.end()) break;
    std::copy(unknown.begin(), unknown.end(), at);
  }
  try {
    (void)import_onnx(bytes);
    ADD_FAILURE() << "Resist was accepted";
  } catch (const UnsupportedError& error) {
    EXPECT_STREQ(error.what(), "the model uses node types that athanor does not have: Resist (2)");
  }
}

}  // namespace
}  // namespace athanor::io
