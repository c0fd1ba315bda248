#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/op/expr.hpp"
#include "athanor/op/onnx_map.hpp"
#include "athanor/op/sample.hpp"
#include "athanor/op/signature.hpp"
#include "athanor/tensor/tensor.hpp"

namespace athanor {

struct OpDef;

/// What is known of a tensor before it exists.
struct TensorMeta {
  Shape shape;
  DType dtype = DType::f32;
};
using MetaList = SmallVector<TensorMeta, 2>;

/// A set of dtypes as bits.
using DTypeSet = std::uint16_t;
constexpr DTypeSet dtype_bit(DType d) { return static_cast<DTypeSet>(1u << static_cast<int>(d)); }
inline constexpr DTypeSet kBool = dtype_bit(DType::boolean);
inline constexpr DTypeSet kIntegers =
    dtype_bit(DType::u8) | dtype_bit(DType::i8) | dtype_bit(DType::i32) | dtype_bit(DType::i64);
inline constexpr DTypeSet kHalves = dtype_bit(DType::f16) | dtype_bit(DType::bf16);
inline constexpr DTypeSet kFloats = kHalves | dtype_bit(DType::f32) | dtype_bit(DType::f64);
inline constexpr DTypeSet kNumbers = kIntegers | kFloats;
inline constexpr DTypeSet kAnyDType = kNumbers | kBool;
constexpr bool contains(DTypeSet set, DType d) { return (set & dtype_bit(d)) != 0; }

/// Which inputs and outputs a vjp reads; the others are released at once.
struct Saves {
  std::uint32_t inputs_mask = 0;
  std::uint32_t outputs_mask = 0;

  static const Saves none, inputs, outputs;
  static constexpr Saves input(int i) { return {1u << i, 0}; }
  static constexpr Saves output(int i) { return {0, 1u << i}; }
  friend constexpr Saves operator|(Saves a, Saves b) {
    return {a.inputs_mask | b.inputs_mask, a.outputs_mask | b.outputs_mask};
  }
};
inline constexpr Saves Saves::none{0, 0};
inline constexpr Saves Saves::inputs{~0u, 0};
inline constexpr Saves Saves::outputs{0, ~0u};

/// What a gradient function sees. Reading a tensor that the op did not declare in `saves` throws
/// InternalError.
class Vjp {
 public:
  virtual ~Vjp() = default;
  virtual const Tensor& input(int i) const = 0;
  virtual const Tensor& output(int i) const = 0;
  const Tensor& output() const { return output(0); }
  /// Gradient of the loss by output i; zeros where none arrived.
  virtual Tensor grad(int i) const = 0;
  Tensor grad() const { return grad(0); }
  virtual bool has_grad(int i) const = 0;
  /// Whether input i wants a gradient; a vjp may leave the others undefined.
  virtual bool needs(int i) const = 0;
  /// Shape and dtype of input i, saved or not.
  virtual const TensorMeta& meta(int i) const = 0;
  virtual int input_count() const = 0;
  virtual int output_count() const = 0;
  virtual const Attrs& attrs() const = 0;
};

using InferFn = std::function<MetaList(std::span<const TensorMeta>, const Attrs&)>;
using LowerFn = std::function<TensorList(std::span<const Tensor>, const Attrs&)>;
using ViewFn = std::function<Tensor(const Tensor&, const Attrs&)>;
/// Plain float64 loops on contiguous tensors: the judge of kernels that have no lowering.
using ReferenceFn = std::function<TensorList(std::span<const Tensor>, const Attrs&)>;

/// A gradient function: one gradient per input (undefined where there is none). A function that
/// returns a Tensor serves an op with one differentiable input.
class VjpFn {
 public:
  VjpFn() = default;
  template <class F>
    requires std::is_invocable_v<F, const Vjp&>
  VjpFn(F f) {  // NOLINT: assigned from a lambda in op files
    if constexpr (std::is_same_v<std::invoke_result_t<F, const Vjp&>, Tensor>) {
      function_ = [f](const Vjp& v) { return TensorList{f(v)}; };
    } else {
      function_ = std::move(f);
    }
  }
  explicit operator bool() const { return static_cast<bool>(function_); }
  TensorList operator()(const Vjp& v) const { return function_(v); }

