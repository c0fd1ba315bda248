#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cdist, "(a, b, p: real = 2) -> y") {
  op.doc =
      "The distances of all points of a from all of b in the p-norm. a: [..., N, D], b: [..., M, "
      "D], leading axes broadcast; y: [..., N, M]. p: 1 or more, infinity too. Equal points have "
      "the gradient 0.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Shape &x = in[0].shape, &y = in[1].shape;
    require_same_dtype("cdist", "a", in[0], "b", in[1]);
    require<ShapeError>(x.size() >= 2 && y.size() >= 2 && x.back() == y.back() && x.back() > 0,
                        "cdist: a {} and b {} must be [..., N, D] and [..., M, D] with one D of at "
                        "least 1",
                        describe(in[0]), describe(in[1]));
    require(a.real("p") >= 1, "cdist: p is {}; it must be at least 1", a.real("p"));
    Shape shape = broadcast_shapes(std::span(x.begin(), x.end() - 2),
                                   std::span(y.begin(), y.end() - 2), "cdist");
    shape.push_back(x[x.size() - 2]);
    shape.push_back(y[y.size() - 2]);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor difference = unsqueeze(in[0], {-2}) - unsqueeze(in[1], {-3});
    return TensorList{norm(difference, a.real("p"), {-1})};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 2}), m.tensor({4, 2}, 2, 3)}),
        m.sample({m.tensor({2, 1, 3}), m.tensor({4, 3}, 2, 3)}, {{"p", 1.0}}),
        m.sample({m.tensor({2, 3, 2}), m.tensor({2, 2, 2}, 2, 3)}, {{"p", 3.0}}),
        m.sample({m.tensor({0, 2}), m.tensor({4, 2})})};
  };
  op.bad = {{"with one D of at least 1",
             [](SampleMaker& m) { return m.sample({m.tensor({3, 2}), m.tensor({4, 3})}); }},
            {"cdist: p is 0.5", [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2}), m.tensor({4, 2})}, {{"p", 0.5}});
             }}};
}

}  // namespace athanor::ops
