#include <algorithm>
#include <cmath>

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(topk, "(x, k: integer, axis: integer = -1) -> values, indices") {
  op.doc =
      "The k largest elements along an axis, largest first, and their i64 indices. Of equal "
      "elements the first comes first; NaN is larger than every number.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t axis =
        normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "topk");
    require_static_axis("topk", in[0], axis, "take the largest along another axis");
    const std::int64_t size = in[0].shape[static_cast<std::size_t>(axis)], k = a.integer("k");
    require(k >= 0 && k <= size, "topk: k is {}; axis {} of {} has {} elements", k, axis,
            describe(in[0]), size);
    Shape shape = in[0].shape;
    shape[static_cast<std::size_t>(axis)] = k;
    return MetaList{{shape, in[0].dtype}, {shape, DType::i64}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "topk"));
    const std::int64_t size = in[0].shape()[axis], k = a.integer("k");
    Shape shape = in[0].shape();
    shape[axis] = k;
    const std::int64_t step = contiguous_strides(shape)[axis];
    const std::vector<double> values = in[0].to_vector<double>();
    std::vector<double> best(static_cast<std::size_t>(element_count(shape)));
    std::vector<std::int64_t> indices(best.size());
    for (std::int64_t o = 0; o < in[0].count() / std::max<std::int64_t>(1, size * step); ++o)
      for (std::int64_t i = 0; i < step; ++i) {
        std::vector<std::pair<double, std::int64_t>> line;
        for (std::int64_t j = 0; j < size; ++j)
          line.emplace_back(values[static_cast<std::size_t>((o * size + j) * step + i)], j);
        std::stable_sort(line.begin(), line.end(), [](const auto& p, const auto& q) {
          return std::isnan(p.first) ? !std::isnan(q.first) : p.first > q.first;
        });
        for (std::int64_t j = 0; j < k; ++j) {
          const auto at = static_cast<std::size_t>((o * k + j) * step + i);
          best[at] = line[static_cast<std::size_t>(j)].first;
          indices[at] = line[static_cast<std::size_t>(j)].second;
        }
      }
    return TensorList{from_doubles(best, shape, in[0].dtype()), Tensor::from(indices, shape)};
  };
  op.vjp = [](const Vjp& v) {
    const TensorMeta& x = v.meta(0);
    return scatter_add(Tensor::zeros(x.shape, x.dtype), v.output(1), v.grad(0),
                       v.attrs().integer("axis"));
  };
  op.saves = Saves::output(1);
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return w.nodes("TopK", {call.inputs[0], onnx_dims(w, Dims{call.attrs.integer("k")})},
                       {{"axis", call.attrs.integer("axis")},
                        {"largest", std::int64_t{1}},
                        {"sorted", std::int64_t{1}}},
                       2);
      },
      {{"TopK", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const std::int64_t k = onnx_number<std::int64_t>(node, 1);
          const std::int64_t axis = node.integer("axis", -1);
          if (node.integer("largest", 1) != 0) {
            const auto found = topk(x, k, axis);
            return TensorList{found[0], found[1]};
          }
          const auto all = sort(x, axis);
          require<FormatError>(k >= 0 && (x.dim(axis) == kDynamic || k <= x.dim(axis)),
                               "ONNX TopK: k is {} for {}", k, describe(x));
          return TensorList{slice(all[0], axis, 0, k), slice(all[1], axis, 0, k)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.distinct({7})}, {{"k", 3}}),
                               m.sample({m.distinct({3, 5})}, {{"k", 5}}),
                               m.sample({m.distinct({3, 5})}, {{"k", 2}, {"axis", 0}}),
                               m.sample({m.distinct({2, 4, 3})}, {{"k", 1}, {"axis", 1}}),
                               m.sample({m.distinct({0, 4})}, {{"k", 2}}),
                               m.sample({m.distinct({2, 4})}, {{"k", 0}})};
  };
  op.bad = {
      {"topk: k is 4; axis 1 of f32[2,3] has 3 elements",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"k", 4}}); }},
      {"topk: k is -1", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"k", -1}}); }}};
}

}  // namespace athanor::ops
