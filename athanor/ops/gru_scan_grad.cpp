#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/recurrent.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(gru_scan_grad,
       "(activations, y, weight, h0, lengths?, grad, grad_activations?, reverse: flag = false) -> "
       "gates, products, h0") {
  op.doc =
      "Gradients of gru_scan by gates, by the products of the states with the weight [T, N, 3 H], "
      "and by h0, from its outputs and the gradients by them. Shapes as there.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs&) {
    const ScanShape s = check_scan(op, in[0], in[2], in.subspan(3, 1), 3);
    check_lengths(op, in[4], s.batch);
    require<ShapeError>(in[0].shape[2] == 4 * s.hidden,
                        "gru_scan_grad: activations is {}; its last axis must be 4 times the {} "
                        "hidden units",
                        to_string(in[0].shape), s.hidden);
    const Shape states{s.steps, s.batch, s.hidden};
    for (const std::size_t i : {std::size_t{1}, std::size_t{5}})
      require<ShapeError>(in[i].shape == states, "gru_scan_grad: {} is {}; it must be {}",
                          op.signature.inputs[i].name, to_string(in[i].shape), to_string(states));
    require<ShapeError>(in[6].shape.empty() || in[6].shape == in[0].shape,
                        "gru_scan_grad: grad_activations is {}; it must be {}",
                        to_string(in[6].shape), to_string(in[0].shape));
    const TensorMeta gates{{s.steps, s.batch, 3 * s.hidden}, in[0].dtype};
    return MetaList{gates, gates, in[3]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const bool reverse = a.flag("reverse");
    const ScanOrder order(in[0].dim(0), reverse);
    const Tensor before = states_before(in[1], in[3], reverse);
    const Tensor zero = Tensor::scalar(0, in[0].dtype());
    Tensor dh = Tensor::zeros(in[3].shape(), in[3].dtype());
    TensorList gates(static_cast<std::size_t>(order.steps())), products = gates;
    for (std::int64_t i = order.steps(); i-- > 0;) {
      const std::int64_t t = order[i];
      const Tensor alive = alive_at(in[4], t);
      const TensorList g = split(step_of(in[0], t), {}, 4, 1);
      const Tensor &reset = g[0], &update = g[1], &fresh = g[2], &share = g[3];
      dh = dh + step_of(in[5], t);
      Tensor dreset, dupdate = dh * (step_of(before, t) - fresh), dfresh = dh * (1.0 - update),
                     dshare;
      TensorList extra;
      if (in[6].defined()) {
        extra = split(step_of(in[6], t), {}, 4, 1);
        dupdate = dupdate + extra[1];
        dfresh = dfresh + extra[2];
      }
      const Tensor inner = dfresh * (1.0 - fresh * fresh);
      dreset = inner * share;
      dshare = inner * reset;
      if (in[6].defined()) {
        dreset = dreset + extra[0];
        dshare = dshare + extra[3];
      }
      const Tensor a0 = dreset * reset * (1.0 - reset), a1 = dupdate * update * (1.0 - update);
      const Tensor product = concat(TensorList{a0, a1, dshare}, 1);
      const auto k = static_cast<std::size_t>(t);
      gates[k] = alive_or(alive, concat(TensorList{a0, a1, inner}, 1), zero);
      products[k] = alive_or(alive, product, zero);
      dh = alive_or(alive, dh * update + matmul(product, in[2]), dh);
    }
    return TensorList{stack(gates, 0), stack(products, 0), dh};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({3, 2, 8}, 0.1, 0.9), m.tensor({3, 2, 2}), m.tensor({6, 2}),
                  m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), m.tensor({3, 2, 8})}),
        m.sample({m.tensor({3, 2, 12}, 0.1, 0.9), m.tensor({3, 2, 3}), m.tensor({9, 3}),
                  m.tensor({2, 3}), sample_lengths(3, 2), m.tensor({3, 2, 3}), Tensor()},
                 {{"reverse", true}}),
        m.sample({m.tensor({4, 3, 4}, 0.1, 0.9), m.tensor({4, 3, 1}), m.tensor({3, 1}),
                  m.tensor({3, 1}), sample_lengths(4, 3), m.tensor({4, 3, 1}), Tensor()})};
  };
  op.bad = {
      {"gru_scan_grad: y is [3,2,3]; it must be [3,2,2]",
       [](SampleMaker& m) {
         return m.sample({m.tensor({3, 2, 8}), m.tensor({3, 2, 3}), m.tensor({6, 2}),
                          m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), Tensor()});
       }},
      {"grad_activations is [3,2,6]", [](SampleMaker& m) {
         return m.sample({m.tensor({3, 2, 8}), m.tensor({3, 2, 2}), m.tensor({6, 2}),
                          m.tensor({2, 2}), Tensor(), m.tensor({3, 2, 2}), m.tensor({3, 2, 6})});
       }}};
}

}  // namespace athanor::ops
