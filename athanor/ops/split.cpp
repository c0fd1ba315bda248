#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// The size of each part of an axis of `size` elements.
Dims part_sizes(const TensorMeta& x, std::int64_t axis, const Attrs& a) {
  const Dims& sizes = a.dims("sizes");
  const std::int64_t parts = a.integer("parts"), size = x.shape[static_cast<std::size_t>(axis)];
  require(sizes.empty() != (parts == 0), "split: give either sizes {} or parts {}", list_of(sizes),
          parts);
  if (sizes.empty()) {
    require(parts > 0 && parts <= 65536 && size % parts == 0,
            "split: axis {} of {} does not divide into {} equal parts; give sizes", axis,
            describe(x), parts);
    return Dims(static_cast<std::size_t>(parts), size / parts);
  }
  std::int64_t rest = size;
  for (std::int64_t part : sizes) {
    require(part >= 0, "split: sizes {} has the size {}", list_of(sizes), part);
    rest = part > rest ? -1 : rest - part;
    if (rest < 0) break;
  }
  require(rest == 0, "split: sizes {} do not sum up to the {} elements of axis {} of {}",
          list_of(sizes), size, axis, describe(x));
  return sizes;
}

std::int64_t split_axis(const TensorMeta& x, const Attrs& a) {
  const std::int64_t axis =
      normalize_axis(a.integer("axis"), static_cast<std::int64_t>(x.shape.size()), "split");
  require_static_axis("split", x, axis, "split another axis");
  return axis;
}

}  // namespace

ATH_OP(split, "(x, sizes: dims = [], parts: integer = 0, axis: integer = 0) -> ys...") {
  op.doc =
      "x cut along an axis into views of the given sizes, which sum up to the axis, or into "
      "`parts` equal ones: the inverse of concat. Exactly one of sizes and parts is given.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t axis = split_axis(in[0], a);
    MetaList metas;
    for (std::int64_t size : part_sizes(in[0], axis, a)) {
      metas.push_back(in[0]);
      metas.back().shape[static_cast<std::size_t>(axis)] = size;
    }
    return metas;
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = split_axis(meta_of(in[0]), a);
    TensorList parts;
    std::int64_t start = 0;
    for (std::int64_t size : part_sizes(meta_of(in[0]), axis, a)) {
      parts.push_back(slice(in[0], axis, start, start + size));
      start += size;
    }
    return parts;
  };
  op.vjp = [](const Vjp& v) {
    const std::int64_t axis = split_axis(v.meta(0), v.attrs());
    const std::size_t count = part_sizes(v.meta(0), axis, v.attrs()).size();
    TensorList grads;
    for (std::size_t i = 0; i < count; ++i) grads.push_back(v.grad(static_cast<int>(i)));
    return concat(grads, axis);
  };
  op.layout = Layout::kernel;
  op.cheap_to_recompute = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const TensorMeta x{call.input_tensors[0].shape(), call.input_tensors[0].dtype()};
        const std::int64_t axis = split_axis(x, call.attrs);
        const Dims sizes = part_sizes(x, axis, call.attrs);
        return w.nodes("Split", {call.inputs[0], onnx_dims(w, sizes)}, {{"axis", axis}},
                       static_cast<int>(sizes.size()));
      },
      {{"Split", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const std::int64_t axis = normalize_axis(node.integer("axis", 0), x.rank(), "ONNX Split");
          Dims sizes;
          if (node.input_count() > 1 && node.input(1).defined()) {
            sizes = onnx_dims(node.constant(1));
          } else if (node.has("split")) {  // before opset 13
            const auto given = node.integers("split", {});
            sizes = {given.begin(), given.end()};
          }
          if (sizes.empty()) {
            // Equal parts; from opset 18 on the last one may be smaller.
            require_static_axis("ONNX Split", meta_of(x), axis, "give sizes");
            const std::int64_t parts = node.integer("num_outputs", node.output_count());
            require<FormatError>(parts >= 1 && parts == node.output_count(),
                                 "ONNX Split: {} parts for {} outputs", parts, node.output_count());
            const std::int64_t size = x.dim(axis), most = (size + parts - 1) / parts;
            for (std::int64_t i = 0; i < parts; ++i)
              sizes.push_back(std::clamp<std::int64_t>(size - i * most, 0, most));
          }
          require<FormatError>(static_cast<int>(sizes.size()) == node.output_count(),
                               "ONNX Split: {} sizes for {} outputs", sizes.size(),
                               node.output_count());
          return split(x, sizes, 0, axis);
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({6})}, {{"parts", 3}}),
        m.sample({m.tensor({2, 5})}, {{"sizes", Dims{1, 3, 1}}, {"axis", 1}}),
        m.sample({m.tensor({2, 4, 3, 2})}, {{"parts", 2}, {"axis", 1}}),
        m.sample({m.tensor({3, 4})}, {{"sizes", Dims{4}}, {"axis", -1}}),
        m.sample({m.tensor({3, 4})}, {{"sizes", Dims{0, 3}}}),
        m.sample({m.tensor({0, 4})}, {{"parts", 2}, {"axis", 1}})};
  };
  op.bad = {{"split: axis 0 of f32[5] does not divide into 2 equal parts; give sizes",
             [](SampleMaker& m) { return m.sample({m.tensor({5})}, {{"parts", 2}}); }},
            {"split: sizes [2,2] do not sum up to the 5 elements of axis 0 of f32[5]",
             [](SampleMaker& m) { return m.sample({m.tensor({5})}, {{"sizes", Dims{2, 2}}}); }},
            {"split: sizes [7,-2] has the size -2",
             [](SampleMaker& m) { return m.sample({m.tensor({7})}, {{"sizes", Dims{7, -2}}}); }},
            {"split: give either sizes", [](SampleMaker& m) { return m.sample({m.tensor({5})}); }},
            {"split: axis 1 is outside", [](SampleMaker& m) {
               return m.sample({m.tensor({5})}, {{"parts", 5}, {"axis", 1}});
             }}};
}

}  // namespace athanor::ops
