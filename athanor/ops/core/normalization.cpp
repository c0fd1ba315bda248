#include "athanor/ops/core/normalization.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

void require_batch_norm(const OpDef& op, std::span<const TensorMeta> in, std::size_t first,
                        const Attrs& attrs) {
  static constexpr std::string_view kActivations[] = {"none", "relu", "relu6"};
  const TensorMeta& x = in[0];
  require<ShapeError>(x.shape.size() >= 2 && x.shape[1] > 0,
                      "{}: x must be [N, C, ...] with at least one channel, it is {}", op.name,
                      describe(x));
  const std::int64_t channels = x.shape[1];
  for (std::size_t i = first; i < in.size(); ++i) {
    const std::string& name = op.signature.inputs[i].name;
    require<ShapeError>(in[i].shape == Shape{channels},
                        "{}: {} must have shape [{}], one value for each channel ({}: {}, x: {})",
                        op.name, name, channels, name, describe(in[i]), describe(x));
    require<DTypeError>(in[i].dtype == x.dtype || in[i].dtype == statistics_dtype(x.dtype),
                        "{}: {} must be {} for x: {}, it is {}", op.name, name,
                        name_of(statistics_dtype(x.dtype)), describe(x), describe(in[i]));
  }
  for (std::size_t i = 2; i < x.shape.size(); ++i)
    require<ShapeError>(x.shape[i] != kDynamic, "{}: only the batch of x may be symbolic, x: {}",
                        op.name, describe(x));
  const double epsilon = attrs.real("epsilon");
  require(epsilon >= 0 && epsilon < 1, "{}: epsilon is {}; it must be in [0, 1)", op.name, epsilon);
  require_choice(op.name, "activation", attrs.text("activation"), kActivations);
}

Dims channel_axes(std::size_t rank) {
  Dims axes{0};
  for (std::size_t i = 2; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  return axes;
}

std::int64_t values_per_channel(const Shape& x) {
  require<ShapeError>(!is_dynamic(x),
                      "batch normalisation: the batch of {} is known only at run time, its "
                      "statistics cannot be written with other ops",
                      to_string(x));
  return x[1] == 0 ? 0 : element_count(x) / x[1];
}

Tensor per_channel(const Tensor& vector, std::size_t rank, DType dtype) {
  Shape shape(rank, 1);
  shape[1] = vector.dim(0);
  const Tensor v = vector.dtype() == dtype ? vector : cast(vector, dtype);
  return reshape(v, shape);
}

Tensor activated(const Tensor& y, const std::string& activation) {
  if (activation == "relu") return relu(y);
  if (activation == "relu6") return relu6(y);
  return y;
}

Tensor through_activation(const Tensor& grad, const Tensor& before, const std::string& activation) {
  if (activation == "none") return grad;
  static const Expr g = Expr::argument(0), x = Expr::argument(1);
  static const Expr relu = where(x > 0.0, g, 0.0), relu6 = where(x > 0.0 && x < 6.0, g, 0.0);
  return pointwise(std::array<Tensor, 2>{grad, before}, activation == "relu6" ? relu6 : relu);
}

}  // namespace athanor::ops
