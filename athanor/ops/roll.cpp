#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(roll, "(x, shifts: dims, axes: dims = []) -> y") {
  op.doc =
      "x turned by shifts[i] places along axes[i]: what leaves at the end comes in at the "
      "beginning. Without axes the one shift turns the elements in row-major order (NumPy).";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims &shifts = a.dims("shifts"), &axes = a.dims("axes");
    if (axes.empty()) {
      require(shifts.size() == 1, "roll: without axes there is one shift, not {}", list_of(shifts));
      require<ShapeError>(!is_dynamic(in[0].shape),
                          "roll: the leading dimension of {} is known only at run time; name the "
                          "axes",
                          describe(in[0]));
      return MetaList{in[0]};
    }
    require(shifts.size() == axes.size(), "roll: {} shifts for {} axes", shifts.size(),
            axes.size());
    for (std::int64_t axis :
         normalize_axes(axes, static_cast<std::int64_t>(in[0].shape.size()), "roll", false))
      require_static_axis("roll", in[0], axis, "roll other axes");
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims &shifts = a.dims("shifts"), &axes = a.dims("axes");
    const auto turned = [](const Tensor& x, std::int64_t axis, std::int64_t shift) {
      const std::int64_t size = x.dim(axis);
      if (size == 0 || shift % size == 0) return x;
      const std::int64_t cut = size - (shift % size + size) % size;
      return concat(TensorList{slice(x, axis, cut, size), slice(x, axis, 0, cut)}, axis);
    };
    Tensor y = in[0];
    if (axes.empty()) {
      if (y.count() != 0) y = reshape(turned(reshape(y, {y.count()}), 0, shifts[0]), y.shape());
    } else {
      for (std::size_t i = 0; i < axes.size(); ++i) y = turned(y, axes[i], shifts[i]);
    }
    return TensorList{contiguous(y)};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor g = v.grad();
    const Dims& axes = v.attrs().dims("axes");
    Dims back = v.attrs().dims("shifts");
    for (std::size_t i = 0; i < back.size(); ++i) {
      const std::int64_t size = axes.empty() ? g.count() : g.dim(axes[i]);
      back[i] = -(back[i] % std::max<std::int64_t>(size, 1));
    }
    return roll(g, back, axes);
  };
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({5})}, {{"shifts", Dims{2}}}),
        m.sample({m.tensor({3, 4})}, {{"shifts", Dims{-5}}}),
        m.sample({m.tensor({3, 4})}, {{"shifts", Dims{1}}, {"axes", Dims{1}}}),
        m.sample({m.tensor({2, 3, 4, 5})}, {{"shifts", Dims{-1, 7}}, {"axes", Dims{2, -1}}}),
        m.sample({m.tensor({2, 3, 4, 5})}, {{"shifts", Dims{1}}, {"axes", Dims{0}}}),
        m.sample({m.tensor({3, 4})}, {{"shifts", Dims{3}}, {"axes", Dims{0}}}),
        m.sample({m.tensor({})}, {{"shifts", Dims{3}}}),
        m.sample({m.tensor({0, 4})}, {{"shifts", Dims{3}}, {"axes", Dims{0}}})};
  };
  op.bad = {{"roll: 1 shifts for 2 axes",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"shifts", Dims{1}}, {"axes", Dims{0, 1}}});
             }},
            {"roll: without axes there is one shift, not [1,2]",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shifts", Dims{1, 2}}}); }},
            {"roll: axis 2 is outside", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"shifts", Dims{1}}, {"axes", Dims{2}}});
             }}};
}

}  // namespace athanor::ops
