#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/resample.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(interpolate_grad,
       "(grad, input_size: dims, mode: text = \"nearest\", align_corners: flag = false, antialias: "
       "flag = false, height_scale: real = 0, width_scale: real = 0) -> dx") {
  op.doc =
      "The gradient of interpolate by its input: each element of grad is added, times its weight, "
      "to the pixels it was made of. grad: [N, C, l] or [N, C, h, w], input_size: the sizes of x "
      "behind [N, C]; the other attributes are interpolate's.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims& size = a.dims("input_size");
    require<ShapeError>(in[0].shape.size() == size.size() + 2,
                        "interpolate_grad: grad is {} and input_size {}; grad must have [N, C] and "
                        "one axis for each size",
                        describe(in[0]), list_of(size));
    Shape shape{in[0].shape[0], in[0].shape[1]};
    for (std::int64_t n : size) shape.push_back(n);
    const Dims out(in[0].shape.begin() + 2, in[0].shape.end());
    resampled_size("interpolate_grad", {shape, in[0].dtype}, a, out);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims out(in[0].shape().begin() + 2, in[0].shape().end());
    const auto tables = resample_tables(a.dims("input_size"), out, a);
    const DType work = in[0].dtype() == DType::f64 ? DType::f64 : DType::f32;
    Tensor y = matmul(cast(in[0], work), tables.back().dense(work));
    if (tables.size() == 2) y = matmul(permute(tables[0].dense(work), {1, 0}), y);
    return TensorList{cast(y, in[0].dtype())};
  };
  // Linear: its gradient is interpolate again.
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Shape& shape = v.meta(0).shape;
    return interpolate(v.grad(), Dims(shape.begin() + 2, shape.end()), a.text("mode"),
                       a.flag("align_corners"), a.flag("antialias"), a.real("height_scale"),
                       a.real("width_scale"));
  };
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 8})}, {{"input_size", Dims{5}}, {"mode", std::string("linear")}}),
        m.sample({m.tensor({1, 2, 6, 4})}, {{"input_size", Dims{3, 5}}}),
        m.sample({m.tensor({2, 1, 5, 3})}, {{"input_size", Dims{4, 4}},
                                            {"mode", std::string("bilinear")},
                                            {"align_corners", true}}),
        m.sample(
            {m.tensor({1, 2, 3, 3})},
            {{"input_size", Dims{7, 6}}, {"mode", std::string("bilinear")}, {"antialias", true}}),
        m.sample({m.tensor({1, 2, 5, 6})},
                 {{"input_size", Dims{4, 3}}, {"mode", std::string("bicubic")}}),
        m.sample({m.tensor({0, 2, 5, 6})}, {{"input_size", Dims{4, 3}}})};
  };
  op.bad = {{"grad must have [N, C] and one axis for each size",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4, 4})}, {{"input_size", Dims{5}}});
             }},
            {"mode is \"area\"", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4})},
                               {{"input_size", Dims{5}}, {"mode", std::string("area")}});
             }}};
}

}  // namespace athanor::ops
