#include "athanor/tensor/tensor.hpp"

#include <atomic>
#include <cstring>

#include "athanor/base/convert.hpp"

namespace athanor {

namespace {

std::uint64_t next_storage_id() {
  static std::atomic<std::uint64_t> id{1};
  return id.fetch_add(1, std::memory_order_relaxed);
}

bool row_major(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (shape[i] == 0) return true;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Tensor make(Ref<Storage> storage, const Shape& shape, const Strides& strides, std::int64_t offset,
            std::int64_t count, DType dtype, Device device) {
  auto impl = make_ref<TensorImpl>();
  impl->storage = std::move(storage);
  impl->shape = shape;
  impl->strides = strides;
  impl->offset = offset;
  impl->count = count;
  impl->dtype = dtype;
  impl->device = device;
  impl->contiguous = row_major(shape, strides);
  return Tensor(std::move(impl));
}

}  // namespace

Storage::Storage(std::size_t bytes, Device device, Category category)
    : data_(cpu_allocator().allocate(bytes, category)),
      bytes_(bytes),
      id_(next_storage_id()),
      device_(device),
      category_(category) {}

Storage::Storage(void* data, std::size_t bytes, Device device, Ref<RefCounted> owner)
    : data_(data),
      bytes_(bytes),
      id_(next_storage_id()),
      owner_(std::move(owner)),
      device_(device),
      category_(Category::other) {
  ATH_ASSERT(owner_);
}

Storage::~Storage() {
  if (!owner_) cpu_allocator().free(data_, bytes_, category_);
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  auto impl = make_ref<TensorImpl>();
  impl->count = element_count(shape);
  impl->storage = make_ref<Storage>(static_cast<std::size_t>(impl->count) * size_of(dtype), device,
                                    CategoryScope::current());
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->dtype = dtype;
  impl->device = device;
  impl->contiguous = true;
  return Tensor(std::move(impl));
}

Tensor Tensor::empty_strided(const Shape& shape, const Strides& strides, DType dtype,
                             Device device) {
  ATH_ASSERT(shape.size() == strides.size());
  const std::int64_t count = element_count(shape);
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    ATH_ASSERT(strides[i] >= 0);
    last += (shape[i] - 1) * strides[i];
  }
  const std::size_t bytes = count == 0 ? 0 : static_cast<std::size_t>(last + 1) * size_of(dtype);
  return make(make_ref<Storage>(bytes, device, CategoryScope::current()), shape, strides, 0, count,
              dtype, device);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor t = empty(shape, dtype);
  std::memset(t.raw(), 0, static_cast<std::size_t>(t.count()) * size_of(dtype));
  return t;
}

Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  t.fill(value);
  return t;
}

Tensor Tensor::arange(std::int64_t count, DType dtype) {
  Tensor t = empty({count}, dtype);
  visit_dtype(dtype, [&](auto tag) {
    using T = decltype(tag);
    T* out = t.data<T>();
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_class_v<T>) {
        out[i] = T(static_cast<float>(i));
      } else {
        out[i] = static_cast<T>(i);
      }
    }
  });
  return t;
}

Tensor Tensor::from_raw(const void* data, std::size_t count, DType dtype, const Shape& shape) {
  Tensor t = empty(shape, dtype);
  if (static_cast<std::int64_t>(count) != t.count()) [[unlikely]]
    raise<ShapeError>("{} values do not fill shape {}, which has {} elements", count,
                      athanor::to_string(shape), t.count());
  if (count) std::memcpy(t.raw(), data, count * size_of(dtype));
  return t;
}

Tensor Tensor::wrap(void* data, const Shape& shape, DType dtype, Ref<RefCounted> owner) {
  const std::int64_t count = element_count(shape);
  auto storage = make_ref<Storage>(data, static_cast<std::size_t>(count) * size_of(dtype),
                                   Device::cpu, std::move(owner));
  return make(std::move(storage), shape, contiguous_strides(shape), 0, count, dtype, Device::cpu);
}

Tensor Tensor::symbolic(const Shape& shape, DType dtype, Ref<RefCounted> symbol) {
  auto impl = make_ref<TensorImpl>();
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->count = is_dynamic(shape) ? kDynamic : element_count(shape);
  impl->dtype = dtype;
  impl->contiguous = true;
  impl->symbol = std::move(symbol);
  return Tensor(std::move(impl));
}

Tensor Tensor::view_as(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  const std::int64_t count = element_count(shape);
  if (count > 0) {
    std::int64_t low = offset, high = offset;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::int64_t reach = (shape[i] - 1) * strides[i];
      (reach < 0 ? low : high) += reach;
    }
    const auto capacity = static_cast<std::int64_t>(impl_->storage->bytes() / size_of(dtype()));
    if (low < 0 || high >= capacity) [[unlikely]]
      raise<ShapeError>(
          "view {} with strides {} at offset {} reaches outside its storage of {} elements",
          athanor::to_string(shape), athanor::to_string(strides), offset, capacity);
  }
  return make(impl_->storage, shape, strides, offset, count, dtype(), device());
}

std::int64_t Tensor::dim(std::int64_t axis) const {
  return impl_->shape[static_cast<std::size_t>(normalize_axis(axis, rank(), "dim"))];
}

bool Tensor::is_channels_last() const {
  if (rank() < 3 || impl_->contiguous) return false;
  const Strides expected = channels_last_strides(shape());
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (shape()[i] != 1 && strides()[i] != expected[i]) return false;
  return true;
}

