#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// ONNX stacks the gates as update, reset, new: the exchange is its own inverse.
constexpr std::int64_t kOnnxOrder[] = {1, 0, 2};

}  // namespace

ATH_OP(gru,
       "(x, weight_ih, weight_hh, bias_ih?, bias_hh?, h0?, lengths?, reverse: flag = false) -> y, "
       "h") {
  op.doc =
      "One layer of a GRU in one direction (Cho et al. 2014; the reset gate acts on the product "
      "with the state, as in cuDNN). x: [T, N, I], weight_ih: [3 H, I], weight_hh: [3 H, H], "
      "biases: [3 H], gates in the order reset, update, new; h0: [N, H], default zeros; lengths: "
      "[N], i64. y: [T, N, H], zeros behind the end of a sequence; h: the last state [N, H]. "
      "reverse: from the end of each sequence to its start.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_recurrent(op, in, 3, 1);
    return MetaList{{{s.steps, s.batch, s.hidden}, in[0].dtype},
                    {{s.batch, s.hidden}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const bool reverse = a.flag("reverse");
    const Tensor h0 =
        in[5].defined() ? in[5] : Tensor::zeros({in[0].dim(1), in[2].dim(1)}, in[0].dtype());
    const auto found = gru_scan(linear(in[0], in[1], in[3]), in[2], h0, in[4], in[6], reverse);
    return TensorList{without_padding(found[0], in[6]), last_state(found[0], reverse)};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return write_recurrent(w, call, "GRU", kOnnxOrder,
                               {{"linear_before_reset", std::int64_t{1}}});
      },
      {{"GRU", [](const OnnxReader& node) {
          require<UnsupportedError>(node.integer("linear_before_reset", 0) == 1,
                                    "ONNX GRU: linear_before_reset must be 1");
          require<UnsupportedError>(!node.has("clip"), "ONNX GRU: clip is not supported");
          return read_recurrent(node, {"Sigmoid", "Tanh"}, kOnnxOrder, 1,
                                [](const RecurrentLayer& l) {
                                  const auto f = gru(l.x, l.weight_ih, l.weight_hh, l.bias_ih,
                                                     l.bias_hh, l.states[0], l.lengths, l.reverse);
                                  return SmallVector<Tensor, 3>(f.begin(), f.end());
                                });
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 2, 3}), m.tensor({6, 3}), m.tensor({6, 2}), m.tensor({6}),
                  m.tensor({6}), m.tensor({2, 2}), Tensor()}),
        m.sample({m.tensor({4, 3, 2}), m.tensor({3, 2}), m.tensor({3, 1}), m.tensor({3}), Tensor(),
                  Tensor(), sample_lengths(4, 3)}),
        m.sample({m.tensor({3, 2, 2}), m.tensor({9, 2}), m.tensor({9, 3}), Tensor(), Tensor(),
                  m.tensor({2, 3}), sample_lengths(3, 2)},
                 {{"reverse", true}})};
  };
  op.bad = bad_recurrent("gru", 3, 1);
}

}  // namespace athanor::ops
