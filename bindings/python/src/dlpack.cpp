#include "binding.hpp"

// The exchange of tensors without a copy: DLPack 0.8, github.com/dmlc/dlpack.
namespace athanor::python {

namespace {

// The structures as the specification lays them out.
struct DLDevice {
  std::int32_t type;
  std::int32_t id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};

constexpr std::int32_t kCpu = 1;
constexpr std::uint8_t kInt = 0, kUInt = 1, kFloat = 2, kBFloat = 4, kBoolCode = 6;
constexpr const char* kFresh = "dltensor";
constexpr const char* kUsed = "used_dltensor";

DLDataType to_dlpack(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(dtype));
  std::uint8_t code = kInt;
  if (dtype == DType::boolean) code = kBoolCode;
  if (dtype == DType::u8) code = kUInt;
  if (dtype == DType::bf16) code = kBFloat;
  if (dtype == DType::f16 || dtype == DType::f32 || dtype == DType::f64) code = kFloat;
  return {code, bits, 1};
}

DType from_dlpack(const DLDataType& type) {
  if (type.lanes == 1)
    for (const DType dtype : kAllDTypes) {
      const DLDataType own = to_dlpack(dtype);
      if (own.code == type.code && own.bits == type.bits) return dtype;
    }
  raise<DTypeError>(
      "from_dlpack: elements of DLPack type (code {}, {} bits, {} lanes) have no "
      "counterpart here",
      type.code, type.bits, type.lanes);
}

struct Exported {
  Tensor tensor;
  Dims shape, strides;
  DLManagedTensor managed{};
};

py::capsule to_capsule(const Tensor& t) {
  require<ValueError>(!t.requires_grad(),
                      "__dlpack__: this tensor requires a gradient, which would be lost; pass "
                      "x.detach()");
  auto* own = new Exported{t, t.shape(), t.strides()};
  own->managed.tensor = {t.raw(),
                         {kCpu, 0},
                         static_cast<std::int32_t>(t.rank()),
                         to_dlpack(t.dtype()),
                         own->shape.begin(),
                         own->strides.begin(),
                         0};
  own->managed.context = own;
  own->managed.deleter = [](DLManagedTensor* m) { delete static_cast<Exported*>(m->context); };
  return py::capsule(&own->managed, kFresh, [](PyObject* capsule) {
    // Whoever took it renamed it and calls the deleter.
    if (PyCapsule_IsValid(capsule, kFresh) == 0) return;
    auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kFresh));
    m->deleter(m);
  });
}

// Frees what another library lent.
class Lent final : public RefCounted {
 public:
  explicit Lent(DLManagedTensor* managed) : managed_(managed) {}
  ~Lent() override {
    if (!managed_->deleter || !Py_IsInitialized()) return;
    const py::gil_scoped_acquire gil;  // the deleter of a Python library may need it
    managed_->deleter(managed_);
  }

 private:
  DLManagedTensor* managed_;
};

Tensor from_capsule(const py::capsule& capsule) {
  require<ValueError>(PyCapsule_IsValid(capsule.ptr(), kFresh) != 0,
                      "from_dlpack: the capsule was taken before; ask its maker for another one");
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kFresh));
  const DLTensor& given = managed->tensor;
  require<UnsupportedError>(given.device.type == kCpu,
                            "from_dlpack: the tensor lies on a device of DLPack type {}; copy it "
                            "to the CPU first",
                            given.device.type);
  const DType dtype = from_dlpack(given.dtype);
  require<ValueError>(given.ndim >= 0 && given.ndim <= 64, "from_dlpack: {} axes", given.ndim);
  Shape shape(given.shape, given.shape + given.ndim);
  Strides strides = given.strides ? Strides(given.strides, given.strides + given.ndim)
                                  : contiguous_strides(shape);
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    require<UnsupportedError>(strides[i] >= 0 || shape[i] <= 1,
                              "from_dlpack: axis {} runs backwards in memory; pass a copy", i);
    if (shape[i] <= 1) strides[i] = 0;
    if (shape[i] > 1) last += (shape[i] - 1) * strides[i];
  }
  auto* data = static_cast<char*>(given.data) + given.byte_offset;
  require<UnsupportedError>(reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0,
                            "from_dlpack: the memory is not aligned to its elements; pass a copy");
  PyCapsule_SetName(capsule.ptr(), kUsed);
  const Ref<RefCounted> owner = make_ref<Lent>(managed);
  if (element_count(shape) == 0) return Tensor::empty(shape, dtype);
  return Tensor::wrap(data, {last + 1}, dtype, owner).view_as(shape, strides, 0);
}

}  // namespace

void bind_dlpack(py::module_& m) {
  m.def("_to_dlpack", to_capsule);
  m.def("_from_dlpack", from_capsule);
}

}  // namespace athanor::python
