#pragma once

#include <functional>
#include <vector>

#include "athanor/op/op.hpp"

// What the records of reductions over axes share.
namespace athanor::ops {

/// Infer of an op "(x, axes, keep)" whose output has the dtype `dtype`. `needs_elements`: an empty
/// reduction is refused with ValueError.
MetaList infer_reduction(std::string_view op, const TensorMeta& x, const Attrs& attrs, DType dtype,
                         bool needs_elements = false);

/// A reduced tensor with the reduced axes put back as size 1, so that it broadcasts against x.
Tensor keep_axes(const Tensor& reduced, std::size_t rank, const Attrs& attrs, std::string_view op);

/// Elements that one output sums up. Throws ShapeError where that is known only at run time.
double reduced_count(const Shape& shape, const Attrs& attrs, std::string_view op);

/// Plain loops: f of the values that each output sums up, in row-major order.
Tensor reference_reduction(const Tensor& x, const Attrs& attrs, DType dtype, std::string_view op,
                           const std::function<double(const std::vector<double>&)>& f);

/// Shapes and axes that every reduction must get right: all, one, several, the leading ones, kept
/// axes, rank 0. `empty`: samples without elements too.
std::vector<Sample> reduction_samples(SampleMaker& m, bool empty,
                                      const std::function<Tensor(const Shape&)>& make);
/// The same for ops with the attribute correction.
std::vector<Sample> variance_samples(SampleMaker& m);
/// Axes that must be refused.
std::vector<BadSample> bad_reductions(std::string_view op);

/// ONNX node `type` with the axes as input (`axes_input`) or attribute, after a cast to `dtype`
/// where the dtype differs.
OnnxTo onnx_reduction(const std::string& type, bool axes_input, std::string_view op,
                      DType (*result)(DType));
/// Reads such a node as `run(x, axes, keep)`.
OnnxFrom from_onnx_reduction(Tensor (*run)(const Tensor&, const Dims&, bool));

}  // namespace athanor::ops
