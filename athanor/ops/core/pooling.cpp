#include "athanor/ops/core/pooling.hpp"

#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"

namespace athanor::ops {

std::vector<std::int64_t> max_positions(const Tensor& x, const Window& window) {
  const auto values = x.to_vector<double>();
  const Shape y{x.dim(0), x.dim(1), window.positions(0, x.dim(2)), window.positions(1, x.dim(3))};
  std::vector<std::int64_t> best(static_cast<std::size_t>(element_count(y)), -1);
  for_each_window_element(x.shape(), y, window, [&](std::int64_t from, std::int64_t to) {
    std::int64_t& b = best[static_cast<std::size_t>(to)];
    if (b < 0) {
      b = from;
      return;
    }
    const double now = values[static_cast<std::size_t>(b)];
    const double candidate = values[static_cast<std::size_t>(from)];
    if (candidate > now || (std::isnan(candidate) && !std::isnan(now))) b = from;
  });
  return best;
}

std::vector<std::int64_t> window_counts(const Window& window, int axis, std::int64_t size,
                                        bool include_padding) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(window.positions(axis, size)),
                                   window.kernel[axis]);
  if (include_padding) return counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t start =
        static_cast<std::int64_t>(i) * window.stride[axis] - window.padding[axis];
    counts[i] = std::min(start + window.kernel[axis], size) - std::max<std::int64_t>(start, 0);
  }
  return counts;
}

MetaList infer_pool_grad(std::string_view op, const TensorMeta& grad, const Attrs& attrs,
                         std::int64_t height, std::int64_t width) {
  require_rank(op, "grad", grad, 4);
  require(height >= 1 && width >= 1, "{}: height {} and width {} must be at least 1", op, height,
          width);
  const TensorMeta x{{grad.shape[0], grad.shape[1], height, width}, grad.dtype};
  const Shape y = window_output(op, x, pool_window(op, attrs), grad.shape[1]);
  require<ShapeError>(y == grad.shape, "{}: an input {} gives an output {}, grad is {}", op,
                      to_string(x.shape), to_string(y), describe(grad));
  return {x};
}

OnnxAttrs onnx_pool_attrs(const Attrs& attrs) {
  const Dims& padding = attrs.dims("padding");
  return {{"kernel_shape", to_vector(attrs.dims("kernel"))},
          {"strides", to_vector(attrs.dims("stride"))},
          {"pads", std::vector<std::int64_t>{padding[0], padding[1], padding[0], padding[1]}}};
}

OnnxPool read_onnx_pool(const OnnxReader& node, double pad_value, bool may_pad) {
  OnnxPool pool;
  pool.x = node.input(0);
  const auto kernel = node.integers("kernel_shape", {});
  const auto stride = node.integers("strides", std::vector<std::int64_t>(kernel.size(), 1));
  const auto dilation = node.integers("dilations", std::vector<std::int64_t>(kernel.size(), 1));
  require<UnsupportedError>(pool.x.rank() == 4 && kernel.size() == 2,
                            "ONNX {}: only 2-D pooling is supported, the input is {}", node.type(),
                            describe(pool.x));
  pool.kernel = Dims(kernel.begin(), kernel.end());
  pool.stride = Dims(stride.begin(), stride.end());
  require_pair("ONNX pooling", "kernel_shape", pool.kernel, 1);
  require_pair("ONNX pooling", "strides", pool.stride, 1);
  require<UnsupportedError>(dilation == std::vector<std::int64_t>{1, 1},
                            "ONNX {}: dilations other than 1 are not supported", node.type());
  require<UnsupportedError>(node.output_count() <= 1,
                            "ONNX {}: the second output (indices) is not supported", node.type());
  pool.padding = onnx_padding(node, pool.x, pool.kernel, pool.stride, {1, 1}, pad_value, may_pad);
  if (node.integer("ceil_mode", 0) != 0)
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t free = pool.x.shape()[i + 2] + 2 * pool.padding[i] - pool.kernel[i];
      require<UnsupportedError>(free % pool.stride[i] == 0,
                                "ONNX {}: ceil_mode gives windows that reach beyond the padded "
                                "input {}; only floor_mode is supported",
                                node.type(), describe(pool.x));
    }
  return pool;
}

}  // namespace athanor::ops
