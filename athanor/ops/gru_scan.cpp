#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(gru_scan, "(gates, weight, h0, bias?, lengths?, reverse: flag = false) -> y, activations") {
  op.doc =
      "The recurrence of a GRU (Cho et al. 2014, with the reset gate behind the product as in "
      "cuDNN), from what the input adds to the gates. gates: [T, N, 3 H] in the order reset, "
      "update, new; weight: [3 H, H]; bias: [3 H], of the product with the state; h0: [N, H]; "
      "lengths: [N], i64: a sequence keeps its state behind its end. reverse: from the last step "
      "to the first. y: the states [T, N, H]; activations: [T, N, 4 H], the gates after sigmoid "
      "and tanh and the state's share of new, 0 behind the end.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_scan(op, in[0], in[1], in.subspan(2, 1), 3);
    require<ShapeError>(in[0].shape[2] == 3 * s.hidden,
                        "gru_scan: gates is {}; its last axis must be 3 times the {} hidden units "
                        "of weight",
                        to_string(in[0].shape), s.hidden);
    require<ShapeError>(in[3].shape.empty() || in[3].shape == Shape{3 * s.hidden},
                        "gru_scan: bias is {}; it must be [{}]", to_string(in[3].shape),
                        3 * s.hidden);
    require<DTypeError>(in[3].shape.empty() || in[3].dtype == in[0].dtype,
                        "gru_scan: bias is {}, the gates are {}", name_of(in[3].dtype),
                        name_of(in[0].dtype));
    check_lengths(op, in[4], s.batch);
    return MetaList{{{s.steps, s.batch, s.hidden}, in[0].dtype},
                    {{s.steps, s.batch, 4 * s.hidden}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const ScanOrder order(in[0].dim(0), a.flag("reverse"));
    const Tensor turned = permute(in[1], {1, 0});
    Tensor h = in[2];
    TensorList y(static_cast<std::size_t>(order.steps())), activations = y;
    for (std::int64_t i = 0; i < order.steps(); ++i) {
      const std::int64_t t = order[i];
      const Tensor alive = alive_at(in[4], t);
      Tensor product = matmul(h, turned);
      if (in[3].defined()) product = product + in[3];
      const TensorList g = split(step_of(in[0], t), {}, 3, 1), s = split(product, {}, 3, 1);
      const Tensor reset = sigmoid(g[0] + s[0]), update = sigmoid(g[1] + s[1]),
                   fresh = tanh(g[2] + reset * s[2]);
      h = alive_or(alive, fresh + update * (h - fresh), h);
      const Tensor all = concat(TensorList{reset, update, fresh, s[2]}, 1);
      y[static_cast<std::size_t>(t)] = h;
      activations[static_cast<std::size_t>(t)] =
          alive_or(alive, all, Tensor::scalar(0, all.dtype()));
    }
    return TensorList{stack(y, 0), stack(activations, 0)};
  };
  op.vjp = [](const Vjp& v) {
    const bool lengths = !v.meta(4).shape.empty(), reverse = v.attrs().flag("reverse");
    const auto found = gru_scan_grad(v.output(1), v.output(0), v.input(1), v.input(2),
                                     lengths ? v.input(4) : Tensor(), v.grad(0),
                                     v.has_grad(1) ? v.grad(1) : Tensor(), reverse);
    TensorList out(5);
    out[0] = found[0];
    if (v.needs(1))
      out[1] = recurrent_weight_grad(found[1], states_before(v.output(0), v.input(2), reverse));
    out[2] = found[2];
    if (v.needs(3)) out[3] = sum(found[1], {0, 1});
    return out;
  };
  op.saves =
      Saves::input(1) | Saves::input(2) | Saves::input(4) | Saves::output(0) | Saves::output(1);
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample(
            {m.tensor({3, 2, 6}), m.tensor({6, 2}), m.tensor({2, 2}), m.tensor({6}), Tensor()}),
        m.sample({m.tensor({4, 3, 3}), m.tensor({3, 1}), m.tensor({3, 1}), Tensor(),
                  sample_lengths(4, 3)}),
        m.sample({m.tensor({3, 2, 9}), m.tensor({9, 3}), m.tensor({2, 3}), m.tensor({9}),
                  sample_lengths(3, 2)},
                 {{"reverse", true}}),
        m.sample({m.tensor({1, 0, 6}), m.tensor({6, 2}), m.tensor({0, 2}), Tensor(), Tensor()})};
  };
  op.bad = {{"for 2 hidden units it must be [6, 2]",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({3, 2, 6}), m.tensor({8, 2}), m.tensor({2, 2}), Tensor(), Tensor()});
             }},
            {"its last axis must be 3 times the 2 hidden units",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({3, 2, 8}), m.tensor({6, 2}), m.tensor({2, 2}), Tensor(), Tensor()});
             }},
            {"gru_scan: bias is [2]; it must be [6]", [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2, 6}), m.tensor({6, 2}), m.tensor({2, 2}),
                                m.tensor({2}), Tensor()});
             }}};
}

}  // namespace athanor::ops
