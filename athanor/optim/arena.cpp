#include "athanor/optim/arena.hpp"

#include <algorithm>
#include <set>

namespace athanor::optim {

namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

std::vector<ParameterGroup> one_group(const nn::Module& module, double weight_decay) {
  return {{module.parameters(), weight_decay, 1}};
}

std::vector<ParameterGroup> decay_groups(const nn::Module& module, double weight_decay) {
  ParameterGroup with{{}, weight_decay, 1}, without{{}, 0, 1};
  for (nn::NamedTensor& p : module.parameters())
    (p.tensor.rank() >= 2 ? with : without).parameters.push_back(std::move(p));
  return {std::move(with), std::move(without)};
}

ParameterArena::ParameterArena(const std::vector<ParameterGroup>& groups) {
  std::set<std::string> names;
  std::set<const TensorImpl*> seen;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const nn::NamedTensor& p : groups[g].parameters) {
      if (!p.tensor.requires_grad()) continue;
      require(names.insert(p.name).second && seen.insert(p.tensor.ref().get()).second,
              "optimiser: parameter {} stands in the groups twice", p.name);
      require(!p.tensor.impl().autograd->grad_slot,
              "optimiser: parameter {} belongs to another optimiser already", p.name);
      entries_.push_back({p.name, p.tensor, g, 0, 0, 0, 0});
    }
  }
  require(!entries_.empty(), "optimiser: no parameter requires a gradient");
  // One buffer for each dtype; groups keep their order inside it.
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.tensor.dtype(), a.group) < std::pair(b.tensor.dtype(), b.group);
  });
  for (std::size_t first = 0; first < entries_.size();) {
    const DType dtype = entries_[first].tensor.dtype();
    const auto step = static_cast<std::int64_t>(kAlignment / size_of(dtype));
    std::int64_t at = 0;
    std::size_t last = first;
    for (; last < entries_.size() && entries_[last].tensor.dtype() == dtype; ++last) {
      Entry& e = entries_[last];
      e.buffer = buffers_.size();
      e.begin = at;
      e.end = at + e.tensor.count();
      e.padded = at = (e.end + step - 1) / step * step;
    }
    Buffer buffer{dtype, {}, {}};
    {
      const CategoryScope category(Category::parameter);
      buffer.values = Tensor::zeros({at}, dtype);
    }
    {
      const CategoryScope category(Category::gradient);
      buffer.gradients = Tensor::zeros({at}, dtype);
    }
    for (; first < last; ++first) {
      const Entry& e = entries_[first];
      TensorImpl& impl = e.tensor.impl();
      const Tensor place = part(buffer.values, e);
      place.copy_from(e.tensor);
      impl.storage = place.storage();
      impl.offset = place.offset();
      impl.strides = place.strides();
      impl.contiguous = true;
      impl.autograd->grad = nullptr;
      impl.autograd->grad_slot = part(buffer.gradients, e).ref();
    }
    buffers_.push_back(std::move(buffer));
  }
}

ParameterArena::~ParameterArena() {
  for (const Entry& e : entries_) {
    AutogradState& state = *e.tensor.impl().autograd;
    state.grad = nullptr;
    state.grad_slot = nullptr;
  }
}

void ParameterArena::zero_grad() {
  for (const Entry& e : entries_) e.tensor.impl().autograd->grad = nullptr;
}

Tensor ParameterArena::make_state(std::size_t buffer) const {
  const CategoryScope category(Category::optimizer);
  const Buffer& like = buffers_[buffer];
  return Tensor::zeros(like.values.shape(), like.dtype == DType::f64 ? DType::f64 : DType::f32);
}

Tensor ParameterArena::part(const Tensor& buffer, const Entry& entry) {
  const Shape& shape = entry.tensor.shape();
  return buffer.view_as(shape, contiguous_strides(shape), entry.begin);
}

}  // namespace athanor::optim