 private:
  std::function<TensorList(const Vjp&)> function_;
};

/// The meaning of a pointwise op, assigned from a lambda of Expr arguments, optionally followed by
/// Attrs: `op.formula = [](Expr x) { return x * sigmoid(x); };`
class Formula {
 public:
  Formula() = default;
  template <class F>
  Formula(F f) {  // NOLINT: assigned from a lambda in op files
    assign(std::move(f));
  }
  /// A formula of any number of arguments, which stands in an attribute.
  static Formula from_attrs(std::function<Expr(const Attrs&)> f) {
    Formula formula;
    formula.function_ = std::move(f);
    formula.arity_ = -1;
    formula.parametric_ = true;
    return formula;
  }
  explicit operator bool() const { return static_cast<bool>(function_); }
  /// Number of inputs, -1 for any.
  int arity() const { return arity_; }
  /// True if the expression depends on attributes.
  bool parametric() const { return parametric_; }
  Expr operator()(const Attrs& attrs) const { return function_(attrs); }

 private:
  template <class F>
  void assign(F f) {
    static const auto x = [](int i) { return Expr::argument(i); };
    if constexpr (std::is_invocable_v<F, Expr>) {
      arity_ = 1, function_ = [f](const Attrs&) { return Expr(f(x(0))); };
    } else if constexpr (std::is_invocable_v<F, Expr, Expr>) {
      arity_ = 2, function_ = [f](const Attrs&) { return Expr(f(x(0), x(1))); };
    } else if constexpr (std::is_invocable_v<F, Expr, Expr, Expr>) {
      arity_ = 3, function_ = [f](const Attrs&) { return Expr(f(x(0), x(1), x(2))); };
    } else if constexpr (std::is_invocable_v<F, Expr, const Attrs&>) {
      parametric_ = true, arity_ = 1, function_ = [f](const Attrs& a) { return Expr(f(x(0), a)); };
    } else if constexpr (std::is_invocable_v<F, Expr, Expr, const Attrs&>) {
      parametric_ = true, arity_ = 2,
      function_ = [f](const Attrs& a) { return Expr(f(x(0), x(1), a)); };
    } else {
      parametric_ = true, arity_ = 3,
      function_ = [f](const Attrs& a) { return Expr(f(x(0), x(1), x(2), a)); };
    }
  }
  std::function<Expr(const Attrs&)> function_;
  int arity_ = 0;
  bool parametric_ = false;
};

/// The output dtype of a pointwise op.
enum class ResultType : std::uint8_t {
  promoted,  ///< the promoted dtype of the inputs
  floating,  ///< the same, integers and bool become f32
  boolean,   ///< bool (comparisons, logic)
  branch     ///< the promoted dtype of inputs 1 and 2 (where)
};

/// Mixed precision: which class an op belongs to.
enum class Precision : std::uint8_t { run_low, run_f32, promote };

/// How the memory order of the output follows from the inputs.
enum class Layout : std::uint8_t {
  row_major,  ///< always row-major
  follows,    ///< NHWC in memory if the first input that has the output's rank is; pointwise: any
              ///< dense order
  kernel      ///< the kernel makes the outputs, or hands back an input
};

/// How an op splits over a mesh.
enum class Shard : std::uint8_t { pointwise, batch, reduction, contraction, replicate };

/// How vmap runs a call whose inputs have one more axis, in front. Formulas need no rule.
enum class Batching : std::uint8_t {
  loop,     ///< example after example
  axes,     ///< the attribute axis or axes moves on by one; inputs without the axis are expanded
  leading,  ///< as it is: leading axes are independent of each other
  merged    ///< input 0 is a batch itself: both axes become one
};

/// Input that must be refused, and a part of the text that must be said.
struct BadSample {
  std::string expected;
  std::function<Sample(SampleMaker&)> make;
};

/// Everything there is to say about an op. See docs/add-an-op.md. Exactly one of formula, lower,
/// view or kernels_only gives the meaning; an op with a lowering may have kernels besides.
struct OpDef {
  // filled by the registry
  std::string_view name;
  Signature signature;
  std::uint16_t index = 0;

