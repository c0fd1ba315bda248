#pragma once

#include "athanor/ops/core/window.hpp"

// Plain loops of the pooling records.
namespace athanor::ops {

/// For each output of max_pool2d, row-major: the row-major position in x of the element that wins,
/// the first of equal ones, or the first NaN.
std::vector<std::int64_t> max_positions(const Tensor& x, const Window& window);

/// Calls f(row-major position in x, row-major position in y) for every element of every window.
template <class F>
void for_each_window_element(const Shape& x, const Shape& y, const Window& k, F f) {
  for (std::int64_t plane = 0; plane < y[0] * y[1]; ++plane)
    for (std::int64_t oh = 0; oh < y[2]; ++oh)
      for (std::int64_t ow = 0; ow < y[3]; ++ow)
        for (std::int64_t i = 0; i < k.kernel[0]; ++i)
          for (std::int64_t j = 0; j < k.kernel[1]; ++j) {
            const std::int64_t ih = oh * k.stride[0] - k.padding[0] + i * k.dilation[0];
            const std::int64_t iw = ow * k.stride[1] - k.padding[1] + j * k.dilation[1];
            if (ih < 0 || ih >= x[2] || iw < 0 || iw >= x[3]) continue;
            f((plane * x[2] + ih) * x[3] + iw, (plane * y[2] + oh) * y[3] + ow);
          }
}

/// How many elements the mean of each position of an axis divides by.
std::vector<std::int64_t> window_counts(const Window& window, int axis, std::int64_t size,
                                        bool include_padding);

/// Throws unless x of `height` x `width` pools to grad's shape; gives x's shape.
MetaList infer_pool_grad(std::string_view op, const TensorMeta& grad, const Attrs& attrs,
                         std::int64_t height, std::int64_t width);

/// Kernel, strides, pads of an ONNX pooling node.
OnnxAttrs onnx_pool_attrs(const Attrs& attrs);
/// The same read back; x may be padded. Throws UnsupportedError for what the op cannot express.
struct OnnxPool {
  Tensor x;
  Dims kernel, stride, padding;
};
OnnxPool read_onnx_pool(const OnnxReader& node, double pad_value, bool may_pad);

}  // namespace athanor::ops
