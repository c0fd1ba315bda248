#include "athanor/ops/core/scatter.hpp"

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"

namespace athanor::ops {

MetaList infer_scatter(std::string_view op, std::span<const TensorMeta> in, const Attrs& a) {
  require_index(op, in[1]);
  require_same_dtype(op, "x", in[0], "source", in[2]);
  const auto rank = static_cast<std::int64_t>(in[0].shape.size());
  require_rank(op, "index", in[1], rank);
  require<ShapeError>(in[1].shape == in[2].shape, "{}: index {} and source {} must have one shape",
                      op, describe(in[1]), describe(in[2]));
  const std::int64_t axis = normalize_axis(a.integer("axis"), rank, op);
  for (std::size_t i = 0; i < in[0].shape.size(); ++i) {
    const std::int64_t have = in[0].shape[i], want = in[1].shape[i];
    if (static_cast<std::int64_t>(i) == axis || want == have) continue;
    require<ShapeError>(have != kDynamic && want != kDynamic && want <= have,
                        "{}: index {} reaches beyond x {} along axis {}", op, describe(in[1]),
                        describe(in[0]), i);
  }
  return MetaList{in[0]};
}

Tensor reference_scatter(std::string_view op, std::span<const Tensor> in, const Attrs& a,
                         const std::function<double(double, double)>& meet) {
  const auto axis = static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), op));
  const Tensor index = checked_index(in[1], in[0].shape()[axis], op);
  std::vector<double> out = in[0].to_vector<double>();
  const std::vector<double> source = in[2].to_vector<double>();
  const Strides strides = contiguous_strides(in[0].shape());
  for (std::int64_t i = 0; i < index.count(); ++i) {
    Dims at = coordinates(index.shape(), i);
    at[axis] = index.data<std::int64_t>()[i];
    std::int64_t place = 0;
    for (std::size_t k = 0; k < at.size(); ++k) place += at[k] * strides[k];
    double& value = out[static_cast<std::size_t>(place)];
    value = meet(value, source[static_cast<std::size_t>(i)]);
  }
  return from_doubles(out, in[0].shape(), in[0].dtype());
}

std::vector<Sample> scatter_samples(
    SampleMaker& m, const std::function<TensorList(const Shape&, const Shape&)>& make) {
  const auto of = [&](const Shape& x, const Shape& source, std::int64_t axis, std::int64_t low,
                      std::int64_t high, DType dtype = DType::i64) {
    const TensorList both = make(x, source);
    const Tensor index = m.integers(source, low, high, dtype);
    return m.sample({both[0], index, both[1]}, {{"axis", axis}});
  };
  return {of({4}, {6}, 0, -4, 4), of({3, 4}, {3, 2}, 1, 0, 4), of({3, 4}, {5, 4}, 0, -3, 3),
          of({2, 3, 4}, {1, 5, 3}, -2, 0, 3, DType::i32), of({3, 4}, {0, 4}, 0, 0, 1)};
}

std::vector<BadSample> bad_scatters(std::string_view op) {
  return {{std::string(op) + ": index 3 at [0] is outside [-3, 3)",
           [](SampleMaker& m) {
             return m.sample({m.tensor({3}), m.integers({2}, 3, 4), m.tensor({2})}, {{"axis", 0}});
           }},
          {"must have one shape",
           [](SampleMaker& m) {
             return m.sample({m.tensor({3}), m.integers({2}, 0, 1), m.tensor({3})}, {{"axis", 0}});
           }},
          {"reaches beyond x", [](SampleMaker& m) {
             return m.sample({m.tensor({2, 2}), m.integers({3, 2}, 0, 1), m.tensor({3, 2})},
                             {{"axis", 1}});
           }}};
}

OnnxTo onnx_scatter(const std::string& reduction) {
  return [reduction](OnnxWriter& w, const OnnxCall& call) {
    const std::string index = onnx_cast(w, call, 1, DType::i64);
    return OnnxNames{w.node("ScatterElements", {call.inputs[0], index, call.inputs[2]},
                            {{"axis", call.attrs.integer("axis")}, {"reduction", reduction}})};
  };
}

}  // namespace athanor::ops
