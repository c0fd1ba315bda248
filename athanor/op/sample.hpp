#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "athanor/base/philox.hpp"
#include "athanor/op/signature.hpp"
#include "athanor/tensor/tensor.hpp"

namespace athanor {

struct OpDef;

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// One call of an op, for the tests.
struct Sample {
  TensorList inputs;  ///< an undefined Tensor for an optional input that is left out
  Attrs attrs;
};

/// Makes the tensors of samples: same seed, same values, for any dtype. Values are drawn in float64
/// and rounded to the dtype, so samples of different dtypes stand for the same call.
class SampleMaker {
 public:
  SampleMaker(const OpDef& op, DType dtype, std::uint64_t seed)
      : op_(op), dtype_(dtype), random_({seed, 0}) {}
  DType dtype() const { return dtype_; }
  /// Uniform values in [low, high] of the suite's dtype; integers are rounded, bool is > middle.
  Tensor tensor(const Shape& shape, double low = -1, double high = 1);
  /// As tensor(), but no value is nearer to 0 than `gap`: kinks at 0 stay away from central
  /// differences.
  Tensor nonzero(const Shape& shape, double low = -1, double high = 1, double gap = 0.1);
  /// Values that all differ by at least `step`, in random order: for max, sort, pooling.
  Tensor distinct(const Shape& shape, double step = 0.1);
  /// Integers in [low, high).
  Tensor integers(const Shape& shape, std::int64_t low, std::int64_t high,
                  DType dtype = DType::i64);
  Tensor booleans(const Shape& shape);
  /// Attributes of the op: defaults, changed by name.
  Attrs attrs(std::initializer_list<std::pair<std::string_view, Attr>> changes = {}) const;
  Sample sample(TensorList inputs,
                std::initializer_list<std::pair<std::string_view, Attr>> changes = {}) const {
    return {std::move(inputs), attrs(changes)};
  }

 private:
  Tensor of(const Shape& shape, const std::vector<double>& values, DType dtype) const;
  const OpDef& op_;
  DType dtype_;
  Random random_;
};

using SamplesFn = std::function<std::vector<Sample>(SampleMaker&)>;

/// Shapes rank 0 to 4, one of them empty; values in [low, high] with distance `gap` from 0.
SamplesFn unary_samples(double low, double high, double gap = 0);
/// Pairs with and without broadcasting, rank 0, an empty one.
SamplesFn binary_samples(double low, double high, double low2, double high2, double gap = 0);

}  // namespace athanor
