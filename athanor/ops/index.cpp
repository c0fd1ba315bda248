#include <algorithm>

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(index, "(x, indices...) -> y") {
  op.doc =
      "x[i, j, ...] for integer tensors that broadcast together: they name elements of the leading "
      "axes of x, one axis each, and their common shape takes the place of those (NumPy). Negative "
      "indices count from the end. Throws IndexError for one outside. Gradients that meet in one "
      "element are added in the order of the indices.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const std::size_t count = in.size() - 1;
    require<ShapeError>(count <= in[0].shape.size(), "index: {} indices for x {}", count,
                        describe(in[0]));
    Shape shape = in[1].shape;
    for (std::size_t i = 1; i <= count; ++i) {
      require_dtype("index", "indices", in[i], kIntegers);
      shape = broadcast_shapes(shape, in[i].shape, "index");
    }
    shape.append(in[0].shape.begin() + count, in[0].shape.end());
    return MetaList{{shape, in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const Tensor places = joined_index(in[0].shape(), in.subspan(1), "index");
    const Shape rest(in[0].shape().begin() + (in.size() - 1), in[0].shape().end());
    const std::int64_t width = element_count(rest);
    const std::vector<double> values = in[0].to_vector<double>();
    std::vector<double> out;
    for (std::int64_t i = 0; i < places.count(); ++i) {
      const auto from = values.begin() + places.data<std::int64_t>()[i] * width;
      out.insert(out.end(), from, from + width);
    }
    Shape shape = places.shape();
    shape.append(rest.begin(), rest.end());
    return TensorList{from_doubles(out, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const TensorMeta& x = v.meta(0);
    const Tensor g = v.grad();
    TensorList grads(static_cast<std::size_t>(v.input_count()));
    if (g.count() == 0 || element_count(x.shape) == 0) {
      grads[0] = Tensor::zeros(x.shape, x.dtype);
      return grads;
    }
    // The indexed axes become one.
    Tensor flat;
    std::int64_t rows = 1;
    for (int i = v.input_count() - 1; i >= 1; --i) {
      const std::int64_t size = x.shape[static_cast<std::size_t>(i - 1)];
      const Tensor& given = v.input(i);
      const Tensor at = cast(given, DType::i64);
      const Tensor place = where(lt(at, number_like(0, at)), at + static_cast<double>(size), at) *
                           static_cast<double>(rows);
      flat = flat.defined() ? flat + place : place;
      rows *= size;
    }
    const auto indexed = static_cast<std::size_t>(v.input_count() - 1);
    Shape table{rows}, source{flat.count()};
    table.append(x.shape.begin() + indexed, x.shape.end());
    source.append(x.shape.begin() + indexed, x.shape.end());
    grads[0] = reshape(index_add(Tensor::zeros(table, x.dtype), reshape(flat, {flat.count()}),
                                 reshape(g, source), 0),
                       x.shape);
    return grads;
  };
  // All but x itself.
  op.saves = Saves{~1u, 0};
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::size_t count = call.inputs.size() - 1;
        const Shape& y = call.output_tensors[0].shape();
        const Shape common(y.begin(), y.end() - (call.input_tensors[0].shape().size() - count));
        OnnxNames parts;
        for (std::size_t i = 1; i <= count; ++i) {
          std::string part = onnx_cast(w, call, i, DType::i64);
          if (!(call.input_tensors[i].shape() == common)) {
            require<UnsupportedError>(!is_dynamic(common),
                                      "index: indices of different shapes, one of them known only "
                                      "at run time, have no ONNX form; expand them");
            part = w.node("Expand", {part, onnx_dims(w, common)});
          }
          parts.push_back(w.node("Unsqueeze", {part, onnx_dims(w, Dims{-1})}));
        }
        const std::string all =
            count == 1 ? parts[0] : w.node("Concat", parts, {{"axis", std::int64_t{-1}}});
        return OnnxNames{w.node("GatherND", {call.inputs[0], all})};
      },
      {{"GatherND", [](const OnnxReader& node) {
          require<UnsupportedError>(node.integer("batch_dims", 0) == 0,
                                    "ONNX GatherND: batch_dims is not supported");
          const Tensor x = node.input(0), all = node.input(1);
          require<FormatError>(all.rank() >= 1 && all.dim(-1) >= 1 && all.dim(-1) <= x.rank(),
                               "ONNX GatherND: indices {} for data {}", describe(all), describe(x));
          TensorList indices;
          for (std::int64_t i = 0; i < all.dim(-1); ++i)
            indices.push_back(squeeze(slice(all, -1, i, i + 1), {-1}));
          return TensorList{index(x, indices)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({5}), m.integers({7}, -5, 5)}),
        m.sample({m.tensor({3, 4}), m.integers({6}, 0, 3), m.integers({6}, -4, 4)}),
        m.sample({m.tensor({3, 4, 2}), m.integers({2, 1}, 0, 3), m.integers({3}, 0, 4)}),
        m.sample({m.tensor({3, 4, 2}), m.integers({2, 2}, 0, 3, DType::i32)}),
        m.sample({m.tensor({2, 3, 2, 2}), m.integers({}, 0, 2), m.integers({4}, 0, 3),
                  m.integers({4}, 0, 2)}),
        m.sample({m.tensor({3, 4}), m.integers({0}, 0, 1)})};
  };
  op.bad = {{"index: index 4 at [0] is outside [-4, 4)",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 4}), m.integers({2}, 0, 3), m.integers({2}, 4, 5)});
             }},
            {"index: 2 indices for x f32[3]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3}), m.integers({2}, 0, 3), m.integers({2}, 0, 3)});
             }},
            {"index: input 'indices' is f32[2]",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), Tensor::zeros({2})}); }}};
}

}  // namespace athanor::ops
