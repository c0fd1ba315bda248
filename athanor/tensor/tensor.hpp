#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "athanor/base/dtype.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/intrusive.hpp"
#include "athanor/base/shape.hpp"
#include "athanor/device/allocator.hpp"
#include "athanor/device/device.hpp"

namespace athanor {

/// A block of memory that tensors view. `version` rises with every write through a tensor, so that
/// a saved value that was overwritten, or a packed copy that is stale, is noticed.
class Storage final : public RefCounted {
 public:
  Storage(std::size_t bytes, Device device, Category category);
  /// Memory that somebody else owns and keeps alive through `owner`.
  Storage(void* data, std::size_t bytes, Device device, Ref<RefCounted> owner);

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  /// Unique in this process, never reused.
  std::uint64_t id() const { return id_; }
  std::uint64_t version() const { return version_; }
  void bump_version() { ++version_; }

 private:
  ~Storage() override;

  void* data_;
  std::size_t bytes_;
  std::uint64_t id_;
  std::uint64_t version_ = 0;
  Ref<RefCounted> owner_;
  Device device_;
  Category category_;
};

class TensorImpl;

/// What the tape knows of a tensor; made on demand, shared by handles of the same tensor.
struct AutogradState final : RefCounted {
  bool requires_grad = false;
  Ref<RefCounted> node;            ///< the op that made it (autograd::Node), null for a leaf
  std::uint32_t output_index = 0;  ///< which output of that op
  Ref<TensorImpl> grad;            ///< the accumulated gradient of a leaf
  Ref<TensorImpl>
      grad_slot;  ///< where the gradient of a leaf must be stored (an optimiser's arena), or null
  Ref<RefCounted> hooks;  ///< what looks at its gradient (autograd::Hooks), or null
};

class TensorImpl final : public RefCounted {
 public:
  Ref<Storage> storage;     ///< null for a symbolic tensor (under capture)
  std::int64_t offset = 0;  ///< in elements
  Shape shape;
  Strides strides;         ///< in elements
  std::int64_t count = 0;  ///< elements; kDynamic for a symbolic tensor with an unknown dimension
  DType dtype = DType::f32;
  Device device = Device::cpu;
  bool contiguous = false;
  Ref<AutogradState> autograd;
  Ref<RefCounted> symbol;  ///< the value of a captured graph that this tensor stands for
};

/// An n-dimensional array: a counted handle, copied like a shared_ptr. Views share their storage.
/// A default-constructed Tensor is undefined; optional op inputs use that.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