bool Tensor::is_dense() const {
  if (impl_->contiguous || count() == 0) return true;
  SmallVector<std::pair<std::int64_t, std::int64_t>, 6> axes;  // stride, size
  for (std::size_t i = 0; i < shape().size(); ++i)
    if (shape()[i] != 1) axes.emplace_back(strides()[i], shape()[i]);
  std::sort(axes.begin(), axes.end());
  std::int64_t expected = 1;
  for (const auto& [stride, size] : axes) {
    if (stride != expected) return false;
    expected *= size;
  }
  return true;
}

void Tensor::check_data(DType wanted) const {
  if (impl_->dtype != wanted || !impl_->storage) [[unlikely]]
    raise<InternalError>("data of {} was read as {}{}", describe(*this), name_of(wanted),
                         impl_->storage ? "" : ", but it is symbolic and has none");
}

void Tensor::check_real() const {
  require(
      !is_symbolic(),
      "the values of {} are not known while a graph is captured; what reads or writes them must "
      "stay outside of it",
      describe(*this));
}

double Tensor::item() const {
  require<ShapeError>(count() == 1, "item() needs one element, {} has {}", describe(*this),
                      count());
  return to_vector<double>()[0];
}

std::vector<std::uint8_t> Tensor::to_bytes() const {
  check_real();
  Tensor plain = *this;
  if (!is_contiguous()) {
    plain = empty(shape(), dtype());
    detail::copy_elements(*this, plain);
  }
  const auto* from = static_cast<const std::uint8_t*>(plain.raw());
  return {from, from + static_cast<std::size_t>(count()) * size_of(dtype())};
}

const Tensor& Tensor::set_requires_grad(bool on) const {
  require<DTypeError>(!on || is_floating(dtype()),
                      "{} has no gradient; only floating tensors have one", describe(*this));
  require(is_leaf(),
          "requires_grad is set on a tensor that an op made; set it on a leaf or use detach()");
  if (!impl_->autograd) impl_->autograd = make_ref<AutogradState>();
  impl_->autograd->requires_grad = on;
  return *this;
}

Tensor Tensor::grad() const { return impl_->autograd ? Tensor(impl_->autograd->grad) : Tensor(); }

void Tensor::set_grad(const Tensor& grad) const {
  if (!impl_->autograd) impl_->autograd = make_ref<AutogradState>();
  impl_->autograd->grad = grad.ref();
}

Tensor Tensor::detach() const {
  auto impl = make_ref<TensorImpl>();
  impl->storage = impl_->storage;
  impl->offset = impl_->offset;
  impl->shape = impl_->shape;
  impl->strides = impl_->strides;
  impl->count = impl_->count;
  impl->dtype = impl_->dtype;
  impl->device = impl_->device;
  impl->contiguous = impl_->contiguous;
  impl->symbol = impl_->symbol;
  return Tensor(std::move(impl));
}

void Tensor::copy_from(const Tensor& source) const {
  check_real();
  source.check_real();
  require<ShapeError>(source.shape() == shape(), "copy_from: {} cannot be stored in {}",
                      describe(source), describe(*this));
  detail::copy_elements(source, *this);
  impl_->storage->bump_version();
}

void Tensor::fill(double value) const {
  check_real();
  const Tensor one = empty({}, dtype());
  visit_dtype(dtype(), [&](auto tag) {
    using T = decltype(tag);
    *one.data<T>() = convert_element<T>(value);
  });
  detail::copy_elements(one.view_as(shape(), Strides(shape().size(), 0), 0), *this);
  impl_->storage->bump_version();
}

namespace {

template <class From, class To>
void copy_axis(const From* from, To* to, const Tensor& source, const Tensor& target,
               std::size_t axis) {
  const std::int64_t size = source.shape()[axis], from_step = source.strides()[axis],
                     to_step = target.strides()[axis];
  if (axis + 1 == source.shape().size()) {
    for (std::int64_t i = 0; i < size; ++i)
      to[i * to_step] = convert_element<To>(from[i * from_step]);
    return;
  }
  for (std::int64_t i = 0; i < size; ++i)
    copy_axis(from + i * from_step, to + i * to_step, source, target, axis + 1);
}

}  // namespace

void detail::copy_elements(const Tensor& from, const Tensor& to) {
  if (from.count() == 0) return;
  if (from.dtype() == to.dtype() && from.is_dense() && from.strides() == to.strides()) {
    std::memmove(to.raw(), from.raw(),
                 static_cast<std::size_t>(from.count()) * size_of(from.dtype()));
    return;
  }
  visit_dtype(from.dtype(), [&](auto a) {
    visit_dtype(to.dtype(), [&](auto b) {
      using From = decltype(a);
      using To = decltype(b);
      if (from.rank() == 0) {
        *to.data<To>() = convert_element<To>(*from.data<From>());
      } else {
        copy_axis(from.data<From>(), to.data<To>(), from, to, 0);
      }
    });
  });
}

std::string describe(const Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  return std::string(name_of(tensor.dtype())) + to_string(tensor.shape());
}

namespace {

void print_axis(std::string& out, const std::vector<double>& values,
                std::span<const std::int64_t> shape, std::size_t& at, bool whole) {
  if (shape.empty()) {
    out += fmt::format("{:.6g}", values[at++]);
    return;
  }
  std::size_t inner = 1;
  for (std::int64_t d : shape.subspan(1)) inner *= static_cast<std::size_t>(d);
  out += "[";
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    if (i) out += ", ";
    if (!whole && shape[0] > 6 && i == 3) {
      out += "..., ";
      at += inner * static_cast<std::size_t>(shape[0] - 6);
      i = shape[0] - 3;
    }
    print_axis(out, values, shape.subspan(1), at, whole);
  }
  out += "]";
}

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_symbolic()) return describe(tensor);
  std::string out;
  std::size_t at = 0;
  print_axis(out, tensor.to_vector<double>(), tensor.shape(), at, tensor.count() <= 1000);
  return out + " " + describe(tensor);
}

}  // namespace athanor
