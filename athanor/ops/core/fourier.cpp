#include "athanor/ops/core/fourier.hpp"

#include "athanor/ops/core/infer.hpp"

namespace athanor::ops {

std::size_t fourier_axis(std::string_view op, const TensorMeta& x, const Attrs& attrs,
                         bool complex) {
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  const auto axis = static_cast<std::size_t>(normalize_axis(attrs.integer("axis"), rank, op));
  if (complex) {
    require<ShapeError>(x.shape.back() == 2,
                        "{}: the last axis of x must be 2, the real and the imaginary part of "
                        "complex numbers (x: {})",
                        op, describe(x));
    require<ShapeError>(static_cast<std::int64_t>(axis) != rank - 1,
                        "{}: axis {} holds the real and imaginary parts of x; transform another "
                        "one (x: {})",
                        op, axis, describe(x));
  }
  require_static_axis(op, x, static_cast<std::int64_t>(axis), "transform another axis");
  require<ShapeError>(x.shape[axis] > 0, "{}: axis {} of x is empty (x: {})", op, axis,
                      describe(x));
  return axis;
}

}  // namespace athanor::ops
