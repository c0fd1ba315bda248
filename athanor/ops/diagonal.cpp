#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

struct DiagonalAxes {
  std::int64_t rows, columns;  // axes
  DiagonalAxes(const Attrs& a, std::int64_t rank)
      : rows(normalize_axis(a.integer("first"), rank, "diagonal")),
        columns(normalize_axis(a.integer("second"), rank, "diagonal")) {
    require(rows != columns, "diagonal: first and second are both axis {}; they must differ", rows);
  }
};

std::int64_t diagonal_size(std::int64_t rows, std::int64_t columns, std::int64_t offset) {
  if (offset >= columns || offset <= -rows) return 0;
  return std::min(offset < 0 ? rows + offset : rows, offset > 0 ? columns - offset : columns);
}

// No element of the last two axes of x.
Tensor empty_diagonal(const Tensor& x, Shape shape) {
  const auto last = static_cast<std::int64_t>(shape.size());
  for (const std::int64_t axis : {last, last + 1})
    if (x.dim(axis) > 0) return slice(squeeze(slice(x, axis, 0, 1), {axis}), last, 0, 0);
  shape.push_back(0);
  return Tensor::zeros(shape, x.dtype());
}

}  // namespace

ATH_OP(diagonal, "(x, offset: integer = 0, first: integer = 0, second: integer = 1) -> y") {
  op.doc =
      "The diagonal of the matrices that two axes of x hold, as the last axis; the two are gone. "
      "offset: that many columns to the right, negative: rows down.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const DiagonalAxes axes(a, static_cast<std::int64_t>(in[0].shape.size()));
    require_static_axis("diagonal", in[0], axes.rows, "take its diagonal");
    require_static_axis("diagonal", in[0], axes.columns, "take its diagonal");
    Shape shape;
    for (std::size_t i = 0; i < in[0].shape.size(); ++i)
      if (static_cast<std::int64_t>(i) != axes.rows && static_cast<std::int64_t>(i) != axes.columns)
        shape.push_back(in[0].shape[i]);
    shape.push_back(diagonal_size(in[0].shape[static_cast<std::size_t>(axes.rows)],
                                  in[0].shape[static_cast<std::size_t>(axes.columns)],
                                  a.integer("offset")));
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DiagonalAxes axes(a, in[0].rank());
    Dims order;
    Shape flat;
    for (std::int64_t i = 0; i < in[0].rank(); ++i)
      if (i != axes.rows && i != axes.columns) order.push_back(i), flat.push_back(in[0].dim(i));
    const auto last = static_cast<std::int64_t>(flat.size());
    order.push_back(axes.rows);
    order.push_back(axes.columns);
    const Tensor x = permute(in[0], order);
    const std::int64_t rows = x.dim(last), columns = x.dim(last + 1);
    const std::int64_t offset = a.integer("offset"), size = diagonal_size(rows, columns, offset);
    if (size == 0) return TensorList{contiguous(empty_diagonal(x, flat))};
    flat.push_back(rows * columns);
    // Element (i, i + offset) is columns + 1 behind the one before.
    const std::int64_t start = offset < 0 ? -offset * columns : offset;
    const std::int64_t end = start + (size - 1) * (columns + 1) + 1;
    return TensorList{contiguous(slice(reshape(x, flat), last, start, end, columns + 1))};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 3})}),
        m.sample({m.tensor({2, 4})}, {{"offset", std::int64_t{1}}}),
        m.sample({m.tensor({4, 2})}, {{"offset", std::int64_t{-2}}}),
        m.sample({m.tensor({3, 2})}, {{"offset", std::int64_t{2}}}),
        m.sample({m.tensor({3, 2, 4, 3})},
                 {{"first", std::int64_t{-1}}, {"second", std::int64_t{0}}}),
        m.sample({m.tensor({2, 3, 4})}, {{"offset", std::int64_t{-1}},
                                         {"first", std::int64_t{1}},
                                         {"second", std::int64_t{2}}}),
        m.sample({m.tensor({0, 3})}),
        m.sample({m.tensor({2, 3, 0})}, {{"first", std::int64_t{1}}, {"second", std::int64_t{2}}})};
  };
  op.bad = {{"diagonal: first and second are both axis 1",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})},
                               {{"first", std::int64_t{1}}, {"second", std::int64_t{-1}}});
             }},
            {"diagonal", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"second", std::int64_t{2}}});
             }}};
}

}  // namespace athanor::ops
