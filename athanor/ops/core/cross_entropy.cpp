#include "athanor/ops/core/cross_entropy.hpp"

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

Shape check_cross_entropy(std::string_view op, const TensorMeta& logits, const TensorMeta& target,
                          const TensorMeta* weight, double label_smoothing) {
  require_dtype(op, "logits", logits, kFloats);
  require<ShapeError>(logits.shape.size() >= 2,
                      "{}: logits are {}; they must be [N, classes] or [N, classes, ...]", op,
                      describe(logits));
  require<ShapeError>(logits.shape[1] != 0, "{}: logits {} have no classes", op, describe(logits));
  Shape rows = logits.shape;
  rows.erase(rows.begin() + 1);
  if (is_floating(target.dtype)) {
    require_same_dtype(op, "logits", logits, "target", target);
    require<ShapeError>(target.shape == logits.shape,
                        "{}: target {} holds probabilities and must have the shape of logits {}; "
                        "class indices are integers of shape {}",
                        op, describe(target), describe(logits), to_string(rows));
  } else {
    require_dtype(op, "target", target, kIntegers | kFloats);
    require<ShapeError>(target.shape == rows,
                        "{}: target {} holds class indices for logits {} and must have the shape "
                        "{}",
                        op, describe(target), describe(logits), to_string(rows));
  }
  if (weight) {
    require_same_dtype(op, "logits", logits, "weight", *weight);
    require<ShapeError>(weight->shape == Shape{logits.shape[1]},
                        "{}: weight {} must have one value for each of the {} classes", op,
                        describe(*weight), logits.shape[1]);
  }
  require(label_smoothing >= 0 && label_smoothing <= 1,
          "{}: label_smoothing is {}; it must lie in [0, 1]", op, label_smoothing);
  return rows;
}

Tensor checked_classes(std::string_view op, const Tensor& target, std::int64_t classes) {
  const Tensor plain = as_i64(target);
  const std::int64_t* values = plain.data<std::int64_t>();
  for (std::int64_t i = 0; i < plain.count(); ++i) {
    if (values[i] >= 0 && values[i] < classes) [[likely]]
      continue;
    const Dims at = coordinates(target.shape(), i);
    raise<IndexError>("{}: target {} in row {} is outside [0, {}) of the {} classes", op, values[i],
                      at.size() == 1 ? std::to_string(at[0]) : to_string(at), classes, classes);
  }
  return plain;
}

Tensor along_classes(const Tensor& weight, const Tensor& logits) {
  Dims shape(logits.shape().size(), 1);
  shape[1] = weight.count();
  return reshape(weight, shape);
}

Tensor smoothed_target(const Tensor& logits, const Tensor& target, double label_smoothing) {
  const std::int64_t classes = logits.dim(1);
  Tensor t = target;
  if (!is_floating(target.dtype())) {
    Dims axes;  // the classes from the last to the second place
    for (std::int64_t i = 0; i < logits.rank(); ++i)
      axes.push_back(i == 0 ? 0 : i == 1 ? logits.rank() - 1 : i - 1);
    t = permute(one_hot(target, classes, logits.dtype()), axes);
  }
  if (label_smoothing == 0) return t;
  return t * (1 - label_smoothing) + label_smoothing / static_cast<double>(classes);
}

Tensor target_distribution(const Tensor& logits, const Tensor& target, const Tensor& weight,
                           double label_smoothing) {
  const Tensor t = smoothed_target(logits, target, label_smoothing);
  return weight.defined() ? t * along_classes(weight, logits) : t;
}

