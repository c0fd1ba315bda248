#pragma once

#include <functional>
#include <vector>

#include "athanor/op/op.hpp"

// What the records of scans along one axis share (cumsum and its family).
namespace athanor::ops {

/// The dtype of running sums and products: integers and bool give i64.
DType scan_dtype(DType dtype);

/// Infer of an op "(x, axis, exclusive, reverse)".
MetaList infer_scan(std::string_view op, const TensorMeta& x, const Attrs& attrs);

/// x moved by `by` places along an axis towards its end (its beginning if negative): what leaves is
/// lost, what is free holds `fill`.
Tensor shift_along(const Tensor& x, std::int64_t axis, std::int64_t by, double fill);

/// Every axis, direction and form of a scan over tensors that `make` fills.
std::vector<Sample> scan_samples(SampleMaker& m, const std::function<Tensor(const Shape&)>& make);
/// An axis that must be refused.
std::vector<BadSample> bad_scans(std::string_view op);

}  // namespace athanor::ops
