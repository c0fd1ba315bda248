#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "athanor/backends/cpu/pointwise.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::backends::cpu {

namespace {

using Handle = std::shared_ptr<const Program>;

struct Key {
  std::uint64_t hash = 0;
  std::uint32_t op = 0;
  std::size_t inputs = 0;
  Attrs attrs;
  friend bool operator==(const Key& a, const Key& b) {
    return a.hash == b.hash && a.op == b.op && a.inputs == b.inputs && a.attrs == b.attrs;
  }
};
struct KeyHash {
  std::size_t operator()(const Key& k) const { return k.hash; }
};

// The programs of calls with attributes; the one that was not used for longest goes first.
class Cache {
 public:
  template <class Make>
  Handle get(const Key& key, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
    Handle program = make();
    entries_.emplace_front(key, program);
    index_[key] = entries_.begin();
    if (entries_.size() > kCapacity) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return program;
  }

 private:
  static constexpr std::size_t kCapacity = 512;
  std::mutex mutex_;
  std::list<std::pair<Key, Handle>> entries_;
  std::unordered_map<Key, decltype(entries_)::iterator, KeyHash> index_;
};

Cache& cache() {
  // Never destroyed: threads may still run ops while the process ends.
  static auto* instance = new Cache;
  return *instance;
}

Handle compiled(const Expr& e, std::size_t inputs) {
  return std::make_shared<const Program>(compile(e, static_cast<int>(inputs)));
}

}  // namespace

const Program& program_for(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  if (!is_registered(op)) {
    thread_local Handle fresh;
    fresh = compiled(op.formula(attrs), inputs);
    return *fresh;
  }
  if (!op.formula.parametric()) {
    thread_local std::vector<Handle> fixed;
    if (fixed.size() <= op.index) fixed.resize(registry().size());
    Handle& slot = fixed[op.index];
    if (!slot) slot = compiled(op.formula(attrs), inputs);
    return *slot;
  }
  // In front of the shared cache a small one of the thread, without a lock.
  struct Recent {
    Key key;
    Handle program;
  };
  thread_local std::array<Recent, 64> recent;
  const std::uint64_t hash = mix(attrs.hash() + op.index, inputs);
  Recent& slot = recent[hash % recent.size()];
  if (slot.program && slot.key.hash == hash && slot.key.op == op.index &&
      slot.key.inputs == inputs && slot.key.attrs == attrs)
    return *slot.program;
  slot.key = {hash, op.index, inputs, attrs};
  slot.program = cache().get(slot.key, [&] { return compiled(op.formula(attrs), inputs); });
  return *slot.program;
}

void run_expr(const Expr& e, std::span<const Tensor> inputs, const Tensor& output) {
  static const OpDef& op = *registry().find("pointwise");
  run_program(program_for(op, Attrs(op.signature, {Attr(e)}), inputs.size()), inputs, output);
}

}  // namespace athanor::backends::cpu
