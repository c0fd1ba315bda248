#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(triplet_margin_loss,
       "(anchor, positive, negative, margin: real = 1, p: real = 2, epsilon: real = 1e-6, swap: "
       "flag = false, reduction: text = \"mean\") -> loss") {
  op.doc =
      "max(d(anchor, positive) - d(anchor, negative) + margin, 0), d the p-norm of the difference "
      "plus epsilon over the last axis; swap: the smaller of the distances of anchor and positive "
      "from negative (Balntas et al. 2016). All [N, D] or [D]; reduced over N: none, mean or sum.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(a.real("p") > 0, "triplet_margin_loss: p is {}, it must be positive", a.real("p"));
    require_reduction("triplet_margin_loss", a.text("reduction"));
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}})
      require<ShapeError>(in[i].shape == in[0].shape && in[i].dtype == in[0].dtype,
                          "triplet_margin_loss: {} is {}, the anchor {}; they must be alike",
                          i == 1 ? "positive" : "negative", describe(in[i]), describe(in[0]));
    require<ShapeError>(!in[0].shape.empty(), "triplet_margin_loss: a number has no distance");
    Shape shape = in[0].shape;
    shape.pop_back();
    return MetaList{{a.text("reduction") == "none" ? shape : Shape{}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const auto distance = [&](const Tensor& x, const Tensor& y) {
      return norm(x - y + a.real("epsilon"), a.real("p"), {-1});
    };
    const Tensor near = distance(in[0], in[1]);
    Tensor far = distance(in[0], in[2]);
    if (a.flag("swap")) far = minimum(far, distance(in[1], in[2]));
    return reduce_loss(relu(near - far + a.real("margin")), a);
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    // Distances whose difference is far from the margin's kink.
    const auto make = [&](const Shape& shape,
                          std::initializer_list<std::pair<std::string_view, Attr>> attrs) {
      return m.sample(
          {m.tensor(shape, 0.5, 1), m.tensor(shape, -1, -0.5), m.tensor(shape, 0.1, 0.3)}, attrs);
    };
    return std::vector<Sample>{make({3, 4}, {}), make({5}, {}),
                               make({3, 4}, {{"reduction", std::string("none")}, {"swap", true}}),
                               make({2, 3}, {{"p", 3.0}, {"reduction", std::string("sum")}})};
  };
  op.bad = {{"triplet_margin_loss: negative is f32[2,4], the anchor f32[2,3]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3}), m.tensor({2, 3}), m.tensor({2, 4})});
             }},
            {"a number has no distance",
             [](SampleMaker& m) { return m.sample({m.tensor({}), m.tensor({}), m.tensor({})}); }},
            {"p is 0", [](SampleMaker& m) {
               return m.sample({m.tensor({2}), m.tensor({2}), m.tensor({2})}, {{"p", 0.0}});
             }}};
}

}  // namespace athanor::ops
