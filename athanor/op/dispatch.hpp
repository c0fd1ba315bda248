#pragma once

#include <span>

#include "athanor/op/op.hpp"

namespace athanor {

/// What runs a call: the tape, capture, autocast; below them all the eager kernels.
class Interpreter {
 public:
  virtual ~Interpreter() = default;
  /// Runs one op. Calls of dispatch() from here go to the interpreters below this one.
  virtual TensorList run(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) = 0;
};

/// The one door: runs an op through this thread's stack of interpreters, from the top.
/// Throws ShapeError, DTypeError, ValueError for inputs that do not fit, UnsupportedError when
/// there is no kernel.
TensorList dispatch(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs);

/// Puts an interpreter on this thread's stack while the scope lives: on top (autocast), or just
/// below the tape (capture), above what was put there before.
class InterpreterScope {
 public:
  enum class Place { top, below_tape };
  explicit InterpreterScope(Interpreter& interpreter, Place place = Place::top);
  ~InterpreterScope();
  InterpreterScope(const InterpreterScope&) = delete;
  InterpreterScope& operator=(const InterpreterScope&) = delete;

 private:
  std::size_t level_;
  std::size_t position_;
};

/// Inside an interpreter's run(): calls go to the whole stack again while the scope lives. The tape
/// uses it to record the lowering of an op in place of the op.
class FullStackScope {
 public:
  FullStackScope();
  ~FullStackScope();
  FullStackScope(const FullStackScope&) = delete;
  FullStackScope& operator=(const FullStackScope&) = delete;

 private:
  std::size_t level_;
};

/// Whether the tape records on this thread. Default true.
bool grad_enabled();

/// Turns recording off (or on) while the scope lives.
class GradMode {
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};
struct NoGrad : GradMode {
  NoGrad() : GradMode(false) {}
};

/// The interpreter that every thread's stack begins with (the tape); null: eager only.
void set_default_interpreter(Interpreter* interpreter);

/// One call of a kernel: outputs are allocated by infer and layout.
struct KernelCall {
  const OpDef& op;
  std::span<const Tensor> inputs;
  const Attrs& attrs;
  std::span<Tensor> outputs;
};
using Kernel = void (*)(const KernelCall&);

/// The kernels of every backend, [op][device].
class KernelTable {
 public:
  /// `dtypes`: of the first input; for others the op's lowering runs, or UnsupportedError is
  /// thrown.
  void set(std::string_view op, Device device, Kernel kernel, DTypeSet dtypes = kAnyDType);
  /// What runs a formula.
  void set_formula(Device device, Kernel kernel) { formula_[static_cast<int>(device)] = kernel; }
  Kernel find(const OpDef& op, Device device, DType dtype) const {
    if (op.index >= entries_.size()) return nullptr;  // an op outside the registry
    const Entry& e = entries_[op.index][static_cast<int>(device)];
    return e.kernel && contains(e.dtypes, dtype) ? e.kernel : nullptr;
  }
  Kernel formula(Device device) const { return formula_[static_cast<int>(device)]; }
  void resize(std::size_t ops) { entries_.resize(ops); }

 private:
  struct Entry {
    Kernel kernel = nullptr;
    DTypeSet dtypes = 0;
  };
  std::vector<std::array<Entry, kDeviceCount>> entries_;
  Kernel formula_[kDeviceCount] = {};
};

const KernelTable& kernels();

/// What holds for every call: number of inputs, none of the required ones undefined, dtype of the
/// main input. Throws ValueError, DTypeError.
void check_call(const OpDef& op, std::span<const Tensor> inputs);

/// Runs an op now, without interpreters: view, kernel, formula or lowering.
TensorList run_eager(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs);

/// An output tensor of the op with the memory order that op.layout says.
Tensor allocate_output(const OpDef& op, const TensorMeta& meta, std::span<const Tensor> inputs);

}  // namespace athanor
