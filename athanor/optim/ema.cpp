#include "athanor/optim/ema.hpp"

#include <algorithm>

#include "athanor/optim/kernels.hpp"

namespace athanor::optim {

namespace {

constexpr const char* kUpdates = "ema-updates";

void exchange(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype() && a.is_contiguous() && b.is_contiguous()) {
    auto* from = static_cast<char*>(a.raw());
    std::swap_ranges(from, from + a.count() * static_cast<std::int64_t>(size_of(a.dtype())),
                     static_cast<char*>(b.raw()));
    a.storage()->bump_version();
    b.storage()->bump_version();
    return;
  }
  const Tensor kept = Tensor::empty(a.shape(), a.dtype());
  kept.copy_from(a);
  a.copy_from(b);
  b.copy_from(kept);
}

}  // namespace

Ema::Ema(const ParameterArena& arena, std::vector<nn::NamedTensor> buffers, EmaOptions options)
    : arena_(arena), buffers_(std::move(buffers)), options_(options) {
  require(options.decay >= 0 && options.decay < 1, "Ema: decay must be in [0, 1), not {}",
          options.decay);
  const CategoryScope category(Category::optimizer);
  for (std::size_t i = 0; i < arena_.buffers().size(); ++i) {
    averages_.push_back(arena_.make_state(i));
    averages_.back().copy_from(arena_.buffers()[i].values);
  }
  for (const nn::NamedTensor& buffer : buffers_) {
    buffer_averages_.push_back(Tensor::empty(buffer.tensor.shape(), buffer.tensor.dtype()));
    buffer_averages_.back().copy_from(buffer.tensor);
  }
}

void Ema::update() {
  const auto n = static_cast<double>(updates_++);
  const double decay =
      options_.warmup ? std::min(options_.decay, (1 + n) / (10 + n)) : options_.decay;
  for (std::size_t i = 0; i < averages_.size(); ++i)
    blend(averages_[i], arena_.buffers()[i].values, decay);
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const DType dtype = buffers_[i].tensor.dtype();
    if (dtype == DType::f32 || dtype == DType::f64) {
      blend(buffer_averages_[i], buffers_[i].tensor, decay);
    } else {
      buffer_averages_[i].copy_from(buffers_[i].tensor);
    }
  }
}

void Ema::swap() {
  for (std::size_t i = 0; i < averages_.size(); ++i)
    exchange(averages_[i], arena_.buffers()[i].values);
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    exchange(buffer_averages_[i], buffers_[i].tensor);
}

TensorMap Ema::state() const {
  TensorMap out;
  for (const ParameterArena::Entry& e : arena_.entries())
    out.emplace("ema/" + e.name, ParameterArena::part(averages_[e.buffer], e));
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    out.emplace("ema/" + buffers_[i].name, buffer_averages_[i]);
  out.emplace(kUpdates, Tensor::from(std::vector<std::int64_t>{updates_}, {}));
  return out;
}

void Ema::load_state(const TensorMap& state) {
  const TensorMap own = this->state();
  for (const auto& [name, target] : own) {
    const auto found = state.find(name);
    require(found != state.end(), "the state has no {}", name);
    require(found->second.shape() == target.shape() && found->second.dtype() == target.dtype(),
            "the state's {} is {}, not {}", name, describe(found->second), describe(target));
  }
  require(state.size() == own.size(), "the state has {} tensors, the averages need {}",
          state.size(), own.size());
  for (const auto& [name, target] : own) target.copy_from(state.at(name));
  updates_ = *state.at(kUpdates).data<std::int64_t>();
}

}  // namespace athanor::optim