  std::string doc;            ///< one sentence, then shapes, then the source of the formula
  DTypeSet dtypes = kFloats;  ///< dtypes of the main input that it takes
  InferFn infer;              ///< derived for formulas
  Formula formula;
  ResultType result = ResultType::promoted;  ///< formulas only
  LowerFn lower;
  ViewFn view;
  bool kernels_only = false;
  ReferenceFn reference;    ///< required with kernels_only
  VjpFn vjp;                ///< absent: derived from the formula or the lowering
  std::string no_gradient;  ///< the reason why it has none
  Saves saves;
  bool reduction = false;
  bool random = false;  ///< its numbers come from the attributes seed and stream
  bool collective = false;
  bool may_alias = false;  ///< the output may take the memory of an input
  bool cheap_to_recompute = false;
  Precision amp = Precision::promote;
  Layout layout = Layout::row_major;
  Shard shard = Shard::replicate;
  Batching batching = Batching::loop;
  OnnxMap onnx;
  std::function<std::vector<Sample>(SampleMaker&)> samples;
  std::vector<BadSample> bad;
  std::vector<double> edges;  ///< extreme values for unary pointwise ops
  double tolerance = 1;  ///< multiplies the suite's tolerance; the reason stands in the op's file

  bool pointwise() const { return static_cast<bool>(formula); }
  /// Attributes from the defaults, changed by name: op.attrs({{"axis", 1}}). Throws InternalError
  /// for a missing one.
  Attrs attrs(std::initializer_list<std::pair<std::string_view, Attr>> changes = {}) const;
};

/// Output metas: infer, or broadcasting and the result rule of a formula. Throws ShapeError,
/// DTypeError.
MetaList infer(const OpDef& op, std::span<const TensorMeta> inputs, const Attrs& attrs);
TensorMeta meta_of(const Tensor& tensor);
/// The output dtype of a formula by op.result. `input(i)` gives the dtype of input i.
template <class F>
DType formula_result(const OpDef& op, std::size_t inputs, const F& input) {
  if (op.result == ResultType::boolean) return DType::boolean;
  if (op.result == ResultType::branch) return promote(input(1), input(2));
  DType result = input(0);
  for (std::size_t i = 1; i < inputs; ++i)
    if (input(i) != result) result = promote(result, input(i));
  return op.result == ResultType::floating && !is_floating(result) ? DType::f32 : result;
}

/// All ops, in the order of their names. Built once, on first use, from the files in ops/.
class Registry {
 public:
  OpDef& add(std::string_view name, std::string_view signature);
  const OpDef& operator[](std::size_t index) const { return ops_[index]; }
  const OpDef* find(std::string_view name) const;
  std::size_t size() const { return ops_.size(); }
  std::vector<OpDef>::const_iterator begin() const { return ops_.begin(); }
  std::vector<OpDef>::const_iterator end() const { return ops_.end(); }
  void reserve(std::size_t count) { ops_.reserve(count); }

 private:
  std::vector<OpDef> ops_;
};

const Registry& registry();

/// False for an op that a test or a program made for itself: what is kept by op.index is not its.
inline bool is_registered(const OpDef& op) {
  const Registry& all = registry();
  return op.index < all.size() && &all[op.index] == &op;
}

}  // namespace athanor

/// Begins the record of an op: `ATH_OP(relu, "(x) -> y") { op.doc = ...; }` in
/// athanor/ops/relu.cpp. The build reads name and signature from here to write ops.hpp and the
/// registry's list.
#define ATH_OP(name, signature) void define_##name(::athanor::OpDef& op)
