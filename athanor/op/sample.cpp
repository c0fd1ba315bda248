#include "athanor/op/sample.hpp"

#include <cmath>

#include "athanor/op/op.hpp"

namespace athanor {

Tensor SampleMaker::of(const Shape& shape, const std::vector<double>& values, DType dtype) const {
  const Tensor exact = Tensor::from(values, shape);
  Tensor out = Tensor::empty(shape, dtype);
  out.copy_from(exact);
  return out;
}

Tensor SampleMaker::tensor(const Shape& shape, double low, double high) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (double& v : values) v = low + (high - low) * static_cast<double>(random_.uniform());
  if (is_integral(dtype_))
    for (double& v : values) v = std::round(dtype_ == DType::u8 ? std::fabs(v) : v);
  if (dtype_ == DType::boolean)
    for (double& v : values) v = v > (low + high) / 2;
  return of(shape, values, dtype_);
}

Tensor SampleMaker::nonzero(const Shape& shape, double low, double high, double gap) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (double& v : values) {
    v = low + (high - low) * static_cast<double>(random_.uniform());
    if (std::fabs(v) < gap) v = (v < 0 || high <= 0) && low < 0 ? v - gap : v + gap;
    if (is_integral(dtype_)) {
      v = v < 0 && dtype_ != DType::u8 ? std::floor(v) : std::ceil(std::fabs(v));
    }
  }
  return of(shape, values, dtype_);
}

Tensor SampleMaker::distinct(const Shape& shape, double step) {
  const auto count = static_cast<std::size_t>(element_count(shape));
  std::vector<double> values(count);
  const double unit = is_integral(dtype_) ? 1 : step;
  for (std::size_t i = 0; i < count; ++i)
    values[i] = unit * (static_cast<double>(i) -
                        (dtype_ == DType::u8 ? 0 : std::floor(static_cast<double>(count) / 2)));
  for (std::size_t i = count; i > 1; --i) std::swap(values[i - 1], values[random_.below(i)]);
  return of(shape, values, dtype_);
}

Tensor SampleMaker::integers(const Shape& shape, std::int64_t low, std::int64_t high, DType dtype) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (double& v : values)
    v = static_cast<double>(
        low + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low))));
  return of(shape, values, dtype);
}

Tensor SampleMaker::booleans(const Shape& shape) { return integers(shape, 0, 2, DType::boolean); }

Attrs SampleMaker::attrs(std::initializer_list<std::pair<std::string_view, Attr>> changes) const {
  return op_.attrs(changes);
}

SamplesFn unary_samples(double low, double high, double gap) {
  return [=](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{7}, Shape{}, Shape{3, 5}, Shape{2, 3, 4}, Shape{2, 3, 2, 2},
                               Shape{0, 3}, Shape{1025}})
      samples.push_back(
          m.sample({gap > 0 ? m.nonzero(shape, low, high, gap) : m.tensor(shape, low, high)}));
    return samples;
  };
}

SamplesFn binary_samples(double low, double high, double low2, double high2, double gap) {
  return [=](SampleMaker& m) {
    const auto make = [&](const Shape& s, double a, double b) {
      return gap > 0 ? m.nonzero(s, a, b, gap) : m.tensor(s, a, b);
    };
    std::vector<Sample> samples;
    const std::pair<Shape, Shape> shapes[] = {
        {{6}, {6}},      {{}, {}},        {{3, 4}, {4}},       {{3, 1}, {1, 4}},
        {{2, 3, 4}, {}}, {{}, {2, 2}},    {{2, 3, 4}, {3, 1}}, {{2, 3, 4, 2}, {1, 3, 1, 1}},
        {{0, 3}, {3}},   {{1100}, {1100}}};
    for (const auto& [a, b] : shapes)
      samples.push_back(m.sample({make(a, low, high), make(b, low2, high2)}));
    return samples;
  };
}

}  // namespace athanor
