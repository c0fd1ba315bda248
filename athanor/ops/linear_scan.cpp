#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/scan.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(linear_scan, "(a, b, axis: integer, reverse: flag = false) -> y") {
  op.doc =
      "The linear recurrence y[k] = a[k] * y[k-1] + b[k] along an axis, with 0 before the first "
      "element; `reverse` begins at the end. a and b have one shape and dtype.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_same_dtype("linear_scan", "a", in[0], "b", in[1]);
    require<ShapeError>(in[0].shape == in[1].shape,
                        "linear_scan: a {} and b {} must have one shape", describe(in[0]),
                        describe(in[1]));
    (void)normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()),
                         "linear_scan");
    return MetaList{in[0]};
  };
  // Pairs (a, b) stand for y -> a * y + b and are composed over 1, 2, 4 ... neighbours.
  op.lower = [](std::span<const Tensor> in, const Attrs& attrs) {
    const std::int64_t axis = normalize_axis(attrs.integer("axis"), in[0].rank(), "linear_scan");
    require_static_axis("linear_scan", meta_of(in[0]), axis, "scan along another axis");
    const std::int64_t size = in[0].dim(axis), way = attrs.flag("reverse") ? -1 : 1;
    Tensor a = in[0], b = in[1];
    for (std::int64_t step = 1; step < size; step *= 2) {
      b = b + a * shift_along(b, axis, way * step, 0);
      a = a * shift_along(a, axis, way * step, 1);
    }
    return TensorList{contiguous(b)};
  };
  // The same recurrence the other way round.
  op.vjp = [](const Vjp& v) {
    const std::int64_t axis = v.attrs().integer("axis");
    const bool reverse = v.attrs().flag("reverse");
    const std::int64_t way = reverse ? -1 : 1;
    const Tensor g = linear_scan(shift_along(v.input(0), axis, -way, 0), v.grad(), axis, !reverse);
    return TensorList{g * shift_along(v.output(), axis, way, 0), g};
  };
  op.saves = Saves::input(0) | Saves::outputs;
  op.amp = Precision::run_f32;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto of = [&m](const Shape& shape, std::int64_t axis, bool reverse) {
      return m.sample({m.tensor(shape), m.tensor(shape)}, {{"axis", axis}, {"reverse", reverse}});
    };
    return std::vector<Sample>{
        of({7}, 0, false),         of({7}, 0, true),        of({3, 5}, -1, false),
        of({5, 3}, 0, true),       of({2, 4, 3}, 1, false), of({1}, 0, false),
        of({2, 3, 4, 2}, 1, true), of({0, 3}, 1, false),    of({2, 0}, 1, true)};
  };
  op.bad = {
      {"linear_scan: a f32[3] and b f32[4] must have one shape",
       [](SampleMaker& m) { return m.sample({m.tensor({3}), m.tensor({4})}, {{"axis", 0}}); }},
      {"linear_scan: axis 1 is outside",
       [](SampleMaker& m) { return m.sample({m.tensor({3}), m.tensor({3})}, {{"axis", 1}}); }}};
}

}  // namespace athanor::ops
