#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Shape expanded(const Shape& x, const Dims& wanted) {
  const auto fail = [&](std::size_t i) {
    raise<ShapeError>("expand: {} does not broadcast to {}: dimension {}", to_string(x),
                      list_of(wanted), i);
  };
  require<ShapeError>(wanted.size() >= x.size(),
                      "expand: {} does not broadcast to {}, which has fewer dimensions",
                      to_string(x), list_of(wanted));
  const std::size_t lead = wanted.size() - x.size();
  Shape out = wanted;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i < lead) {
      if (out[i] < 0) fail(i);
    } else if (out[i] == -1) {
      out[i] = x[i - lead];  // stays as it is
    } else if (out[i] < 0 || (x[i - lead] != 1 && x[i - lead] != out[i])) {
      fail(i);
    }
  }
  return out;
}

}  // namespace

ATH_OP(expand, "(x, shape: dims) -> y") {
  op.doc =
      "A view of x broadcast to `shape`: dimensions of size 1 are repeated, new ones come first. "
      "-1 keeps a dimension of x.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{expanded(in[0].shape, a.dims("shape")), in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Shape shape = expanded(x.shape(), a.dims("shape"));
    const std::size_t lead = shape.size() - x.shape().size();
    Strides strides(shape.size(), 0);
    for (std::size_t i = lead; i < shape.size(); ++i)
      if (x.shape()[i - lead] == shape[i]) strides[i] = x.strides()[i - lead];
    return x.view_as(shape, strides, x.offset());
  };
  op.vjp = [](const Vjp& v) { return sum_to(v.grad(), v.meta(0).shape); };
  op.cheap_to_recompute = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        // Expand broadcasts both ways: 1 keeps a dimension, whatever its size is at run time.
        const Shape& x = call.input_tensors[0].shape();
        Dims shape = call.output_tensors[0].shape();
        const std::size_t lead = shape.size() - x.size();
        for (std::size_t i = lead; i < shape.size(); ++i)
          if (shape[i] == x[i - lead]) shape[i] = 1;
        return OnnxNames{w.node("Expand", {call.inputs[0], onnx_dims(w, shape)})};
      },
      {{"Expand", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          Dims shape = onnx_dims(node.constant(1));
          while (static_cast<std::int64_t>(shape.size()) < x.rank()) shape.insert(shape.begin(), 1);
          const std::size_t lead = shape.size() - x.shape().size();
          for (std::size_t i = lead; i < shape.size(); ++i)
            if (shape[i] == 1) shape[i] = -1;
          return TensorList{expand(x, shape)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3, 1})}, {{"shape", Dims{2, 3, 4}}}),
                               m.sample({m.tensor({})}, {{"shape", Dims{2, 2}}}),
                               m.sample({m.tensor({1, 4})}, {{"shape", Dims{3, -1}}}),
                               m.sample({m.tensor({1, 4})}, {{"shape", Dims{0, 4}}}),
                               m.sample({m.tensor({2, 3})}, {{"shape", Dims{2, 3}}})};
  };
  op.bad = {{"expand: [2,3] does not broadcast to [4,3]: dimension 0",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{4, 3}}}); }},
            {"fewer dimensions",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{3}}}); }}};
}

}  // namespace athanor::ops
