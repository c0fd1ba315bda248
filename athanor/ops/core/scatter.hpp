#pragma once

#include <functional>
#include <vector>

#include "athanor/op/op.hpp"

// What the records of scatter, scatter_add and scatter_max share: "(x, index, source, axis)".
namespace athanor::ops {

MetaList infer_scatter(std::string_view op, std::span<const TensorMeta> in, const Attrs& attrs);

/// Plain loops in the order of source: `meet(a, b)` is what becomes of a when b arrives.
Tensor reference_scatter(std::string_view op, std::span<const Tensor> in, const Attrs& attrs,
                         const std::function<double(double, double)>& meet);

/// Every rank and axis, negative indices, places that several elements meet in. `make` fills x
/// (first) and source.
std::vector<Sample> scatter_samples(
    SampleMaker& m, const std::function<TensorList(const Shape&, const Shape&)>& make);
/// Indices and shapes that must be refused.
std::vector<BadSample> bad_scatters(std::string_view op);

/// ONNX's ScatterElements with that reduction.
OnnxTo onnx_scatter(const std::string& reduction);

}  // namespace athanor::ops