std::vector<Sample> cross_entropy_samples(SampleMaker& m, bool reductions) {
  std::vector<Sample> samples{
      m.sample({m.tensor({4, 5}, -3, 3), m.integers({4}, 0, 5), {}}),
      m.sample({m.tensor({3, 4}, -3, 3), m.integers({3}, 0, 4), m.tensor({4}, 0.2, 2)},
               {{"label_smoothing", 0.1}}),
      m.sample({m.tensor({3, 4}, -3, 3), m.tensor({3, 4}, 0.05, 0.4), {}}),
      m.sample({m.tensor({2, 3}, -3, 3), m.tensor({2, 3}, 0.05, 0.4), m.tensor({3}, 0.2, 2)},
               {{"label_smoothing", 0.2}}),
      m.sample({m.tensor({2, 3, 2, 2}, -3, 3), m.integers({2, 2, 2}, 0, 3), m.tensor({3}, 0.2, 2)}),
      m.sample({m.tensor({2, 3, 4}, -3, 3), m.tensor({2, 3, 4}, 0.05, 0.4), {}},
               {{"label_smoothing", 0.1}}),
      m.sample({m.tensor({2, 37}, -3, 3), m.integers({2}, 0, 37, DType::i32), {}},
               {{"label_smoothing", 0.1}}),
      m.sample({m.tensor({2, 3}, -3, 3), m.integers({2}, 0, 3), m.tensor({3}, 0.2, 2)})};
  if (!reductions) {
    samples.push_back(m.sample({m.tensor({0, 3}), m.integers({0}, 0, 3), {}}));
    return samples;
  }
  const std::size_t count = samples.size();
  for (std::size_t i = 0; i < count; ++i)
    for (const char* reduction : {"none", "sum"}) {
      if (i % 2 == (reduction[0] == 'n' ? 1u : 0u)) continue;
      Sample copy = samples[i];
      copy.attrs = copy.attrs.with("reduction", std::string(reduction));
      samples.push_back(std::move(copy));
    }
  return samples;
}

std::vector<BadSample> bad_cross_entropy(std::string_view op) {
  const std::string name(op);
  return {{name + ": logits are f32[3]",
           [](SampleMaker& m) { return m.sample({m.tensor({3}), m.integers({}, 0, 3), {}}); }},
          {"must have the shape [4]",
           [](SampleMaker& m) { return m.sample({m.tensor({4, 3}), m.integers({3}, 0, 3), {}}); }},
          {"must have the shape of logits f32[4,3]",
           [](SampleMaker& m) { return m.sample({m.tensor({4, 3}), m.tensor({4, 2}), {}}); }},
          {"must have one value for each of the 3 classes",
           [](SampleMaker& m) {
             return m.sample({m.tensor({4, 3}), m.integers({4}, 0, 3), m.tensor({4})});
           }},
          {"label_smoothing is 1.5",
           [](SampleMaker& m) {
             return m.sample({m.tensor({4, 3}), m.integers({4}, 0, 3), {}},
                             {{"label_smoothing", 1.5}});
           }},
          {"cross_entropy: target 3 in row 0 is outside [0, 3)",
           [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.integers({2}, 3, 4), {}}); }}};
}

void check_ignored(std::string_view op, const Attrs& attrs) {
  const Dims& ignored = attrs.dims("ignore_index");
  require(ignored.size() <= 1, "{}: ignore_index is {}; it must be one number, or none", op,
          to_string(ignored));
}

Ignored::Ignored(const Tensor& target, const Attrs& attrs) : classes(target) {
  const Dims& ignored = attrs.dims("ignore_index");
  if (ignored.empty()) return;
  const auto number = [&](std::int64_t value) {
    return Tensor::from(std::vector<std::int64_t>{value}, {});
  };
  const Tensor wide = cast(target, DType::i64);
  counts = ne(wide, number(ignored[0]));
  classes = where(counts, wide, number(0));
}

Tensor Ignored::reduced(const Tensor& losses, const Tensor& weights,
                        const std::string& reduction) const {
  const Tensor zero = Tensor::scalar(0, losses.dtype());
  const Tensor kept = counts.defined() ? where(counts, losses, zero) : losses;
  if (reduction == "none") return kept;
  if (reduction == "sum") return sum(kept);
  if (!counts.defined()) return weights.defined() ? sum(kept) / sum(weights) : mean(kept);
  const Tensor shares = weights.defined()
                            ? where(counts, weights, Tensor::scalar(0, weights.dtype()))
                            : cast(counts, losses.dtype());
  return sum(kept) / sum(shares);
}

}  // namespace athanor::ops
