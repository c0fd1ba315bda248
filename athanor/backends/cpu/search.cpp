#include <algorithm>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

void searchsorted(const KernelCall& call) {
  const Tensor& y = call.outputs[0];
  if (y.count() == 0) return;
  const DType given = call.inputs[0].dtype();
  const DType work = given == DType::f16 || given == DType::bf16 ? DType::f32 : given;
  const Tensor sorted = as_contiguous(as_dtype(call.inputs[0], work));
  const Tensor x = as_contiguous(as_dtype(call.inputs[1], work));
  const bool right = call.attrs.flag("right");
  std::int64_t* out = y.data<std::int64_t>();
  visit_dtype(work, [&](auto tag) {
    using T = decltype(tag);
    const T* first = sorted.data<T>();
    const T* last = first + sorted.count();
    const T* values = x.data<T>();
    parallel_for(x.count(), 1 << 10, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T value = values[i];
        // NaN is neither below nor above: it goes to the end.
        const T* at = right ? std::partition_point(first, last, [&](T s) { return !(s > value); })
                            : std::partition_point(first, last, [&](T s) { return !(s >= value); });
        out[i] = at - first;
      }
    });
  });
}

}  // namespace

void register_search(KernelTable& t) { t.set("searchsorted", Device::cpu, searchsorted, kNumbers); }

}  // namespace athanor::backends::cpu
