#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/views.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// A 0 is a dimension of size 0 here, not one that is kept: none can be kept of a tensor of rank 1.
Tensor reshape_exactly(const Tensor& x, const Shape& shape) {
  if (is_dynamic(shape) || element_count(shape) != 0) return reshape(x, shape);
  return reshape(reshape(x, {0}), shape);
}

}  // namespace

ATH_OP(reshape, "(x, shape: dims) -> y") {
  op.doc =
      "The elements of x in row-major order under another shape: a view when x's strides allow it, "
      "else a copy. One dimension may be -1 (inferred), a 0 keeps that dimension of x (for an x "
      "without elements where that does not fit it is 0 itself).";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{resolve_reshape(in[0].shape, a.dims("shape"), "reshape"), in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Shape shape = resolve_reshape(x.shape(), a.dims("shape"), "reshape");
    if (x.is_contiguous()) return x.view_as(shape, contiguous_strides(shape), x.offset());
    if (const auto strides = view_strides(x.shape(), x.strides(), shape))
      return x.view_as(shape, *strides, x.offset());
    const Tensor copy = contiguous(x);
    return copy.view_as(shape, contiguous_strides(shape), copy.offset());
  };
  op.vjp = [](const Vjp& v) { return reshape_exactly(v.grad(), v.meta(0).shape); };
  op.cheap_to_recompute = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        // With 0 for what stays, a file with another batch size keeps working.
        const Shape& x = call.input_tensors[0].shape();
        Dims shape = call.output_tensors[0].shape();
        const bool empty = !is_dynamic(shape) && element_count(shape) == 0;
        if (!empty && !shape.empty() && !x.empty() && shape[0] == x[0]) shape[0] = 0;
        OnnxAttrs attrs;
        if (empty) attrs.emplace("allowzero", std::int64_t{1});
        return OnnxNames{w.node("Reshape", {call.inputs[0], onnx_dims(w, shape)}, attrs)};
      },
      {{"Reshape", [](const OnnxReader& node) {
          const Dims shape = onnx_dims(node.constant(1));
          const bool zeros = std::find(shape.begin(), shape.end(), 0) != shape.end();
          if (zeros && node.integer("allowzero", 0) != 0)
            return TensorList{reshape_exactly(node.input(0), shape)};
          return TensorList{reshape(node.input(0), shape)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 6})}, {{"shape", Dims{3, 4}}}),
                               m.sample({m.tensor({2, 3, 4})}, {{"shape", Dims{0, -1}}}),
                               m.sample({m.tensor({2, 3, 4})}, {{"shape", Dims{-1, 2}}}),
                               m.sample({m.tensor({})}, {{"shape", Dims{1, 1}}}),
                               m.sample({m.tensor({1, 1})}, {{"shape", Dims{}}}),
                               m.sample({m.tensor({0, 3})}, {{"shape", Dims{3, 0}}}),
                               m.sample({m.tensor({4, 2, 1, 1})}, {{"shape", Dims{0, 2}}})};
  };
  op.bad = {
      {"reshape: [2,3] does not fit the shape [4,2]",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{4, 2}}}); }},
      {"more than one -1",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{-1, -1}}}); }},
      {"has the dimension -2",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{-2, 3}}}); }},
      {"cannot be inferred",
       [](SampleMaker& m) { return m.sample({m.tensor({0, 3})}, {{"shape", Dims{0, -1}}}); }}};
}

}  // namespace athanor::ops
