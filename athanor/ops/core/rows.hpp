#pragma once

#include <vector>

#include "athanor/op/op.hpp"

// What the records of ops along one axis share (softmax and its family).
namespace athanor::ops {

/// The meta of x, after a check of the attribute axis.
MetaList infer_rows(std::string_view op, const TensorMeta& x, const Attrs& attrs);
/// Samples of `inputs` tensors of equal shape: innermost, middle and leading axis, an image, a long
/// row, empty ones.
std::vector<Sample> row_samples(SampleMaker& m, int inputs);
/// Axes that must be refused.
std::vector<BadSample> bad_rows(std::string_view op, int inputs);
/// An ONNX node with the attribute axis. Before opset 13 it meant all axes from there on.
OnnxMap onnx_rows(const std::string& type, Tensor (*run)(const Tensor&, std::int64_t));

}  // namespace athanor::ops
