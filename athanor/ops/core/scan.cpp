#include "athanor/ops/core/scan.hpp"

#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

DType scan_dtype(DType dtype) { return is_floating(dtype) ? dtype : DType::i64; }

MetaList infer_scan(std::string_view op, const TensorMeta& x, const Attrs& attrs) {
  (void)normalize_axis(attrs.integer("axis"), static_cast<std::int64_t>(x.shape.size()), op);
  return {TensorMeta{x.shape, scan_dtype(x.dtype)}};
}

Tensor shift_along(const Tensor& x, std::int64_t axis, std::int64_t by, double fill) {
  axis = normalize_axis(axis, x.rank(), "shift");
  const auto i = static_cast<std::size_t>(axis);
  const std::int64_t size = x.shape()[i], places = std::min(size, by < 0 ? -by : by);
  Dims before(x.shape().size(), 0), after(x.shape().size(), 0);
  (by < 0 ? after : before)[i] = places;
  const Tensor kept = by < 0 ? slice(x, axis, places, size) : slice(x, axis, 0, size - places);
  return pad(kept, before, after, fill);
}

std::vector<Sample> scan_samples(SampleMaker& m, const std::function<Tensor(const Shape&)>& make) {
  std::vector<Sample> samples;
  for (const bool exclusive : {false, true})
    for (const bool reverse : {false, true}) {
      const auto add = [&](const Shape& shape, std::int64_t axis) {
        samples.push_back(m.sample(
            {make(shape)}, {{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}}));
      };
      add({7}, 0);
      add({3, 4}, -1);
      add({2, 5, 3}, 1);
    }
  const auto add = [&](const Shape& shape, std::int64_t axis) {
    samples.push_back(m.sample({make(shape)}, {{"axis", axis}}));
  };
  add({4, 3}, 0);
  add({2, 3, 4, 2}, 1);
  add({1}, 0);
  add({40, 2}, 0);
  add({2, 0}, 1);
  add({0, 3}, 1);
  return samples;
}

std::vector<BadSample> bad_scans(std::string_view op) {
  return {{std::string(op) + ": axis 2 is outside [-2, 2) of a tensor of rank 2",
           [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axis", 2}}); }}};
}

}  // namespace athanor::ops
