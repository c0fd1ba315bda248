#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(lstm_scan,
       "(gates, weight, h0, c0, lengths?, reverse: flag = false) -> y, cells, activations") {
  op.doc =
      "The recurrence of an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et "
      "al. 2000), from what the input adds to the gates. gates: [T, N, 4 H] in the order input, "
      "forget, cell, output; weight: [4 H, H]; h0, c0: [N, H]; lengths: [N], i64: a sequence keeps "
      "its state behind its end. reverse: from the last step to the first. y: the states [T, N, "
      "H], cells: [T, N, H], activations: the gates after sigmoid and tanh, [T, N, 4 H], 0 behind "
      "the end.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_scan(op, in[0], in[1], in.subspan(2, 2), 4);
    check_lengths(op, in[4], s.batch);
    const TensorMeta states{{s.steps, s.batch, s.hidden}, in[0].dtype};
    return MetaList{states, states, in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const ScanOrder order(in[0].dim(0), a.flag("reverse"));
    const Tensor turned = permute(in[1], {1, 0});
    Tensor h = in[2], c = in[3];
    TensorList y(static_cast<std::size_t>(order.steps())), cells = y, activations = y;
    for (std::int64_t i = 0; i < order.steps(); ++i) {
      const std::int64_t t = order[i];
      const Tensor alive = alive_at(in[4], t);
      const TensorList g = split(step_of(in[0], t) + matmul(h, turned), {}, 4, 1);
      const Tensor input = sigmoid(g[0]), forget = sigmoid(g[1]), cell = tanh(g[2]),
                   output = sigmoid(g[3]);
      const Tensor next = forget * c + input * cell;
      h = alive_or(alive, output * tanh(next), h);
      c = alive_or(alive, next, c);
      const Tensor all = concat(TensorList{input, forget, cell, output}, 1);
      const auto k = static_cast<std::size_t>(t);
      y[k] = h;
      cells[k] = c;
      activations[k] = alive_or(alive, all, Tensor::scalar(0, all.dtype()));
    }
    return TensorList{stack(y, 0), stack(cells, 0), stack(activations, 0)};
  };
  op.vjp = [](const Vjp& v) {
    const bool lengths = !v.meta(4).shape.empty(), reverse = v.attrs().flag("reverse");
    const auto given = [&](int i) { return v.has_grad(i) ? v.grad(i) : Tensor(); };
    const auto found =
        lstm_scan_grad(v.output(2), v.output(1), v.input(1), v.input(3),
                       lengths ? v.input(4) : Tensor(), v.grad(0), given(1), given(2), reverse);
    TensorList out(5);
    out[0] = found[0];
    if (v.needs(1))
      out[1] = recurrent_weight_grad(found[0], states_before(v.output(0), v.input(2), reverse));
    out[2] = found[1];
    out[3] = found[2];
    return out;
  };
  op.saves = Saves::input(1) | Saves::input(2) | Saves::input(3) | Saves::input(4) |
             Saves::output(0) | Saves::output(1) | Saves::output(2);
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3, 2, 8}), m.tensor({8, 2}), m.tensor({2, 2}),
                                         m.tensor({2, 2}), Tensor()}),
                               m.sample({m.tensor({4, 3, 4}), m.tensor({4, 1}), m.tensor({3, 1}),
                                         m.tensor({3, 1}), sample_lengths(4, 3)}),
                               m.sample({m.tensor({3, 2, 12}), m.tensor({12, 3}), m.tensor({2, 3}),
                                         m.tensor({2, 3}), sample_lengths(3, 2)},
                                        {{"reverse", true}}),
                               m.sample({m.tensor({1, 0, 8}), m.tensor({8, 2}), m.tensor({0, 2}),
                                         m.tensor({0, 2}), Tensor()})};
  };
  op.bad = {{"for 2 hidden units it must be [8, 2]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2, 8}), m.tensor({6, 2}), m.tensor({2, 2}),
                                m.tensor({2, 2}), Tensor()});
             }},
            {"its last axis must be 4 times the 2 hidden units",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2, 7}), m.tensor({8, 2}), m.tensor({2, 2}),
                                m.tensor({2, 2}), Tensor()});
             }},
            {"must be [time, batch, 4 H]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 8}), m.tensor({8, 2}), m.tensor({2, 2}),
                                m.tensor({2, 2}), Tensor()});
             }},
            {"a state is [2,3]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2, 8}), m.tensor({8, 2}), m.tensor({2, 2}),
                                m.tensor({2, 3}), Tensor()});
             }},
            {"there are no steps",
             [](SampleMaker& m) {
               return m.sample({m.tensor({0, 2, 8}), m.tensor({8, 2}), m.tensor({2, 2}),
                                m.tensor({2, 2}), Tensor()});
             }},
            {"lengths is [3]; for 2 sequences it must be [2]", [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2, 8}), m.tensor({8, 2}), m.tensor({2, 2}),
                                m.tensor({2, 2}), sample_lengths(3, 3)});
             }}};
}

}  // namespace athanor::ops
