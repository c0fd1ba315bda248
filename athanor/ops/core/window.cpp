#include "athanor/ops/core/window.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

void require_pair(std::string_view op, std::string_view attribute, const Dims& value,
                  std::int64_t least) {
  if (value.size() == 2 && value[0] >= least && value[1] >= least && value[0] < (1 << 20) &&
      value[1] < (1 << 20)) [[likely]]
    return;
  raise<ValueError>("{}: {} is {}; it must be two integers [height, width], each at least {}", op,
                    attribute, to_string(value), least);
}

Window conv_window(std::string_view op, const Attrs& attrs, std::int64_t kernel_height,
                   std::int64_t kernel_width) {
  const Dims &stride = attrs.dims("stride"), &padding = attrs.dims("padding"),
             &dilation = attrs.dims("dilation");
  require_pair(op, "stride", stride, 1);
  require_pair(op, "padding", padding, 0);
  require_pair(op, "dilation", dilation, 1);
  return {{kernel_height, kernel_width},
          {stride[0], stride[1]},
          {padding[0], padding[1]},
          {dilation[0], dilation[1]}};
}

Window pool_window(std::string_view op, const Attrs& attrs) {
  const Dims &kernel = attrs.dims("kernel"), &stride = attrs.dims("stride"),
             &padding = attrs.dims("padding");
  require_pair(op, "kernel", kernel, 1);
  require_pair(op, "stride", stride, 1);
  require_pair(op, "padding", padding, 0);
  for (int i = 0; i < 2; ++i)
    require(padding[static_cast<std::size_t>(i)] * 2 <= kernel[static_cast<std::size_t>(i)],
            "{}: padding {} is more than half of the kernel {}; windows would hold nothing", op,
            to_string(padding), to_string(kernel));
  return {{kernel[0], kernel[1]}, {stride[0], stride[1]}, {padding[0], padding[1]}, {1, 1}};
}

Shape window_output(std::string_view op, const TensorMeta& x, const Window& window,
                    std::int64_t channels) {
  Shape out{x.shape[0], channels, 0, 0};
  for (int i = 0; i < 2; ++i) {
    const std::int64_t size = x.shape[static_cast<std::size_t>(i) + 2];
    const std::int64_t positions = size == kDynamic ? 0 : window.positions(i, size);
    if (positions < 1) [[unlikely]]
      raise<ShapeError>(
          "{}: a kernel of [{},{}] with dilation [{},{}] and padding [{},{}] does not fit into x: "
          "{}",
          op, window.kernel[0], window.kernel[1], window.dilation[0], window.dilation[1],
          window.padding[0], window.padding[1], describe(x));
    out[static_cast<std::size_t>(i) + 2] = positions;
  }
  return out;
}

Tensor as_f64(const Tensor& t) {
  if (t.dtype() == DType::f64 && t.is_contiguous()) return t;
  Tensor out = Tensor::empty(t.shape(), DType::f64);
  detail::copy_elements(t, out);
  return out;
}

Tensor as_dtype(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor out = Tensor::empty(t.shape(), dtype);
  detail::copy_elements(t, out);
  return out;
}

namespace {

// Calls f(x index, weight index, y index) for every product that a convolution sums.
template <class F>
void for_each_product(const Shape& x, const Shape& w, const Shape& y, const Window& k,
                      std::int64_t groups, F f) {
  const std::int64_t out_group = y[1] / groups, in_group = w[1];
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t o = 0; o < y[1]; ++o)
      for (std::int64_t oh = 0; oh < y[2]; ++oh)
        for (std::int64_t ow = 0; ow < y[3]; ++ow)
          for (std::int64_t c = 0; c < in_group; ++c)
            for (std::int64_t i = 0; i < w[2]; ++i) {
              const std::int64_t ih = oh * k.stride[0] - k.padding[0] + i * k.dilation[0];
              if (ih < 0 || ih >= x[2]) continue;
              for (std::int64_t j = 0; j < w[3]; ++j) {
                const std::int64_t iw = ow * k.stride[1] - k.padding[1] + j * k.dilation[1];
                if (iw < 0 || iw >= x[3]) continue;
                f(((n * x[1] + o / out_group * in_group + c) * x[2] + ih) * x[3] + iw,
                  ((o * in_group + c) * w[2] + i) * w[3] + j,
                  ((n * y[1] + o) * y[2] + oh) * y[3] + ow);
              }
            }
}

}  // namespace

