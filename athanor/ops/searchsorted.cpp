#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(searchsorted, "(sorted, x, right: flag = false) -> y") {
  op.doc =
      "Where each number of x would have to stand in a sorted vector [N] so that it stays sorted: "
      "i64 of x's shape, before equal numbers, or behind them if right; NaN behind all.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_rank("searchsorted", "sorted", in[0], 1);
    require_same_dtype("searchsorted", "sorted", in[0], "x", in[1]);
    return MetaList{{in[1].shape, DType::i64}};
  };
  // How many stand before it. The kernel halves the vector instead.
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor x = unsqueeze(in[1], {-1});
    const Tensor behind = a.flag("right") ? gt(in[0], x) : ge(in[0], x);
    return TensorList{sum(cast(logical_not(behind), DType::i64), {-1})};
  };
  op.no_gradient = "its result is a place";
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const bool right : {false, true})
      for (const Shape& shape : {Shape{5}, Shape{2, 3}, Shape{}, Shape{0}}) {
        const Tensor sorted = sort(m.integers({6}, 0, 5), 0)[0];
        samples.push_back(
            m.sample({cast(sorted, m.dtype()), cast(m.integers(shape, 0, 6), m.dtype())},
                     {{"right", right}}));
      }
    return samples;
  };
  op.bad = {{"input 'sorted' must have 1 dimensions",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 2}), m.tensor({2})}); }}};
}

}  // namespace athanor::ops
