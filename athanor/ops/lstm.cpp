#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// ONNX stacks the gates as input, output, forget, cell.
constexpr std::int64_t kToOnnx[] = {0, 3, 1, 2}, kFromOnnx[] = {0, 2, 3, 1};

}  // namespace

ATH_OP(lstm,
       "(x, weight_ih, weight_hh, bias_ih?, bias_hh?, h0?, c0?, lengths?, reverse: flag = false) "
       "-> y, h, c") {
  op.doc =
      "One layer of an LSTM in one direction (Hochreiter and Schmidhuber 1997). x: [T, N, I], "
      "weight_ih: [4 H, I], weight_hh: [4 H, H], biases: [4 H], gates in the order input, forget, "
      "cell, output; h0, c0: [N, H], default zeros; lengths: [N], i64. y: [T, N, H], zeros behind "
      "the end of a sequence; h, c: the last states [N, H]. reverse: from the end of each sequence "
      "to its start.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_recurrent(op, in, 4, 2);
    return MetaList{{{s.steps, s.batch, s.hidden}, in[0].dtype},
                    {{s.batch, s.hidden}, in[0].dtype},
                    {{s.batch, s.hidden}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const bool reverse = a.flag("reverse");
    const Tensor bias = in[3].defined() && in[4].defined() ? in[3] + in[4]
                        : in[3].defined()                  ? in[3]
                                                           : in[4];
    const Tensor zeros = Tensor::zeros({in[0].dim(1), in[2].dim(1)}, in[0].dtype());
    const auto found = lstm_scan(linear(in[0], in[1], bias), in[2], in[5].defined() ? in[5] : zeros,
                                 in[6].defined() ? in[6] : zeros, in[7], reverse);
    return TensorList{without_padding(found[0], in[7]), last_state(found[0], reverse),
                      last_state(found[1], reverse)};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return write_recurrent(w, call, "LSTM", kToOnnx, {});
      },
      {{"LSTM", [](const OnnxReader& node) {
          require<UnsupportedError>(node.integer("input_forget", 0) == 0 && !node.has("clip"),
                                    "ONNX LSTM: input_forget and clip are not supported");
          require<UnsupportedError>(!node.input(7).defined(),
                                    "ONNX LSTM: peepholes (input P) are not supported");
          return read_recurrent(
              node, {"Sigmoid", "Tanh", "Tanh"}, kFromOnnx, 2, [](const RecurrentLayer& l) {
                const auto f = lstm(l.x, l.weight_ih, l.weight_hh, l.bias_ih, l.bias_hh,
                                    l.states[0], l.states[1], l.lengths, l.reverse);
                return SmallVector<Tensor, 3>(f.begin(), f.end());
              });
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 2, 3}), m.tensor({8, 3}), m.tensor({8, 2}), m.tensor({8}),
                  m.tensor({8}), m.tensor({2, 2}), m.tensor({2, 2}), Tensor()}),
        m.sample({m.tensor({4, 3, 2}), m.tensor({4, 2}), m.tensor({4, 1}), m.tensor({4}), Tensor(),
                  Tensor(), Tensor(), sample_lengths(4, 3)}),
        m.sample({m.tensor({3, 2, 2}), m.tensor({12, 2}), m.tensor({12, 3}), Tensor(), Tensor(),
                  m.tensor({2, 3}), Tensor(), sample_lengths(3, 2)},
                 {{"reverse", true}})};
  };
  op.bad = bad_recurrent("lstm", 4, 2);
}

}  // namespace athanor::ops
