#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// One number for each axis of the result: a shorter list begins with ones.
Dims all_repeats(const TensorMeta& x, const Attrs& a) {
  Dims repeats = a.dims("repeats");
  while (repeats.size() < x.shape.size()) repeats.insert(repeats.begin(), 1);
  for (std::int64_t r : repeats)
    require(r >= 0 && r <= (std::int64_t{1} << 40),
            "tile: repeats {} must be numbers from 0 to 2^40", list_of(a.dims("repeats")));
  return repeats;
}

}  // namespace

ATH_OP(tile, "(x, repeats: dims) -> y") {
  op.doc =
      "x repeated repeats[i] times along axis i, copy behind copy (NumPy's tile, PyTorch's "
      "repeat). More repeats than axes make new leading axes, fewer belong to the last axes.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims repeats = all_repeats(in[0], a);
    const std::size_t lead = repeats.size() - in[0].shape.size();
    Shape shape = repeats;
    for (std::size_t i = lead; i < shape.size(); ++i) {
      const std::int64_t size = in[0].shape[i - lead];
      require<ShapeError>(size != kDynamic || (i == 0 && repeats[i] == 1),
                          "tile: axis {} of {} is known only at run time; repeat other axes",
                          i - lead, describe(in[0]));
      shape[i] = size == kDynamic ? kDynamic : size * repeats[i];
    }
    if (!is_dynamic(shape)) (void)element_count(shape);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims repeats = all_repeats(meta_of(in[0]), a);
    const std::size_t lead = repeats.size() - in[0].shape().size();
    Tensor y = in[0];
    if (lead > 0) {
      Dims fresh;
      for (std::size_t i = 0; i < lead; ++i) fresh.push_back(static_cast<std::int64_t>(i));
      y = unsqueeze(y, fresh);
    }
    for (std::size_t i = 0; i < repeats.size(); ++i) {
      const auto axis = static_cast<std::int64_t>(i);
      if (repeats[i] == 1) continue;
      if (repeats[i] == 0) {
        y = slice(y, axis, 0, 0);
        continue;
      }
      // A new axis of that many copies, which the next axis is joined to.
      Dims joined = y.shape(), copies(y.shape().size() + 1, -1);
      if (is_dynamic(joined)) joined[0] = 0;
      joined[i] *= repeats[i];
      copies[i] = repeats[i];
      y = expand(unsqueeze(y, {axis}), copies);
      const bool empty = !is_dynamic(y.shape()) && element_count(y.shape()) == 0;
      y = reshape(empty ? reshape(y, {0}) : y, joined);
    }
    return TensorList{contiguous(y)};
  };
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Tensor& x = call.input_tensors[0];
        const Dims repeats = all_repeats({x.shape(), x.dtype()}, call.attrs);
        std::string value = call.inputs[0];
        if (const std::size_t lead = repeats.size() - x.shape().size(); lead > 0) {
          Dims fresh;
          for (std::size_t i = 0; i < lead; ++i) fresh.push_back(static_cast<std::int64_t>(i));
          value = w.node("Unsqueeze", {value, onnx_dims(w, fresh)});
        }
        if (repeats.empty()) return OnnxNames{w.node("Identity", {value})};
        return OnnxNames{w.node("Tile", {value, onnx_dims(w, repeats)})};
      },
      {{"Tile", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const Dims repeats = onnx_dims(node.constant(1));
          require<FormatError>(static_cast<std::int64_t>(repeats.size()) == x.rank(),
                               "ONNX Tile: {} repeats for a tensor of rank {}", repeats.size(),
                               x.rank());
          return TensorList{tile(x, repeats)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3})}, {{"repeats", Dims{2}}}),
                               m.sample({m.tensor({2, 3})}, {{"repeats", Dims{3, 2}}}),
                               m.sample({m.tensor({2, 3})}, {{"repeats", Dims{2}}}),
                               m.sample({m.tensor({2})}, {{"repeats", Dims{2, 1, 3}}}),
                               m.sample({m.tensor({2, 3, 2, 2})}, {{"repeats", Dims{1, 2, 1, 2}}}),
                               m.sample({m.tensor({2, 3, 2, 2})}, {{"repeats", Dims{1, 1}}}),
                               m.sample({m.tensor({})}, {{"repeats", Dims{}}}),
                               m.sample({m.tensor({2, 3})}, {{"repeats", Dims{2, 0}}}),
                               m.sample({m.tensor({0, 3})}, {{"repeats", Dims{2, 2}}})};
  };
  op.bad = {{"tile: repeats [2,-1] must be numbers from 0 to 2^40", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"repeats", Dims{2, -1}}});
             }}};
}

}  // namespace athanor::ops
