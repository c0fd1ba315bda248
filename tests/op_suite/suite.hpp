#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "athanor/op/op.hpp"

// The checks of the op suite. Each is a function of one op or of one call and reports what it
// finds, so that planted mistakes can be shown to them too (planted_test.cpp).
namespace athanor::op_suite {

/// What was checked and what was wrong.
class Report {
 public:
  void checked(int count = 1) { checks_ += count; }
  template <class... Args>
  void fail(const std::string& where, fmt::format_string<Args...> format, Args&&... args) {
    failures_.push_back(where + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  int checks() const { return checks_; }
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  int checks_ = 0;
  std::vector<std::string> failures_;
};

/// One sample of one op in one dtype.
struct Call {
  const OpDef& op;
  DType dtype;
  int index;
  Sample sample;
  /// Outputs of 16 bits are cast to f32: JavaScript cannot read them.
  bool widened = false;
  /// "silu, sample 3, f32: (f32[2,3])"
  std::string name() const;
  TensorList run() const;
  TensorList run(std::span<const Tensor> inputs) const;
};

/// All samples of an op in one dtype; the same ones every time.
std::vector<Call> calls(const OpDef& op, DType dtype);
/// All samples in all dtypes of the op.
void for_each_call(const OpDef& op, const std::function<void(const Call&)>& body);
/// f64 if the op takes it, or the first floating dtype; false when it takes none.
bool gradient_dtype(const OpDef& op, DType& dtype);

/// The meaning of an op in float64: its reference, formula or lowering, on plain copies of the
/// inputs.
TensorList reference(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs);

/// A row-major copy, of another dtype if given.
Tensor copy_of(const Tensor& tensor);
Tensor copy_of(const Tensor& tensor, DType dtype);
/// The same bytes in the same places (NaN equals itself).
bool same_bits(const Tensor& a, const Tensor& b);
/// An empty text, or how an output of the call differs from `expected` by more than the dtypes and
/// the op's tolerance explain. Values of pointwise ops are measured each by itself, those of others
/// against the largest one. `at_best`: a dtype whose precision the result cannot exceed.
std::string difference(const Call& call, const Tensor& actual, const Tensor& expected,
                       DType at_best = DType::f64);
/// The relative error that a result of the dtype may have, before the op's own factor.
double base_tolerance(DType dtype);
/// Deterministic numbers in [-1, 1].
Tensor noise(const Shape& shape, DType dtype, std::uint64_t stream);

// Of one call.
void check_values(const Call& call, Report& report);
void check_small_shapes(const Call& call, Report& report);
void check_memory_orders(const Call& call, Report& report);
void check_gradient(const Call& call, Report& report);
void check_second_gradient(const Call& call, Report& report);
void check_overwritten(const Call& call, Report& report);
void check_capture(const Call& call, Report& report);
void check_dynamic_batch(const Call& call, Report& report);
void check_onnx(const Call& call, Report& report);
void check_threads(const Call& call, Report& report);
void check_vmap(const Call& call, Report& report);

// Of one op.
void check_refusals(const OpDef& op, Report& report);
void check_edges(const OpDef& op, Report& report);
void check_saves(const OpDef& op, Report& report);
void check_random(const OpDef& op, Report& report);

}  // namespace athanor::op_suite
