#include "athanor/op/dispatch.hpp"

#include <atomic>

#include "athanor/base/error.hpp"

namespace athanor {

namespace {

std::atomic<Interpreter*> default_interpreter{nullptr};

struct Stack {
  SmallVector<Interpreter*, 6> items;
  std::size_t level = 0;  // dispatch() goes to items[level - 1]
  bool grad = true;
  Stack() {
    (void)kernels();  // installs the default interpreter, and must before any stack is made
    if (Interpreter* first = default_interpreter.load()) items.push_back(first);
    level = items.size();
  }
};

Stack& stack() {
  thread_local Stack instance;
  return instance;
}

// Restores the level when an interpreter returns or throws.
struct LevelGuard {
  Stack& s;
  std::size_t level;
  ~LevelGuard() { s.level = level; }
};

const Tensor& main_input(std::span<const Tensor> inputs) {
  for (const Tensor& t : inputs)
    if (t.defined()) return t;
  static const Tensor none;
  return none;
}

}  // namespace

TensorList dispatch(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  Stack& s = stack();
  if (s.level == 0) return run_eager(op, inputs, attrs);
  const LevelGuard guard{s, s.level};
  --s.level;
  return s.items[s.level]->run(op, inputs, attrs);
}

InterpreterScope::InterpreterScope(Interpreter& interpreter, Place place)
    : level_(stack().level), position_(level_) {
  Stack& s = stack();
  if (place == Place::below_tape) {
    position_ = 0;
    for (std::size_t i = 0; i < level_; ++i)
      if (s.items[i] == default_interpreter.load()) position_ = i;
  }
  // Inside an interpreter "top" means just above what is below it.
  s.items.insert(s.items.begin() + position_, &interpreter);
  ++s.level;
}

InterpreterScope::~InterpreterScope() {
  Stack& s = stack();
  s.items.erase(s.items.begin() + position_);
  s.level = level_;
}

FullStackScope::FullStackScope() : level_(stack().level) { stack().level = level_ + 1; }
FullStackScope::~FullStackScope() { stack().level = level_; }

bool grad_enabled() { return stack().grad; }
GradMode::GradMode(bool enabled) : previous_(stack().grad) { stack().grad = enabled; }
GradMode::~GradMode() { stack().grad = previous_; }

void set_default_interpreter(Interpreter* interpreter) { default_interpreter.store(interpreter); }

void KernelTable::set(std::string_view op, Device device, Kernel kernel, DTypeSet dtypes) {
  const OpDef* def = registry().find(op);
  require<InternalError>(def != nullptr, "a kernel is registered for '{}', which is no op", op);
  entries_[def->index][static_cast<int>(device)] = {kernel, dtypes};
}

namespace {

Tensor allocate(const OpDef& op, const Shape& shape, DType dtype, std::span<const Tensor> inputs) {
  if (op.layout == Layout::kernel) return {};
  if (op.layout == Layout::follows) {
    for (const Tensor& t : inputs) {
      if (!t.defined() || t.shape().size() != shape.size()) continue;
      if (t.is_contiguous()) {
        // Grey pictures lie in both orders; what is made of them goes on in NHWC, as the first
        // convolution of a net trained in that order must.
        if (!op.pointwise() && shape.size() == 4 && t.shape()[1] == 1)
          return Tensor::empty_strided(shape, channels_last_strides(shape), dtype);
        break;
      }
      if (op.pointwise() && t.shape() == shape && t.is_dense())
        return Tensor::empty_strided(shape, t.strides(), dtype);
      if (t.is_channels_last())
        return Tensor::empty_strided(shape, channels_last_strides(shape), dtype);
      break;
    }
  }
  return Tensor::empty(shape, dtype);
}

// The output of a formula without the detour through metas: most calls are of this kind.
Tensor formula_output(const OpDef& op, std::span<const Tensor> inputs) {
  const DType dtype =
      formula_result(op, inputs.size(), [&](std::size_t i) { return inputs[i].dtype(); });
  std::size_t different = 1;
  while (different < inputs.size() && inputs[different].shape() == inputs[0].shape()) ++different;
  if (different == inputs.size()) return allocate(op, inputs[0].shape(), dtype, inputs);
  Shape shape = inputs[0].shape();
  for (; different < inputs.size(); ++different)
    shape = broadcast_shapes(shape, inputs[different].shape(), op.name);
  return allocate(op, shape, dtype, inputs);
}

}  // namespace

Tensor allocate_output(const OpDef& op, const TensorMeta& meta, std::span<const Tensor> inputs) {
  return allocate(op, meta.shape, meta.dtype, inputs);
}

void check_call(const OpDef& op, std::span<const Tensor> inputs) {
  const auto& declared = op.signature.inputs;
  const bool variadic = !declared.empty() && declared.back().variadic;
  if (variadic ? inputs.size() < declared.size() : inputs.size() != declared.size())
    raise<ValueError>("{}: {} inputs given, it takes {}{}", op.name, inputs.size(),
                      variadic ? "at least " : "", declared.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& input = declared[std::min(i, declared.size() - 1)];
    if (!inputs[i].defined() && !input.optional)
      raise<ValueError>("{}: input '{}' is undefined", op.name, input.name);
  }
  if (inputs.empty()) return;
  const Tensor& main = main_input(inputs);
  if (contains(op.dtypes, main.dtype())) return;
  std::string names;
  for (DType d : kAllDTypes)
    if (contains(op.dtypes, d)) names += (names.empty() ? "" : ", ") + std::string(name_of(d));
  raise<DTypeError>("{}: input '{}' is {}; it takes {}", op.name, op.signature.inputs[0].name,
                    describe(main), names);
}

TensorList run_eager(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  check_call(op, inputs);
  const Tensor& main = main_input(inputs);
  for (const Tensor& t : inputs)
    if (t.defined() && t.is_symbolic())
      raise<InternalError>("{}: a symbolic tensor reached a kernel", op.name);
  const DType dtype = inputs.empty() ? DType::f32 : main.dtype();
  if (op.view) return {op.view(inputs[0], attrs)};
  const Device device = !main.defined() ? Device::cpu : main.device();
  Kernel kernel = kernels().find(op, device, dtype);
  if (!kernel && op.formula) kernel = kernels().formula(device);
  if (!kernel && op.lower) {
    SmallVector<TensorMeta, 4> metas;
    for (const Tensor& t : inputs) metas.push_back(meta_of(t));
    if (op.infer)
      (void)op.infer(metas, attrs);  // the op's own words for a refusal, not its lowering's
    return op.lower(inputs, attrs);
  }
  require<UnsupportedError>(kernel != nullptr, "{}: no kernel for {} on {}", op.name,
                            name_of(dtype), name_of(device));
  TensorList outputs;
  if (op.formula && !op.infer) {
    outputs.push_back(formula_output(op, inputs));
    kernel({op, inputs, attrs, {outputs.data(), 1}});
    return outputs;
  }
  SmallVector<TensorMeta, 4> metas;
  for (const Tensor& t : inputs) metas.push_back(meta_of(t));
  for (const TensorMeta& meta : infer(op, metas, attrs))
    outputs.push_back(allocate_output(op, meta, inputs));
  kernel({op, inputs, attrs, {outputs.data(), outputs.size()}});
  return outputs;
}

}  // namespace athanor
