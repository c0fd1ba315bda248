#include "athanor/nn/init.hpp"

#include <cmath>

#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::nn {

namespace {

// FNV-1a: the same name gives the same stream on every machine.
std::uint64_t hash_name(std::string_view prefix, std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (const std::string_view part : {prefix, name})
    for (const char c : part) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}

// Each block of elements has a stream of its own: any number of threads gives the same values.
constexpr std::int64_t kBlock = 16384;

template <class Draw>
void fill(const Tensor& tensor, const InitScope& scope, std::string_view name, const Draw& draw) {
  const std::uint64_t stream = hash_name(scope.prefix, name);
  std::vector<float> values(static_cast<std::size_t>(tensor.count()));
  parallel_for(tensor.count(), kBlock, [&](std::int64_t begin, std::int64_t end) {
    Random random({scope.seed, mix(stream, static_cast<std::uint64_t>(begin / kBlock))});
    for (std::int64_t i = begin; i < end; ++i)
      values[static_cast<std::size_t>(i)] = static_cast<float>(draw(random));
  });
  tensor.copy_from(Tensor::from(values, tensor.shape()));
}

}  // namespace

std::int64_t fan_of(const Shape& shape, Fan fan) {
  require<ShapeError>(shape.size() >= 2, "fan: a weight has at least 2 axes, {} has {}",
                      to_string(shape), shape.size());
  std::int64_t kernel = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) kernel *= shape[i];
  return kernel * (fan == Fan::in ? shape[1] : shape[0]);
}

void normal(const Tensor& tensor, const InitScope& scope, std::string_view name, double mean,
            double deviation) {
  fill(tensor, scope, name, [&](Random& r) { return mean + deviation * r.normal(); });
}

void uniform(const Tensor& tensor, const InitScope& scope, std::string_view name, double low,
             double high) {
  fill(tensor, scope, name, [&](Random& r) { return low + (high - low) * r.uniform(); });
}

void truncated_normal(const Tensor& tensor, const InitScope& scope, std::string_view name,
                      double mean, double deviation, double bound) {
  require(bound >= 0.1, "truncated_normal: bound must be at least 0.1 deviations, not {}", bound);
  fill(tensor, scope, name, [&](Random& r) {
    for (;;) {
      const double z = r.normal();
      if (std::abs(z) <= bound) return mean + deviation * z;
    }
  });
}

void kaiming_normal(const Tensor& tensor, const InitScope& scope, std::string_view name, Fan fan,
                    double gain) {
  normal(tensor, scope, name, 0,
         gain / std::sqrt(static_cast<double>(fan_of(tensor.shape(), fan))));
}

void kaiming_uniform(const Tensor& tensor, const InitScope& scope, std::string_view name, Fan fan,
                     double gain) {
  const double bound = gain * std::sqrt(3.0 / static_cast<double>(fan_of(tensor.shape(), fan)));
  uniform(tensor, scope, name, -bound, bound);
}

void xavier_normal(const Tensor& tensor, const InitScope& scope, std::string_view name,
                   double gain) {
  const auto fans = fan_of(tensor.shape(), Fan::in) + fan_of(tensor.shape(), Fan::out);
  normal(tensor, scope, name, 0, gain * std::sqrt(2.0 / static_cast<double>(fans)));
}

void xavier_uniform(const Tensor& tensor, const InitScope& scope, std::string_view name,
                    double gain) {
  const auto fans = fan_of(tensor.shape(), Fan::in) + fan_of(tensor.shape(), Fan::out);
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fans));
  uniform(tensor, scope, name, -bound, bound);
}

void constant(const Tensor& tensor, double value) { tensor.fill(value); }

}  // namespace athanor::nn
