#pragma once

#include "athanor/op/op.hpp"

// What the records of the convolutions that are written with conv2d and its gradient share: any
// number of spatial axes, [N, C, s1, s2, ...].
namespace athanor::ops {

/// A list such as padding, one value for each of `axes` spatial axes. Throws ValueError.
void require_each_axis(std::string_view op, std::string_view attribute, const Dims& value,
                       std::size_t axes, std::int64_t least);

/// Infer of "(x, weight, bias?, stride, padding, dilation, groups)": x [N, C, ...], weight [O, C /
/// groups, ...], bias [O].
MetaList infer_conv(std::string_view op, std::span<const TensorMeta> in, const Attrs& attrs,
                    std::size_t axes);
/// Infer of the same with output_padding: x [N, C, ...], weight [C, O / groups, ...], bias [O].
MetaList infer_conv_transpose(std::string_view op, std::span<const TensorMeta> in,
                              const Attrs& attrs, std::size_t axes);

/// y + bias [O] for each channel; y itself without a bias.
Tensor add_bias(const Tensor& y, const Tensor& bias);
/// A list with another value in front: the attribute of an axis of size 1 that was added.
Dims with_front(std::int64_t value, const Dims& rest);

/// The ONNX nodes Conv and ConvTranspose of a call.
OnnxNames write_conv(OnnxWriter& writer, const OnnxCall& call);
OnnxNames write_conv_transpose(OnnxWriter& writer, const OnnxCall& call);
/// The same read: conv1d, conv2d or conv3d and their transposes, by the rank of the weight.
TensorList read_conv(const OnnxReader& node);
TensorList read_conv_transpose(const OnnxReader& node);

}  // namespace athanor::ops
