#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// Gradient of a product whose sides have at least two dimensions each.
TensorList product_vjp(const Tensor& a, const Tensor& b, const Tensor& g, bool need_a, bool need_b,
                       const Shape& shape_a, const Shape& shape_b) {
  TensorList out(2);
  if (need_a) out[0] = summed_to(matmul(g, transposed(b)), shape_a);
  if (!need_b) return out;
  if (shape_b.size() == 2 && a.rank() > 2 && !is_dynamic(shape_a)) {
    // One product over all batches instead of one for each and a sum.
    const std::int64_t k = shape_b[0], n = shape_b[1];
    const std::int64_t rows = element_count(shape_a) / std::max<std::int64_t>(k, 1);
    if (rows > 0 && k > 0 && n > 0) {
      out[1] = matmul(transposed(reshape(a, {rows, k})), reshape(g, {rows, n}));
      return out;
    }
  }
  out[1] = summed_to(matmul(transposed(a), g), shape_b);
  return out;
}

}  // namespace

ATH_OP(matmul, "(a, b) -> y") {
  op.doc =
      "The product of matrices, batched over the leading dimensions, which broadcast. a: [..., M, "
      "K], b: [..., K, N], y: [..., M, N]; a vector counts as a row on the left and as a column on "
      "the right, and its axis of size 1 is removed from the result, as in NumPy.";
  op.dtypes = kFloats | dtype_bit(DType::i32) | dtype_bit(DType::i64);
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const TensorMeta &a = in[0], &b = in[1];
    require_same_dtype("matmul", "a", a, "b", b);
    require<ShapeError>(!a.shape.empty() && !b.shape.empty(),
                        "matmul: both inputs need at least one dimension (a: {}, b: {}); multiply "
                        "by a scalar with mul",
                        describe(a), describe(b));
    const std::size_t ra = a.shape.size(), rb = b.shape.size();
    const std::int64_t ka = a.shape[ra - 1], kb = b.shape[rb == 1 ? 0 : rb - 2];
    require<ShapeError>(ka == kb && ka != kDynamic,
                        "matmul: a has {} columns, b has {} rows (a: {}, b: {})", ka, kb,
                        describe(a), describe(b));
    Shape lead_a(a.shape.begin(), a.shape.end() - std::min<std::size_t>(ra, 2));
    Shape lead_b(b.shape.begin(), b.shape.end() - std::min<std::size_t>(rb, 2));
    Shape shape = lead_b.empty()   ? lead_a
                  : lead_a.empty() ? lead_b
                                   : broadcast_shapes(lead_a, lead_b, "matmul");
    if (ra > 1) shape.push_back(a.shape[ra - 2]);
    if (rb > 1) shape.push_back(b.shape[rb - 1]);
    return MetaList{{shape, a.dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const auto a = in[0].to_vector<double>(), b = in[1].to_vector<double>();
    Shape sa = in[0].shape(), sb = in[1].shape();
    const bool row = sa.size() == 1, column = sb.size() == 1;
    if (row) sa = {1, sa[0]};
    if (column) sb = {sb[0], 1};
    const std::int64_t m = sa[sa.size() - 2], k = sa.back(), n = sb.back();
    Shape lead = broadcast_shapes(Shape(sa.begin(), sa.end() - 2), Shape(sb.begin(), sb.end() - 2),
                                  "matmul");
    const std::int64_t batches = element_count(lead);
    // Which matrix of an operand belongs to a batch: broadcast axes do not move.
    const auto matrix = [&](const Shape& s, std::int64_t batch) {
      std::int64_t index = 0, step = 1;
      for (std::size_t i = lead.size(), j = s.size() - 2; j > 0; --i, --j) {
        const std::int64_t at = batch % lead[i - 1];
        batch /= lead[i - 1];
        if (s[j - 1] != 1) index += at * step;
        step *= s[j - 1];
      }
      return index;
    };
    std::vector<double> y(static_cast<std::size_t>(batches * m * n));
    for (std::int64_t t = 0; t < batches; ++t) {
      const std::int64_t at = matrix(sa, t) * m * k, bt = matrix(sb, t) * k * n;
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          double s = 0;
          for (std::int64_t q = 0; q < k; ++q)
            s += a[static_cast<std::size_t>(at + i * k + q)] *
                 b[static_cast<std::size_t>(bt + q * n + j)];
          y[static_cast<std::size_t>((t * m + i) * n + j)] = s;
        }
    }
    Shape shape = lead;
    if (!row) shape.push_back(m);
    if (!column) shape.push_back(n);
    return TensorList{from_doubles(y, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Shape &sa = v.meta(0).shape, &sb = v.meta(1).shape;
    const bool row = sa.size() == 1, column = sb.size() == 1;
    Tensor g = v.grad();
    if (!row && !column)
      return product_vjp(v.input(0), v.input(1), g, v.needs(0), v.needs(1), sa, sb);
    const Shape a2 = row ? Shape{1, sa[0]} : sa, b2 = column ? Shape{sb[0], 1} : sb;
    if (row) g = unsqueeze(g, {column ? g.rank() : g.rank() - 1});
    if (column) g = unsqueeze(g, {g.rank()});
    TensorList out = product_vjp(row ? reshape(v.input(0), a2) : v.input(0),
                                 column ? reshape(v.input(1), b2) : v.input(1), g, v.needs(0),
                                 v.needs(1), a2, b2);
    if (row && out[0].defined()) out[0] = reshape(out[0], sa);
    if (column && out[1].defined()) out[1] = reshape(out[1], sb);
    return out;
  };
  op.saves = Saves::inputs;
  op.amp = Precision::run_low;
  op.shard = Shard::contraction;
  op.batching = Batching::leading;
  op.onnx = onnx_node("MatMul");
  op.samples = [](SampleMaker& m) {
    const auto pair = [&](const Shape& a, const Shape& b) {
      return m.sample({m.tensor(a, -2, 2), m.tensor(b, -2, 2)});
    };
    return std::vector<Sample>{
        pair({3, 4}, {4, 5}),
        pair({1, 7}, {7, 1}),
        pair({4}, {4}),
        pair({4}, {4, 3}),
        pair({2, 4}, {4}),
        pair({2, 3, 4}, {4, 5}),
        pair({2, 3, 4}, {2, 4, 2}),
        pair({2, 1, 3, 4}, {3, 4, 2}),
        pair({3, 4}, {2, 4, 5}),
        pair({4}, {2, 4, 3}),
        pair({2, 3, 4}, {4}),
        pair({0, 4}, {4, 3}),
        pair({3, 0}, {0, 2}),
        pair({0, 2, 3}, {3, 2}),
        pair({33, 35}, {35, 34}),
    };
  };
  op.bad = {{"matmul: a has 3 columns, b has 4 rows",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4, 5})}); }},
            {"at least one dimension",
             [](SampleMaker& m) { return m.sample({m.tensor({}), m.tensor({4, 5})}); }},
            {"do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 2, 3}), m.tensor({3, 3, 2})}); }}};
}

}  // namespace athanor::ops
