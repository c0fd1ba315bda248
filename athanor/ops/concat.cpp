#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(concat, "(xs..., axis: integer = 0) -> y") {
  op.doc = "The inputs one behind the other along an axis; their other dimensions are equal.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const auto axis = static_cast<std::size_t>(
        normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "concat"));
    Shape shape = in[0].shape;
    for (std::size_t i = 1; i < in.size(); ++i) {
      if (in[i].dtype != in[0].dtype)
        raise<DTypeError>("concat: input {} is {}, input 0 is {}; cast one of them", i,
                          describe(in[i]), describe(in[0]));
      bool fits = in[i].shape.size() == shape.size();
      for (std::size_t k = 0; fits && k < shape.size(); ++k)
        fits = k == axis || in[i].shape[k] == shape[k];
      if (!fits)
        raise<ShapeError>("concat: input {} is {}, input 0 is {}; only axis {} may differ", i,
                          describe(in[i]), describe(in[0]), axis);
      const std::int64_t size = in[i].shape[axis];
      shape[axis] = shape[axis] == kDynamic || size == kDynamic ? kDynamic : shape[axis] + size;
    }
    return MetaList{{shape, in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "concat"));
    Shape shape = in[0].shape();
    shape[axis] = 0;
    std::vector<std::vector<double>> values;
    for (const Tensor& t : in) {
      shape[axis] += t.shape()[axis];
      values.push_back(t.to_vector<double>());
    }
    const Shape before(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
    std::vector<double> out;
    for (std::int64_t o = 0; o < element_count(before); ++o)
      for (std::size_t i = 0; i < in.size(); ++i) {
        const Shape part(in[i].shape().begin() + axis, in[i].shape().end());
        const std::int64_t block = element_count(part);
        out.insert(out.end(), values[i].begin() + o * block, values[i].begin() + (o + 1) * block);
      }
    return TensorList{from_doubles(out, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const std::int64_t axis = normalize_axis(
        v.attrs().integer("axis"), static_cast<std::int64_t>(v.meta(0).shape.size()), "concat");
    TensorList grads;
    std::int64_t start = 0;
    for (int i = 0; i < v.input_count(); ++i) {
      const std::int64_t size = v.meta(i).shape[static_cast<std::size_t>(axis)];
      grads.push_back(v.needs(i) ? slice(v.grad(), axis, start, start + size) : Tensor());
      start += size;
    }
    return grads;
  };
  op.layout = Layout::follows;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node("Concat", call.inputs, {{"axis", call.attrs.integer("axis")}})};
      },
      {{"Concat", [](const OnnxReader& node) {
          TensorList inputs;
          for (int i = 0; i < node.input_count(); ++i) inputs.push_back(node.input(i));
          return TensorList{concat(inputs, node.integer("axis", 0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3}), m.tensor({2}), m.tensor({4})}),
        m.sample({m.tensor({2, 3}), m.tensor({2, 1})}, {{"axis", 1}}),
        m.sample({m.tensor({2, 3, 4, 4}), m.tensor({2, 2, 4, 4})}, {{"axis", -3}}),
        m.sample({m.tensor({2, 3})}), m.sample({m.tensor({0, 3}), m.tensor({2, 3})})};
  };
  op.bad = {{"concat: input 1 is f32[2,4], input 0 is f32[2,3]; only axis 0 may differ",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({2, 4})}); }},
            {"concat: axis 1 is outside",
             [](SampleMaker& m) { return m.sample({m.tensor({2})}, {{"axis", 1}}); }},
            {"cast one of them", [](SampleMaker& m) {
               return m.sample({m.tensor({2}), Tensor::zeros({2}, DType::i64)});
             }}};
}

}  // namespace athanor::ops
