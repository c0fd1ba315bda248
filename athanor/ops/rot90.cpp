#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(rot90, "(x, turns: integer = 1, axes: dims = [0,1]) -> y") {
  op.doc =
      "x turned by `turns` times 90 degrees in the plane of two axes, from the first towards the "
      "second; negative turns go the other way (NumPy).";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims& axes = a.dims("axes");
    const auto rank = static_cast<std::int64_t>(in[0].shape.size());
    require(axes.size() == 2, "rot90: axes {} must be two", list_of(axes));
    const Dims plane = normalize_axes(axes, rank, "rot90", false);
    for (std::int64_t axis : plane) require_static_axis("rot90", in[0], axis, "turn other axes");
    Shape shape = in[0].shape;
    if (a.integer("turns") % 2 != 0)
      std::swap(shape[static_cast<std::size_t>(plane[0])],
                shape[static_cast<std::size_t>(plane[1])]);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const std::int64_t first = normalize_axis(a.dims("axes")[0], x.rank(), "rot90");
    const std::int64_t second = normalize_axis(a.dims("axes")[1], x.rank(), "rot90");
    const std::int64_t turns = (a.integer("turns") % 4 + 4) % 4;
    if (turns == 0) return TensorList{contiguous(x)};
    if (turns == 2) return TensorList{contiguous(flip(x, {first, second}))};
    Dims order;
    for (std::int64_t i = 0; i < x.rank(); ++i) order.push_back(i);
    std::swap(order[static_cast<std::size_t>(first)], order[static_cast<std::size_t>(second)]);
    // A quarter turn is a transposition whose first (three quarters: second) axis is reversed.
    const Tensor y = flip(permute(x, order), {turns == 1 ? first : second});
    return TensorList{contiguous(y)};
  };
  op.vjp = [](const Vjp& v) {
    return rot90(v.grad(), 4 - v.attrs().integer("turns") % 4, v.attrs().dims("axes"));
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const std::int64_t turns : {0, 1, 2, 3, -1, 5})
      samples.push_back(m.sample({m.tensor({3, 4})}, {{"turns", turns}}));
    samples.push_back(m.sample({m.tensor({2, 3, 4, 5})}, {{"axes", Dims{2, 3}}}));
    samples.push_back(m.sample({m.tensor({2, 3, 4, 5})}, {{"axes", Dims{-1, 1}}, {"turns", 3}}));
    samples.push_back(m.sample({m.tensor({0, 3})}));
    return samples;
  };
  op.bad = {{"rot90: axes [0] must be two",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{0}}}); }},
            {"rot90: axis 1 stands twice",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{1, -1}}}); }}};
}

}  // namespace athanor::ops
