#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(lstm_scan_grad,
       "(activations, cells, weight, c0, lengths?, grad, grad_cells?, grad_activations?, reverse: "
       "flag = false) -> gates, h0, c0") {
  op.doc =
      "Gradients of lstm_scan by gates, h0 and c0, from its outputs activations and cells and the "
      "gradients by its outputs. Shapes as there.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_scan(op, in[0], in[2], in.subspan(3, 1), 4);
    check_lengths(op, in[4], s.batch);
    const TensorMeta states{{s.steps, s.batch, s.hidden}, in[0].dtype};
    for (const std::size_t i : {std::size_t{1}, std::size_t{5}, std::size_t{6}})
      require<ShapeError>((i == 6 && in[i].shape.empty()) || in[i].shape == states.shape,
                          "lstm_scan_grad: {} is {}; it must be {}", op.signature.inputs[i].name,
                          to_string(in[i].shape), to_string(states.shape));
    require<ShapeError>(in[7].shape.empty() || in[7].shape == in[0].shape,
                        "lstm_scan_grad: grad_activations is {}; it must be {}",
                        to_string(in[7].shape), to_string(in[0].shape));
    return MetaList{in[0], in[3], in[3]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const bool reverse = a.flag("reverse");
    const ScanOrder order(in[0].dim(0), reverse);
    const Tensor before = states_before(in[1], in[3], reverse);
    const Tensor zero = Tensor::scalar(0, in[0].dtype());
    Tensor dh = Tensor::zeros(in[3].shape(), in[3].dtype()), dc = dh;
    TensorList gates(static_cast<std::size_t>(order.steps()));
    for (std::int64_t i = order.steps(); i-- > 0;) {
      const std::int64_t t = order[i];
      const Tensor alive = alive_at(in[4], t);
      const TensorList g = split(step_of(in[0], t), {}, 4, 1);
      const Tensor &input = g[0], &forget = g[1], &cell = g[2], &output = g[3];
      const Tensor bent = tanh(step_of(in[1], t));
      dh = dh + step_of(in[5], t);
      if (in[6].defined()) dc = dc + step_of(in[6], t);
      const Tensor inner = dc + dh * output * (1.0 - bent * bent);
      TensorList d{inner * cell, inner * step_of(before, t), inner * input, dh * bent};
      if (in[7].defined()) {
        const TensorList extra = split(step_of(in[7], t), {}, 4, 1);
        for (std::size_t k = 0; k < 4; ++k) d[k] = d[k] + extra[k];
      }
      const Tensor slopes =
          concat(TensorList{d[0] * input * (1.0 - input), d[1] * forget * (1.0 - forget),
                            d[2] * (1.0 - cell * cell), d[3] * output * (1.0 - output)},
                 1);
      gates[static_cast<std::size_t>(t)] = alive_or(alive, slopes, zero);
      dh = alive_or(alive, matmul(slopes, in[2]), dh);
      dc = alive_or(alive, inner * forget, dc);
    }
    return TensorList{stack(gates, 0), dh, dc};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 2, 8}, 0.1, 0.9), m.tensor({3, 2, 2}), m.tensor({8, 2}),
                  m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), m.tensor({3, 2, 2}),
                  m.tensor({3, 2, 8})}),
        m.sample({m.tensor({3, 2, 12}, 0.1, 0.9), m.tensor({3, 2, 3}), m.tensor({12, 3}),
                  m.tensor({2, 3}), sample_lengths(3, 2), m.tensor({3, 2, 3}), Tensor(), Tensor()},
                 {{"reverse", true}}),
        m.sample({m.tensor({4, 3, 4}, 0.1, 0.9), m.tensor({4, 3, 1}), m.tensor({4, 1}),
                  m.tensor({3, 1}), sample_lengths(4, 3), m.tensor({4, 3, 1}), m.tensor({4, 3, 1}),
                  Tensor()})};
  };
  op.bad = {
      {"lstm_scan_grad: cells is [3,2,3]; it must be [3,2,2]",
       [](SampleMaker& m) {
         return m.sample({m.tensor({3, 2, 8}), m.tensor({3, 2, 3}), m.tensor({8, 2}),
                          m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), Tensor(), Tensor()});
       }},
      {"grad_activations is [3,2,4]", [](SampleMaker& m) {
         return m.sample({m.tensor({3, 2, 8}), m.tensor({3, 2, 2}), m.tensor({8, 2}),
                          m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), Tensor(),
                          m.tensor({3, 2, 4})});
       }}};
}

}  // namespace athanor::ops
