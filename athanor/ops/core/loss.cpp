#include "athanor/ops/core/loss.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

MetaList infer_loss(std::string_view op, std::string_view x, std::span<const TensorMeta> in,
                    const Attrs& attrs) {
  require_dtype(op, x, in[0], kFloats);
  require_same_dtype(op, x, in[0], "target", in[1]);
  if (!(in[0].shape == in[1].shape)) [[unlikely]]
    raise<ShapeError>("{}: target {} must have the shape of {} {}", op, describe(in[1]), x,
                      describe(in[0]));
  const std::string& reduction = attrs.text("reduction");
  require_reduction(op, reduction);
  return {TensorMeta{reduction == "none" ? in[0].shape : Shape{}, in[0].dtype}};
}

TensorList reduce_loss(const Tensor& losses, const Attrs& attrs) {
  const std::string& reduction = attrs.text("reduction");
  if (reduction == "none") return {losses};
  return {reduction == "sum" ? sum(losses) : mean(losses)};
}

std::vector<Sample> loss_samples(SampleMaker& m, double low, double high, double target_low,
                                 double target_high) {
  std::vector<Sample> samples;
  for (const Shape& shape : {Shape{5}, Shape{3, 4}, Shape{}, Shape{2, 3, 2, 2}})
    for (const char* reduction : {"mean", "sum", "none"})
      samples.push_back(
          m.sample({m.tensor(shape, low, high), m.tensor(shape, target_low, target_high)},
                   {{"reduction", std::string(reduction)}}));
  return samples;
}

std::vector<BadSample> bad_losses(std::string_view op, std::string_view x) {
  const std::string name(op);
  // The optional weight of some losses is left out.
  const auto call = [](SampleMaker& m, TensorList inputs, const char* reduction) {
    const Sample s = m.sample({}, {{"reduction", std::string(reduction)}});
    if (s.attrs.signature()->inputs.size() > 2) inputs.push_back({});
    return Sample{std::move(inputs), s.attrs};
  };
  return {
      {name + ": target f32[3] must have the shape of " + std::string(x) + " f32[4]",
       [call](SampleMaker& m) { return call(m, {m.tensor({4}), m.tensor({3})}, "mean"); }},
      {name + ": '" + std::string(x) + "' and 'target' must have one dtype",
       [call](SampleMaker& m) { return call(m, {m.tensor({4}), m.integers({4}, 0, 2)}, "mean"); }},
      {name + ": reduction is \"avg\"; it can be none, mean, sum",
       [call](SampleMaker& m) { return call(m, {m.tensor({4}), m.tensor({4})}, "avg"); }}};
}

}  // namespace athanor::ops
