#include "athanor/autograd/anomaly.hpp"

#include <atomic>
#include <mutex>

#include "athanor/base/error.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::autograd {

namespace {

std::atomic<bool> searching{false};

struct Place {
  std::mutex mutex;
  std::function<std::string()> tell;
};
Place& place() {
  static auto* const instance = new Place;  // a binding may end after the statics
  return *instance;
}

}  // namespace

bool detect_anomaly() { return searching.load(std::memory_order_relaxed); }
void set_detect_anomaly(bool on) { searching.store(on, std::memory_order_relaxed); }

void set_call_place(std::function<std::string()> tell) {
  const std::lock_guard lock(place().mutex);
  place().tell = std::move(tell);
}

std::string call_place() {
  std::function<std::string()> tell;
  {
    const std::lock_guard lock(place().mutex);
    tell = place().tell;
  }
  return tell ? tell() : std::string();
}

bool has_nan(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_symbolic() || !is_floating(tensor.dtype())) return false;
  const NoGrad no_grad;
  return ops::any(ops::is_nan(tensor)).item() != 0;
}

void check_outputs(const OpDef& op, std::span<const Tensor> inputs, const TensorList& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!has_nan(outputs[i])) continue;
    for (const Tensor& input : inputs)
      if (has_nan(input)) return;  // it came from further up, or from the data
    std::string given;
    for (const Tensor& input : inputs)
      given += (given.empty() ? "" : ", ") + (input.defined() ? describe(input) : "nothing");
    const std::string where = call_place();
    raise<ValueError>("anomaly: {} made a NaN in output {} ({}) from inputs without one ({}){}{}",
                      op.name, i, describe(outputs[i]), given, where.empty() ? "" : "; called at ",
                      where);
  }
}

}  // namespace athanor::autograd
