#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// Axes made non-negative, each exactly once.
Dims checked_axes(const Dims& axes, std::int64_t rank) {
  require<ShapeError>(static_cast<std::int64_t>(axes.size()) == rank,
                      "permute: {} axes {} for a tensor of rank {}; name each axis once",
                      axes.size(), list_of(axes), rank);
  Dims out;
  std::uint64_t seen = 0;
  for (std::int64_t axis : axes) {
    const std::int64_t at = normalize_axis(axis, rank, "permute");
    require(!((seen >> at) & 1u), "permute: axis {} stands twice in axes {}", at, list_of(axes));
    seen |= std::uint64_t{1} << at;
    out.push_back(at);
  }
  return out;
}

Dims picked(const Dims& from, const Dims& axes) {
  Dims out;
  for (std::int64_t axis : axes) out.push_back(from[static_cast<std::size_t>(axis)]);
  return out;
}

}  // namespace

ATH_OP(permute, "(x, axes: dims) -> y") {
  op.doc = "A view of x with its axes in another order: y's axis i is x's axis axes[i].";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims axes = checked_axes(a.dims("axes"), static_cast<std::int64_t>(in[0].shape.size()));
    const Shape shape = picked(in[0].shape, axes);
    for (std::size_t i = 1; i < shape.size(); ++i)
      require<ShapeError>(shape[i] != kDynamic,
                          "permute: the leading dimension of {} is known only at run time and must "
                          "stay the leading one (axes {})",
                          describe(in[0]), list_of(axes));
    return MetaList{{shape, in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Dims axes = checked_axes(a.dims("axes"), x.rank());
    return x.view_as(picked(x.shape(), axes), picked(x.strides(), axes), x.offset());
  };
  op.vjp = [](const Vjp& v) {
    const Dims axes =
        checked_axes(v.attrs().dims("axes"), static_cast<std::int64_t>(v.meta(0).shape.size()));
    Dims inverse(axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i)
      inverse[static_cast<std::size_t>(axes[i])] = static_cast<std::int64_t>(i);
    return permute(v.grad(), inverse);
  };
  op.cheap_to_recompute = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Dims axes = checked_axes(call.attrs.dims("axes"), call.input_tensors[0].rank());
        if (axes.empty()) return OnnxNames{w.node("Identity", {call.inputs[0]})};
        return OnnxNames{w.node("Transpose", {call.inputs[0]}, {{"perm", to_vector(axes)}})};
      },
      {{"Transpose", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          std::vector<std::int64_t> reversed;
          for (std::int64_t i = x.rank(); i-- > 0;) reversed.push_back(i);
          const auto axes = node.integers("perm", reversed);
          return TensorList{permute(x, Dims(axes.begin(), axes.end()))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3})}, {{"axes", Dims{1, 0}}}),
                               m.sample({m.tensor({2, 3, 4, 5})}, {{"axes", Dims{0, 2, 3, 1}}}),
                               m.sample({m.tensor({2, 3, 4})}, {{"axes", Dims{-1, 0, 1}}}),
                               m.sample({m.tensor({})}, {{"axes", Dims{}}}),
                               m.sample({m.tensor({0, 3})}, {{"axes", Dims{1, 0}}})};
  };
  op.bad = {{"permute: axis 1 stands twice",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{1, 1}}}); }},
            {"permute: 1 axes [0] for a tensor of rank 2",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{0}}}); }},
            {"axis 2 is outside [-2, 2)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{0, 2}}}); }}};
}

}  // namespace athanor::ops
