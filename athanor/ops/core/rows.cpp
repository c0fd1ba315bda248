#include "athanor/ops/core/rows.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

MetaList infer_rows(std::string_view op, const TensorMeta& x, const Attrs& attrs) {
  (void)normalize_axis(attrs.integer("axis"), static_cast<std::int64_t>(x.shape.size()), op);
  return {x};
}

std::vector<Sample> row_samples(SampleMaker& m, int inputs) {
  const auto of = [&](const Shape& shape, std::int64_t axis) {
    TensorList list;
    for (int i = 0; i < inputs; ++i) list.push_back(m.tensor(shape, -3, 3));
    return m.sample(list, {{"axis", axis}});
  };
  return {of({5}, 0),          of({3, 7}, -1),  of({3, 7}, 0),  of({2, 3, 4}, 1),
          of({2, 3, 4, 2}, 1), of({2, 65}, -1), of({0, 3}, -1), of({2, 0}, 1)};
}

std::vector<BadSample> bad_rows(std::string_view op, int inputs) {
  return {{std::string(op) + ": axis 2 is outside [-2, 2) of a tensor of rank 2",
           [inputs](SampleMaker& m) {
             TensorList list;
             for (int i = 0; i < inputs; ++i) list.push_back(m.tensor({2, 3}));
             return m.sample(list, {{"axis", 2}});
           }}};
}

OnnxMap onnx_rows(const std::string& type, Tensor (*run)(const Tensor&, std::int64_t)) {
  return onnx_custom(
      [type](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node(type, {call.inputs[0]}, {{"axis", call.attrs.integer("axis")}})};
      },
      {{type, [run](const OnnxReader& node) {
          const Tensor x = node.input(0);
          if (node.opset() >= 13) return TensorList{run(x, node.integer("axis", -1))};
          const std::int64_t axis = normalize_axis(node.integer("axis", 1), x.rank(), node.type());
          if (axis == x.rank() - 1) return TensorList{run(x, axis)};
          const Shape rest(x.shape().begin() + axis, x.shape().end());
          Dims flat(x.shape().begin(), x.shape().begin() + axis);
          flat.push_back(element_count(rest));
          return TensorList{reshape(run(reshape(x, flat), -1), x.shape())};
        }}});
}

}  // namespace athanor::ops
