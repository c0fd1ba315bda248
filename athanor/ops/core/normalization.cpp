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

void require_trailing_norm(const OpDef& op, std::span<const TensorMeta> in, std::size_t first,
                           const Attrs& attrs) {
  const TensorMeta& x = in[0];
  const std::int64_t dims = attrs.integer("dims");
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  require(dims >= 1 && dims <= rank,
          "{}: dims is {}; x has {} axes, and 1 to {} of the last can be normalised (x: {})",
          op.name, dims, rank, rank, describe(x));
  const Shape shape = trailing_shape(x.shape, dims);
  require<ShapeError>(
      !is_dynamic(shape),
      "{}: the axes that are normalised must be known, x is {}; leave the batch out", op.name,
      describe(x));
  for (std::size_t i = first; i < in.size(); ++i) {
    const auto& input = op.signature.inputs[i];
    if (input.optional && in[i].shape.empty()) continue;
    require<ShapeError>(in[i].shape == shape,
                        "{}: {} must have the shape of the normalised axes, {} ({}: {}, x: {})",
                        op.name, input.name, to_string(shape), input.name, describe(in[i]),
                        describe(x));
    require<DTypeError>(in[i].dtype == x.dtype || in[i].dtype == statistics_dtype(x.dtype),
                        "{}: {} must be {} for x: {}, it is {}", op.name, input.name,
                        name_of(statistics_dtype(x.dtype)), describe(x), describe(in[i]));
  }
  const double epsilon = attrs.real("epsilon");
  require(epsilon >= 0 && epsilon < 1, "{}: epsilon is {}; it must be in [0, 1)", op.name, epsilon);
}

Shape trailing_shape(const Shape& x, std::int64_t dims) {
  return Shape(x.end() - static_cast<std::ptrdiff_t>(dims), x.end());
}

Dims trailing_axes(std::int64_t rank, std::int64_t dims) {
  Dims axes;
  for (std::int64_t i = rank - dims; i < rank; ++i) axes.push_back(i);
  return axes;
}

Tensor summed_to_trailing(const Tensor& x, std::int64_t dims) {
  Dims axes;
  for (std::int64_t i = 0; i < x.rank() - dims; ++i) axes.push_back(i);
  return axes.empty() ? x : sum(x, axes);
}

std::vector<Sample> trailing_norm_samples(SampleMaker& m, int vectors, bool grad) {
  std::vector<Sample> samples;
  const auto add = [&](const Shape& shape, std::int64_t dims, bool with, double epsilon) {
    TensorList inputs{m.tensor(shape, -2, 3)};
    if (grad) inputs.push_back(m.tensor(shape));
    for (int i = 0; i < vectors; ++i)
      inputs.push_back(with ? m.tensor(trailing_shape(shape, dims), 0.5, 1.5) : Tensor());
    samples.push_back(m.sample(std::move(inputs), {{"dims", dims}, {"epsilon", epsilon}}));
  };
  add({4, 7}, 1, true, 1e-5);
  add({2, 3, 5}, 1, false, 1e-3);
  add({2, 3, 4}, 2, true, 1e-5);
  add({6}, 1, true, 1e-5);
  add({3, 35}, 1, true, 1e-5);
  add({2, 3, 2, 3}, 3, true, 1e-2);
  add({0, 4}, 1, true, 1e-5);
  return samples;
}

std::vector<BadSample> bad_trailing_norm(const std::string& op, int vectors, bool grad) {
  const auto call = [=](SampleMaker& m, const Shape& vector, std::int64_t dims) {
    TensorList inputs{m.tensor({2, 3})};
    if (grad) inputs.push_back(m.tensor({2, 3}));
    inputs.push_back(m.tensor(vector));
    for (int i = 1; i < vectors; ++i) inputs.push_back(Tensor());
    return m.sample(std::move(inputs), {{"dims", dims}});
  };
  return {{op + ": weight must have the shape of the normalised axes, [3]",
           [=](SampleMaker& m) { return call(m, {2}, 1); }},
          {op + ": dims is 3; x has 2 axes", [=](SampleMaker& m) { return call(m, {3}, 3); }}};
}

}  // namespace athanor::ops