Tensor conv2d_reference(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Window& window, std::int64_t groups) {
  const Shape out{x.dim(0), weight.dim(0), window.positions(0, x.dim(2)),
                  window.positions(1, x.dim(3))};
  Tensor y = Tensor::zeros(out, DType::f64);
  const double *px = x.data<double>(), *pw = weight.data<double>();
  double* py = y.data<double>();
  for_each_product(x.shape(), weight.shape(), out, window, groups,
                   [&](std::int64_t i, std::int64_t w, std::int64_t o) { py[o] += px[i] * pw[w]; });
  if (bias.defined())
    for (std::int64_t i = 0; i < y.count(); ++i)
      py[i] += bias.data<double>()[i / (out[2] * out[3]) % out[1]];
  return y;
}

Tensor conv2d_input_grad_reference(const Tensor& grad, const Tensor& weight, const Shape& x,
                                   const Window& window, std::int64_t groups) {
  Tensor dx = Tensor::zeros(x, DType::f64);
  const double *pg = grad.data<double>(), *pw = weight.data<double>();
  double* pd = dx.data<double>();
  for_each_product(x, weight.shape(), grad.shape(), window, groups,
                   [&](std::int64_t i, std::int64_t w, std::int64_t o) { pd[i] += pg[o] * pw[w]; });
  return dx;
}

Tensor conv2d_weight_grad_reference(const Tensor& x, const Tensor& grad, const Shape& weight,
                                    const Window& window, std::int64_t groups) {
  Tensor dw = Tensor::zeros(weight, DType::f64);
  const double *px = x.data<double>(), *pg = grad.data<double>();
  double* pd = dw.data<double>();
  for_each_product(x.shape(), weight, grad.shape(), window, groups,
                   [&](std::int64_t i, std::int64_t w, std::int64_t o) { pd[w] += px[i] * pg[o]; });
  return dw;
}

Dims onnx_padding(const OnnxReader& node, Tensor& x, const Dims& kernel, const Dims& stride,
                  const Dims& dilation, double value, bool may_pad) {
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  const std::size_t axes = kernel.size();
  const std::vector<std::int64_t> none(2 * axes, 0);
  std::vector<std::int64_t> pads = node.integers("pads", none);
  if (auto_pad == "VALID") {
    pads = none;
  } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    pads = none;
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t size = x.shape()[i + 2];
      const std::int64_t out = (size + stride[i] - 1) / stride[i];
      const std::int64_t total = std::max<std::int64_t>(
          0, (out - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - size);
      pads[i] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      pads[i + axes] = total - pads[i];
    }
  } else if (auto_pad != "NOTSET") {
    raise<FormatError>("ONNX {}: auto_pad \"{}\" is unknown", node.type(), auto_pad);
  }
  if (pads.size() != 2 * axes)
    raise<FormatError>("ONNX {}: pads has {} values, a {}-D window needs {}", node.type(),
                       pads.size(), axes, 2 * axes);
  for (std::int64_t n : pads)
    require<FormatError>(n > -(1 << 20) && n < 1 << 20, "ONNX {}: a pad of {} is beyond 2^20",
                         node.type(), n);
  const Dims before(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes)),
      after(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
  if (before == after) return before;
  require<UnsupportedError>(may_pad,
                            "ONNX {}: pads {} differ between two sides; only equal pads are "
                            "supported here",
                            node.type(), to_string(std::span<const std::int64_t>(pads)));
  Dims low{0, 0}, high{0, 0};
  low.append(before.begin(), before.end());
  high.append(after.begin(), after.end());
  x = pad(x, low, high, value);
  return Dims(axes, 0);
}

}  // namespace athanor::ops
