#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// A stand-in for minus infinity whose differences are no NaN.
constexpr double kNever = -1e30;

}  // namespace

ATH_OP(
    ctc_loss,
    "(log_probs, targets, input_lengths, target_lengths, blank: integer = 0, zero_infinity: flag "
    "= false, reduction: text = \"mean\") -> loss") {
  op.doc =
      "Connectionist temporal classification (Graves et al. 2006): minus the log-probability of "
      "all "
      "alignments of the targets. log_probs: [T, N, C], of log_softmax; targets: integers [N, S] "
      "without blanks, what stands behind a target's length is not looked at; lengths: integers "
      "[N]. Reduced: none, sum, or mean (each loss divided by its target's length first). A target "
      "that cannot be aligned costs infinity, or 0 with zero_infinity.";
  op.dtypes = dtype_bit(DType::f32) | dtype_bit(DType::f64);
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("ctc_loss", "log_probs", in[0], 3);
    require_rank("ctc_loss", "targets", in[1], 2);
    const Shape &x = in[0].shape, &t = in[1].shape;
    require<ShapeError>(x[0] >= 1 && x[0] != kDynamic, "ctc_loss: there are no steps in {}",
                        describe(in[0]));
    require<ShapeError>(t[0] == x[1], "ctc_loss: {} targets for {} sequences", t[0], x[1]);
    require(a.integer("blank") >= 0 && a.integer("blank") < x[2],
            "ctc_loss: blank is {}, classes are 0 .. {}", a.integer("blank"), x[2] - 1);
    require_reduction("ctc_loss", a.text("reduction"));
    for (std::size_t i = 1; i < 4; ++i)
      require<DTypeError>(!is_floating(in[i].dtype), "ctc_loss: {} is {}; it must be integers",
                          i == 1   ? "targets"
                          : i == 2 ? "input_lengths"
                                   : "target_lengths",
                          describe(in[i]));
    for (std::size_t i = 2; i < 4; ++i)
      require<ShapeError>(in[i].shape == Shape{x[1]}, "ctc_loss: lengths must be [{}], not {}",
                          x[1], describe(in[i]));
    return MetaList{{a.text("reduction") == "none" ? Shape{x[1]} : Shape{}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const DType dtype = x.dtype();
    const std::int64_t steps = x.dim(0), batch = x.dim(1), symbols = in[1].dim(1);
    const std::int64_t states = 2 * symbols + 1;
    const auto number = [&](std::int64_t v) {
      return Tensor::from(std::vector<std::int64_t>{v}, {});
    };
    const Tensor lengths = cast(in[2], DType::i64), wanted = cast(in[3], DType::i64);
    // blank, first symbol, blank, second symbol ...: [N, states]
    const Tensor inside = gt(unsqueeze(wanted, {1}), Tensor::arange(symbols));
    const Tensor blank = number(a.integer("blank"));
    const Tensor targets = where(inside, cast(in[1], DType::i64), blank);
    const Tensor blanks = expand(reshape(blank, {1, 1}), {batch, symbols});
    const Tensor path =
        concat(TensorList{reshape(stack(TensorList{blanks, targets}, 2), {batch, 2 * symbols}),
                          expand(reshape(blank, {1, 1}), {batch, 1})},
               1);
    const Tensor never = Tensor::scalar(kNever, dtype);
    // A symbol may follow the last but one state unless it is the same symbol or a blank.
    Tensor skips;
    if (states > 2) {
      const Tensor back = slice(path, 1, 0, states - 2, 1), own = slice(path, 1, 2, states, 1);
      skips = logical_and(ne(own, back), ne(own, blank));
    }
    const auto emitted = [&](std::int64_t t) {
      return gather(squeeze(slice(x, 0, t, t + 1, 1), {0}), path, 1);
    };
    const auto shifted = [&](const Tensor& alpha, std::int64_t by) {
      const Tensor front = expand(reshape(never, {1, 1}), {batch, by});
      return concat(TensorList{front, slice(alpha, 1, 0, states - by, 1)}, 1);
    };
    const Tensor start = lt(Tensor::arange(states), number(2));
    Tensor alpha = where(start, emitted(0), never);
    for (std::int64_t t = 1; t < steps; ++t) {
      TensorList ways{alpha};
      if (states > 1) ways.push_back(shifted(alpha, 1));
      if (states > 2) {
        const Tensor allowed = concat(
            TensorList{expand(reshape(Tensor::scalar(0, DType::boolean), {1, 1}), {batch, 2}),
                       skips},
            1);
        ways.push_back(where(allowed, shifted(alpha, 2), never));
      }
      const Tensor next = logsumexp(stack(ways, 0), {0}) + emitted(t);
      const Tensor alive = unsqueeze(gt(lengths, number(t)), {1});
      alpha = where(alive, next, alpha);
    }
    // The last blank and the last symbol of each target.
    const Tensor last = unsqueeze(wanted * number(2), {1});
    Tensor end = gather(alpha, last, 1);
    if (symbols > 0) {
      const Tensor before = gather(alpha, maximum(last - number(1), number(0)), 1);
      const Tensor some = gt(last, number(0));
      end = logsumexp(stack(TensorList{end, where(some, before, never)}, 0), {0});
    }
    Tensor loss = neg(squeeze(end, {1}));
    const Tensor possible = lt(loss, Tensor::scalar(-kNever / 2, dtype));
    const double never_cost = a.flag("zero_infinity") ? 0 : kInfinity;
    loss = where(possible, loss, Tensor::scalar(never_cost, dtype));
    if (a.text("reduction") == "none") return TensorList{loss};
    if (a.text("reduction") == "sum") return TensorList{sum(loss)};
    const Tensor shares = cast(maximum(wanted, number(1)), dtype);
    return TensorList{mean(loss / shares)};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto numbers = [&](std::vector<std::int64_t> v) {
      const auto count = static_cast<std::int64_t>(v.size());
      return Tensor::from(v, {count});
    };
    return std::vector<Sample>{
        m.sample({m.tensor({6, 2, 4}, -2, -0.5), m.integers({2, 2}, 1, 4), numbers({6, 5}),
                  numbers({2, 1})}),
        m.sample({m.tensor({5, 3, 3}, -2, -0.5), m.integers({3, 2}, 0, 2), numbers({5, 4, 5}),
                  numbers({2, 0, 1})},
                 {{"blank", std::int64_t{2}}, {"reduction", std::string("none")}}),
        m.sample(
            {m.tensor({4, 1, 3}, -2, -0.5), m.integers({1, 1}, 1, 3), numbers({4}), numbers({1})},
            {{"reduction", std::string("sum")}, {"zero_infinity", true}})};
  };
  op.bad = {{"ctc_loss: blank is 4, classes are 0 .. 2",
             [](SampleMaker& m) {
               return m.sample({m.tensor({4, 1, 3}), m.integers({1, 2}, 0, 3),
                                m.integers({1}, 4, 5), m.integers({1}, 2, 3)},
                               {{"blank", std::int64_t{4}}});
             }},
            {"2 targets for 1 sequences",
             [](SampleMaker& m) {
               return m.sample({m.tensor({4, 1, 3}), m.integers({2, 2}, 0, 3),
                                m.integers({1}, 4, 5), m.integers({1}, 2, 3)});
             }},
            {"targets is f32[1,2]; it must be integers", [](SampleMaker& m) {
               return m.sample({m.tensor({4, 1, 3}), m.tensor({1, 2}), m.integers({1}, 4, 5),
                                m.integers({1}, 2, 3)});
             }}};
}

}  // namespace athanor::ops
