#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(stack, "(xs..., axis: integer = 0) -> y") {
  op.doc =
      "The inputs, of one shape and dtype, beside each other along a new axis, which stands at "
      "place `axis` of the result.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const auto rank = static_cast<std::int64_t>(in[0].shape.size());
    const std::int64_t axis = normalize_axis(a.integer("axis"), rank + 1, "stack");
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in[i].dtype != in[0].dtype)
        raise<DTypeError>("stack: input {} is {}, input 0 is {}; cast one of them", i,
                          describe(in[i]), describe(in[0]));
      else if (!(in[i].shape == in[0].shape))
        raise<ShapeError>("stack: input {} is {}, input 0 is {}; all must have one shape", i,
                          describe(in[i]), describe(in[0]));
    Shape shape = in[0].shape;
    require<ShapeError>(axis != 0 || !is_dynamic(shape),
                        "stack: the leading dimension of {} is known only at run time; stack along "
                        "another axis",
                        describe(in[0]));
    shape.insert(shape.begin() + axis, static_cast<std::int64_t>(in.size()));
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = normalize_axis(a.integer("axis"), in[0].rank() + 1, "stack");
    TensorList parts;
    for (const Tensor& x : in) parts.push_back(unsqueeze(x, {axis}));
    return TensorList{contiguous(concat(parts, axis))};
  };
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3}), m.tensor({3}), m.tensor({3})}),
        m.sample({m.tensor({2, 3}), m.tensor({2, 3})}, {{"axis", 1}}),
        m.sample({m.tensor({2, 3, 4}), m.tensor({2, 3, 4})}, {{"axis", -1}}),
        m.sample({m.tensor({2, 3, 2, 2}), m.tensor({2, 3, 2, 2})}, {{"axis", 1}}),
        m.sample({m.tensor({}), m.tensor({})}),
        m.sample({m.tensor({0, 3}), m.tensor({0, 3})}, {{"axis", 1}}),
        m.sample({m.tensor({2, 3})})};
  };
  op.bad = {{"stack: input 1 is f32[4], input 0 is f32[3]; all must have one shape",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), m.tensor({4})}); }},
            {"stack: axis 2 is outside",
             [](SampleMaker& m) { return m.sample({m.tensor({3})}, {{"axis", 2}}); }},
            {"stack: input 1 is i64[2]", [](SampleMaker& m) {
               return m.sample({m.tensor({2}), Tensor::zeros({2}, DType::i64)});
             }}};
}

}  // namespace athanor::ops
