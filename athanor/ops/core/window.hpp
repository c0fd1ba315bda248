#pragma once

#include "athanor/op/op.hpp"

// What the records and kernels of convolution and pooling share: windows that slide over [N, C, H,
// W].
namespace athanor::ops {

/// A sliding window, [height, width] each.
struct Window {
  std::int64_t kernel[2] = {1, 1};
  std::int64_t stride[2] = {1, 1};
  std::int64_t padding[2] = {0, 0};
  std::int64_t dilation[2] = {1, 1};

  /// Positions of the window along an axis (0 height, 1 width) of `size`; 0 or less: it does not
  /// fit.
  std::int64_t positions(int axis, std::int64_t size) const {
    const std::int64_t free = size + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
    return free < 0 ? 0 : free / stride[axis] + 1;
  }
};

/// Stride, padding, dilation and groups of a convolution's attributes with its kernel size. Throws
/// ValueError.
Window conv_window(std::string_view op, const Attrs& attrs, std::int64_t kernel_height,
                   std::int64_t kernel_width);
/// Kernel, stride and padding of a pooling's attributes. Throws ValueError; padding may be at most
/// half the kernel, so that every window holds an element.
Window pool_window(std::string_view op, const Attrs& attrs);

/// Output shape [N, channels, positions, positions]. Throws ShapeError when the window does not
/// fit.
Shape window_output(std::string_view op, const TensorMeta& x, const Window& window,
                    std::int64_t channels);

/// A pair such as padding, given as two values. Throws ValueError.
void require_pair(std::string_view op, std::string_view attribute, const Dims& value,
                  std::int64_t least);

// Plain float64 loops: the references of the convolutions. All tensors are row-major f64.
Tensor conv2d_reference(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Window& window, std::int64_t groups);
Tensor conv2d_input_grad_reference(const Tensor& grad, const Tensor& weight, const Shape& x,
                                   const Window& window, std::int64_t groups);
Tensor conv2d_weight_grad_reference(const Tensor& x, const Tensor& grad, const Shape& weight,
                                    const Window& window, std::int64_t groups);

/// A row-major f64 copy, for references.
Tensor as_f64(const Tensor& t);
/// A row-major copy of an f64 tensor in `dtype`.
Tensor as_dtype(const Tensor& t, DType dtype);

/// Symmetric padding of an ONNX Conv or pooling node, one value for each axis of the kernel; when
/// the node pads its sides differently, x is padded with `value` first and the result is 0.
/// Understands pads and auto_pad.
Dims onnx_padding(const OnnxReader& node, Tensor& x, const Dims& kernel, const Dims& stride,
                  const Dims& dilation, double value, bool may_pad);

}  // namespace athanor::ops
