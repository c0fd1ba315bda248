#include <algorithm>
#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(sort, "(x, axis: integer = -1, descending: flag = false) -> values, indices") {
  op.doc =
      "The elements along an axis in ascending or descending order, and their i64 indices. Equal "
      "elements keep their order. NaN is larger than every number: last in ascending order "
      "(NumPy), "
      "first in descending order (as in topk).";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    (void)normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "sort");
    return MetaList{in[0], {in[0].shape, DType::i64}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape& shape = in[0].shape();
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "sort"));
    const std::int64_t size = shape[axis], step = contiguous_strides(shape)[axis];
    std::vector<double> values = in[0].to_vector<double>();
    std::vector<std::int64_t> indices(values.size());
    const auto smaller = [](const auto& p, const auto& q) {
      return std::isnan(q.first) ? !std::isnan(p.first) : p.first < q.first;
    };
    for (std::int64_t begin = 0; begin < in[0].count(); begin += size * step)
      for (std::int64_t i = begin; i < begin + step; ++i) {
        std::vector<std::pair<double, std::int64_t>> line;
        for (std::int64_t k = 0; k < size; ++k)
          line.emplace_back(values[static_cast<std::size_t>(i + k * step)], k);
        std::stable_sort(line.begin(), line.end(), [&](const auto& p, const auto& q) {
          return a.flag("descending") ? smaller(q, p) : smaller(p, q);
        });
        for (std::int64_t k = 0; k < size; ++k) {
          const auto at = static_cast<std::size_t>(i + k * step);
          values[at] = line[static_cast<std::size_t>(k)].first;
          indices[at] = line[static_cast<std::size_t>(k)].second;
        }
      }
    return TensorList{from_doubles(values, shape, in[0].dtype()), Tensor::from(indices, shape)};
  };
  // A permutation of each line: no two gradients meet.
  op.vjp = [](const Vjp& v) {
    const TensorMeta& x = v.meta(0);
    return scatter_add(Tensor::zeros(x.shape, x.dtype), v.output(1), v.grad(0),
                       v.attrs().integer("axis"));
  };
  op.saves = Saves::output(1);
  op.batching = Batching::axes;
  op.onnx = onnx_custom([](OnnxWriter& w, const OnnxCall& call) {
    const Tensor& x = call.input_tensors[0];
    const std::int64_t axis = normalize_axis(call.attrs.integer("axis"), x.rank(), "sort");
    require_static_axis("sort", {x.shape(), x.dtype()}, axis, "ONNX sorts a known number");
    return w.nodes("TopK",
                   {call.inputs[0], onnx_dims(w, Dims{x.shape()[static_cast<std::size_t>(axis)]})},
                   {{"axis", axis},
                    {"largest", std::int64_t{call.attrs.flag("descending")}},
                    {"sorted", std::int64_t{1}}},
                   2);
  });
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const bool descending : {false, true}) {
      const auto add = [&](const Tensor& x, std::int64_t axis) {
        samples.push_back(m.sample({x}, {{"axis", axis}, {"descending", descending}}));
      };
      add(m.distinct({7}), 0);
      add(m.distinct({3, 5}), -1);
      add(m.distinct({5, 3}), 0);
      add(m.distinct({2, 4, 3, 2}), 1);
      add(m.distinct({1}), 0);
      add(m.distinct({0, 4}), 1);
      add(m.distinct({2, 0}), 1);
    }
    return samples;
  };
  op.bad = {{"sort: axis 2 is outside [-2, 2)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axis", 2}}); }}};
}

}  // namespace athanor::ops
