#pragma once

#include "athanor/op/op.hpp"

// What the records of elementwise losses share.
namespace athanor::ops {

/// Infer of "(x, target, ..., reduction)": equal shapes and dtypes, the shape after the reduction.
MetaList infer_loss(std::string_view op, std::string_view x, std::span<const TensorMeta> in,
                    const Attrs& attrs);
/// The elements' losses reduced as the attribute reduction says.
TensorList reduce_loss(const Tensor& losses, const Attrs& attrs);
std::vector<Sample> loss_samples(SampleMaker& m, double low, double high, double target_low,
                                 double target_high);
std::vector<BadSample> bad_losses(std::string_view op, std::string_view x);

}  // namespace athanor::ops
