#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// x as a matrix of rows: [..., in] -> [rows, in]; a symbolic batch is inferred.
Tensor rows_of(const Tensor& x, std::int64_t features) {
  return x.rank() == 2 ? x : reshape(x, {-1, features});
}

// alpha A B + beta C of an ONNX Gemm; the common form is one linear.
TensorList from_gemm(const OnnxReader& node) {
  Tensor a = node.input(0), b = node.input(1);
  const Tensor c = node.input_count() > 2 ? node.input(2) : Tensor();
  const double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  const bool ta = node.integer("transA", 0) != 0, tb = node.integer("transB", 0) != 0;
  if (a.rank() != 2 || b.rank() != 2)
    raise<FormatError>("ONNX Gemm: both matrices must have 2 dimensions (A: {}, B: {})",
                       describe(a), describe(b));
  if (ta) a = permute(a, {1, 0});
  if (alpha == 1 && tb && (!c.defined() || (beta == 1 && c.shape() == Shape{b.dim(0)})))
    return {linear(a, b, c)};
  if (tb) b = permute(b, {1, 0});
  Tensor y = matmul(a, b);
  if (alpha != 1) y = y * alpha;
  if (c.defined()) y = y + (beta == 1 ? c : c * beta);
  return {y};
}

}  // namespace

ATH_OP(linear, "(x, weight, bias?) -> y") {
  op.doc =
      "x weight^T + bias: the fully connected layer. x: [..., in], weight: [out, in], bias: [out], "
      "y: [..., out]. Throws ShapeError when the sizes do not fit.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const TensorMeta &x = in[0], &w = in[1], &bias = in[2];
    require_rank("linear", "weight", w, 2);
    require_same_dtype("linear", "x", x, "weight", w);
    require<ShapeError>(!x.shape.empty() && x.shape.back() == w.shape[1],
                        "linear: input has {} features, weight expects {} (x: {}, weight: {})",
                        x.shape.empty() ? 0 : x.shape.back(), w.shape[1], describe(x), describe(w));
    if (!bias.shape.empty()) {
      require<ShapeError>(bias.shape == Shape{w.shape[0]},
                          "linear: bias must have shape [{}] (bias: {}, weight: {})", w.shape[0],
                          describe(bias), describe(w));
      require_same_dtype("linear", "x", x, "bias", bias);
    }
    Shape shape = x.shape;
    shape.back() = w.shape[0];
    return MetaList{{shape, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    const Tensor y = matmul(in[0], permute(in[1], {1, 0}));
    return TensorList{in[2].defined() ? y + in[2] : y};
  };
  op.vjp = [](const Vjp& v) {
    const Shape &x = v.meta(0).shape, &w = v.meta(1).shape;
    const Tensor g = v.grad();
    TensorList out(3);
    if (v.needs(0)) out[0] = matmul(g, v.input(1));
    if (v.needs(1)) {
      if (!is_dynamic(x) && element_count(x) * w[0] == 0) {
        out[1] = Tensor::zeros(w, v.meta(1).dtype);
      } else {
        out[1] = matmul(permute(rows_of(g, w[0]), {1, 0}), rows_of(v.input(0), w[1]));
      }
    }
    if (v.needs(2)) out[2] = sum_to(g, v.meta(2).shape);
    return out;
  };
  op.saves = Saves::input(0) | Saves::input(1);
  op.amp = Precision::run_low;
  op.shard = Shard::contraction;
  op.batching = Batching::leading;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const bool bias = call.inputs.size() > 2 && !call.inputs[2].empty();
        if (call.input_tensors[0].rank() == 2) {
          OnnxNames inputs{call.inputs[0], call.inputs[1]};
          if (bias) inputs.push_back(call.inputs[2]);
          return OnnxNames{w.node("Gemm", inputs, {{"transB", std::int64_t{1}}})};
        }
        const std::string weight =
            w.node("Transpose", {call.inputs[1]}, {{"perm", std::vector<std::int64_t>{1, 0}}});
        const std::string y = w.node("MatMul", {call.inputs[0], weight});
        return OnnxNames{bias ? w.node("Add", {y, call.inputs[2]}) : y};
      },
      {{"Gemm", from_gemm}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3, 4}), m.tensor({5, 4}), m.tensor({5})}),
                               m.sample({m.tensor({3, 4}), m.tensor({5, 4}), Tensor()}),
                               m.sample({m.tensor({4}), m.tensor({2, 4}), m.tensor({2})}),
                               m.sample({m.tensor({2, 3, 4}), m.tensor({2, 4}), m.tensor({2})}),
                               m.sample({m.tensor({0, 4}), m.tensor({2, 4}), m.tensor({2})}),
                               m.sample({m.tensor({37, 33}), m.tensor({40, 33}), m.tensor({40})})};
  };
  op.bad = {
      {"linear: input has 3 features, weight expects 4",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({5, 4}), Tensor()}); }},
      {"bias must have shape [5]", [](SampleMaker& m) {
         return m.sample({m.tensor({2, 4}), m.tensor({5, 4}), m.tensor({4})});
       }}};
}

}  // namespace athanor::ops