  // Makers. Memory of empty() is not initialised.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32, Device device = Device::cpu);
  static Tensor empty_strided(const Shape& shape, const Strides& strides, DType dtype,
                              Device device = Device::cpu);
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor ones(const Shape& shape, DType dtype = DType::f32);
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
  static Tensor scalar(double value, DType dtype = DType::f32) { return full({}, value, dtype); }
  /// [0, 1, 2 ...] of `count` elements.
  static Tensor arange(std::int64_t count, DType dtype = DType::i64);
  /// A copy of host values in row-major order. Throws ShapeError when the count does not fit.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape) {
    return from_raw(values.data(), values.size(), dtype_of<T>, shape);
  }
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from_raw(values.data(), values.size(), dtype_of<T>, shape);
  }
  /// A tensor over foreign memory (contiguous, aligned to its element), kept alive by `owner`.
  static Tensor wrap(void* data, const Shape& shape, DType dtype, Ref<RefCounted> owner);
  /// A tensor of known dtype and shape (kDynamic allowed as leading dimension) without data.
  static Tensor symbolic(const Shape& shape, DType dtype, Ref<RefCounted> symbol);
  /// Another view of the same storage. Throws ShapeError when it would reach outside.
  Tensor view_as(const Shape& shape, const Strides& strides, std::int64_t offset) const;

  bool defined() const { return static_cast<bool>(impl_); }
  const Shape& shape() const { return impl_->shape; }
  const Strides& strides() const { return impl_->strides; }
  /// Size of an axis; negative axes count from the end. Throws IndexError.
  std::int64_t dim(std::int64_t axis) const;
  std::int64_t rank() const { return static_cast<std::int64_t>(impl_->shape.size()); }
  std::int64_t count() const { return impl_->count; }
  DType dtype() const { return impl_->dtype; }
  Device device() const { return impl_->device; }
  std::int64_t offset() const { return impl_->offset; }
  bool is_contiguous() const { return impl_->contiguous; }
  /// True for rank >= 3 with the strides of NHWC memory (axes of size 1 do not matter) that are not
  /// row-major too.
  bool is_channels_last() const;
  /// True if the elements fill one block of memory without gap or overlap, in any order of axes.
  bool is_dense() const;
  bool is_symbolic() const { return !impl_->storage; }

  /// First element. Throws InternalError for a symbolic tensor or another dtype.
  template <class T>
  T* data() const {
    check_data(dtype_of<T>);
    return static_cast<T*>(impl_->storage->data()) + impl_->offset;
  }
  /// The memory of the first element. Throws ValueError for a symbolic tensor.
  void* raw() const {
    if (is_symbolic()) [[unlikely]]
      check_real();
    return static_cast<char*>(impl_->storage->data()) +
           impl_->offset * static_cast<std::int64_t>(size_of(dtype()));
  }
  const Ref<Storage>& storage() const { return impl_->storage; }
  TensorImpl& impl() const { return *impl_; }
  const Ref<TensorImpl>& ref() const { return impl_; }

  /// The value of a one-element tensor. Throws ShapeError otherwise.
  double item() const;
  /// All elements in row-major order, converted (f16 and bf16 to float and so on).
  template <class T>
  std::vector<T> to_vector() const;
  /// Row-major elements of the own dtype as raw bytes.
  std::vector<std::uint8_t> to_bytes() const;

  // Autograd. See autograd/autograd.hpp for backward() and grad().
  bool requires_grad() const { return impl_ && impl_->autograd && impl_->autograd->requires_grad; }
  /// Marks a leaf. Throws DTypeError for a dtype that has no gradient, ValueError for a tensor that
  /// an op made.
  const Tensor& set_requires_grad(bool on = true) const;
  bool is_leaf() const { return !impl_->autograd || !impl_->autograd->node; }
  /// The accumulated gradient; undefined before the first backward().
  Tensor grad() const;
  void set_grad(const Tensor& grad) const;
  /// The same data without history.
  Tensor detach() const;

  /// Overwrites this tensor's elements in place (shapes equal, dtype converted); bumps the version.
  void copy_from(const Tensor& source) const;
  void fill(double value) const;

  friend bool operator==(const Tensor&, const Tensor&) = delete;
  /// True if both handles are the same tensor.
  bool same(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  static Tensor from_raw(const void* data, std::size_t count, DType dtype, const Shape& shape);
  void check_data(DType dtype) const;
  /// Throws ValueError for a symbolic tensor, whose values do not exist.
  void check_real() const;

  Ref<TensorImpl> impl_;
};

using TensorList = SmallVector<Tensor, 4>;

/// Tensors as a row of inputs, without counting them: the caller's handles outlive the row.
template <std::size_t N>
class BorrowedTensors {
 public:
  template <class... T>
    requires(sizeof...(T) == N)
  explicit BorrowedTensors(const T&... tensors) {
    [[maybe_unused]] Tensor* at = items_;
    (new (at++) Tensor(Ref<TensorImpl>::adopt(tensors.ref().get())), ...);
  }
  BorrowedTensors(const BorrowedTensors&) = delete;
  BorrowedTensors& operator=(const BorrowedTensors&) = delete;
  ~BorrowedTensors() {}  // the handles are not counted, so they are not destroyed
  operator std::span<const Tensor>() const { return {items_, N}; }

 private:
  union {
    Tensor items_[N];
  };
};
template <>
class BorrowedTensors<0> {
 public:
  operator std::span<const Tensor>() const { return {}; }
};

/// "f32[8,3,32,32]"
std::string describe(const Tensor& tensor);
/// Values and shape, shortened in the middle for large tensors.
std::string to_string(const Tensor& tensor);

namespace detail {
/// Copies elements with any strides and dtypes, single-threaded; kernels have faster paths.
void copy_elements(const Tensor& from, const Tensor& to);
}  // namespace detail

template <class T>
std::vector<T> Tensor::to_vector() const {
  check_real();
  std::vector<T> values(static_cast<std::size_t>(count()));
  Tensor plain = *this;
  if (dtype() != dtype_of<T> || !is_contiguous()) {
    plain = Tensor::empty(shape(), dtype_of<T>);
    detail::copy_elements(*this, plain);
  }
  const T* from = plain.data<T>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = from[i];
  return values;
}

}  // namespace athanor
