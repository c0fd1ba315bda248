#include "binding.hpp"

#include "athanor/ops/dynamic.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::python {

namespace {

std::string numpy_format(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "?";
    case DType::u8: return "B";
    case DType::i8: return "b";
    case DType::i32: return "i";
    case DType::i64: return "q";
    case DType::f16: return "e";
    case DType::f32: return "f";
    case DType::f64: return "d";
    case DType::bf16: break;
  }
  return "H";  // the raw bits: the buffer protocol has no letter for bfloat16
}

DType dtype_of_array(const py::array& array) {
  const py::dtype dtype = array.dtype();
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  if (kind == 'b') return DType::boolean;
  if (kind == 'u' && size == 1) return DType::u8;
  if (kind == 'i' && size == 1) return DType::i8;
  if (kind == 'i' && size == 4) return DType::i32;
  if (kind == 'i' && size == 8) return DType::i64;
  if (kind == 'f' && size == 2) return DType::f16;
  if (kind == 'f' && size == 4) return DType::f32;
  if (kind == 'f' && size == 8) return DType::f64;
  raise<DTypeError>(
      "a NumPy array of dtype {} has no counterpart; athanor has bool, uint8, int8, int32, int64, "
      "float16, float32, float64: convert it with array.astype(...)",
      std::string(py::str(py::object(dtype))));
}

Dims byte_strides(const Tensor& t) {
  Dims out;
  for (const std::int64_t s : t.strides())
    out.push_back(s * static_cast<std::int64_t>(size_of(t.dtype())));
  return out;
}

// The capsule keeps the handle, and through it the memory.
py::array array_over(const Tensor& t) {
  require<DTypeError>(t.dtype() != DType::bf16,
                      "NumPy has no bfloat16: convert first, x.to(athanor.float32).numpy()");
  const py::capsule owner(new Tensor(t), [](void* p) { delete static_cast<Tensor*>(p); });
  const Dims strides = byte_strides(t);
  return py::array(py::dtype(numpy_format(t.dtype())),
                   std::vector<py::ssize_t>(t.shape().begin(), t.shape().end()),
                   std::vector<py::ssize_t>(strides.begin(), strides.end()), t.raw(), owner);
}

py::buffer_info buffer_of(const Tensor& t) {
  const Dims strides = byte_strides(t);
  return {t.raw(),
          static_cast<py::ssize_t>(size_of(t.dtype())),
          numpy_format(t.dtype()),
          static_cast<py::ssize_t>(t.rank()),
          std::vector<py::ssize_t>(t.shape().begin(), t.shape().end()),
          std::vector<py::ssize_t>(strides.begin(), strides.end())};
}

// pybind11's own function, which lets no exception out into the interpreter.
getbufferproc get_plain_buffer = nullptr;

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const auto& t = py::cast<const Tensor&>(py::handle(object));
  const char* problem = nullptr;
  if (t.is_symbolic())
    problem =
        "the values of this tensor are not known: it stands for one example (vmap) or a graph";
  if (t.dtype() == DType::bf16)
    problem = "the buffer protocol has no bfloat16: convert first, x.to(athanor.float32)";
  if (!problem) return get_plain_buffer(object, view, flags);
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, problem);
  return -1;
}

py::object item_of(const Tensor& t) {
  const double value = t.item();
  if (t.dtype() == DType::boolean) return py::bool_(value != 0);
  if (t.dtype() == DType::i64) return py::int_(t.to_vector<std::int64_t>()[0]);
  if (!is_floating(t.dtype())) return py::int_(static_cast<std::int64_t>(value));
  return py::float_(value);
}

Tensor copy_of(const Tensor& t) {
  const Tensor out = Tensor::empty(t.shape(), t.dtype());
  out.copy_from(t);
  return out;
}

// An int stays one where it fits; a fraction makes an integer tensor's partner f32, as in C++.
Tensor number_from(const py::handle& value, const Tensor& like) {
  if (py::isinstance<py::bool_>(value))
    return Tensor::full({}, value.cast<bool>() ? 1 : 0, DType::boolean);
  if (py::isinstance<py::int_>(value)) {
    const auto number = value.cast<std::int64_t>();
    const DType dtype = !like.defined()                  ? DType::i64
                        : like.dtype() == DType::boolean ? DType::i64
                                                         : like.dtype();
    if (is_floating(dtype)) return Tensor::full({}, static_cast<double>(number), dtype);
    const Tensor exact = Tensor::from(std::vector<std::int64_t>{number}, Shape{});
    const Tensor out = Tensor::empty({}, dtype);
    out.copy_from(exact);
    require(out.to_vector<std::int64_t>()[0] == number,
            "the number {} does not fit {}; convert the tensor to int64 first", number,
            name_of(dtype));
    return out;
  }
  const auto number = value.cast<double>();
  return like.defined() ? number_like(number, like) : Tensor::scalar(number);
}

void fill_values(const Tensor& t, double value) { t.fill(value); }

}  // namespace

Dims dims_from(const py::handle& value, const char* what) {
  Dims dims;
  if (py::isinstance<py::int_>(value)) return Dims{value.cast<std::int64_t>()};
  if (!py::isinstance<py::sequence>(value) || py::isinstance<py::str>(value))
    throw py::type_error(fmt::format("{} must be an int or a sequence of ints, not {}", what,
                                     std::string(py::str(py::type::of(value)))));
  for (const py::handle item : py::reinterpret_borrow<py::sequence>(value)) {
    if (!PyIndex_Check(item.ptr()))
      throw py::type_error(
          fmt::format("{} must hold ints, not {}", what, std::string(py::str(py::type::of(item)))));
    dims.push_back(
        py::reinterpret_steal<py::object>(PyNumber_Index(item.ptr())).cast<std::int64_t>());
  }
  return dims;
}

py::tuple tuple_of(std::span<const std::int64_t> dims) {
  py::tuple out(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) out[i] = py::int_(dims[i]);
  return out;
}

Tensor tensor_over(const py::array& given) {
  py::array array = given;
  const DType dtype = dtype_of_array(array);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const char order = array.dtype().byteorder();
  bool plain =
      array.writeable() && order != '>' &&
      reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(size) == 0;
  Shape shape;
  Strides strides;
  std::int64_t last = 0;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    shape.push_back(array.shape(i));
    plain = plain && array.strides(i) >= 0 && array.strides(i) % size == 0;
    strides.push_back(array.strides(i) / size);
    if (shape.back() > 0) last += (shape.back() - 1) * strides.back();
  }
  if (!plain) {
    array = py::module_::import("numpy").attr("array")(
        array.attr("astype")(array.dtype().attr("newbyteorder")("=")), py::arg("order") = "C");
    strides = contiguous_strides(shape);
    last = std::max<std::int64_t>(element_count(shape), 1) - 1;
  }
  if (element_count(shape) == 0) return Tensor::empty(shape, dtype);
  const Tensor memory =
      Tensor::wrap(array.mutable_data(), {last + 1}, dtype, make_ref<PythonOwner>(array));
  return memory.view_as(shape, strides, 0);
}

Tensor operand_from(const py::handle& value, const Tensor& like) {
  if (py::isinstance<Tensor>(value)) return value.cast<Tensor>();
  if (py::isinstance<py::bool_>(value) || py::isinstance<py::int_>(value) ||
      py::isinstance<py::float_>(value))
    return number_from(value, like);
  if (py::isinstance<py::array>(value)) return tensor_over(value.cast<py::array>());
  throw py::type_error(
      fmt::format("expected a Tensor, a number or a NumPy array, not {}; make one with "
                  "athanor.tensor(...)",
                  std::string(py::str(py::type::of(value)))));
}

void bind_tensor(py::module_& m) {
  py::enum_<DType>(m, "dtype", "The type of a tensor's elements.")
      .value("bool", DType::boolean)
      .value("uint8", DType::u8)
      .value("int8", DType::i8)
      .value("int32", DType::i32)
      .value("int64", DType::i64)
      .value("float16", DType::f16)
      .value("bfloat16", DType::bf16)
      .value("float32", DType::f32)
      .value("float64", DType::f64)
      .def_property_readonly("itemsize", [](DType d) { return size_of(d); })
      .def_property_readonly("is_floating_point", [](DType d) { return is_floating(d); });
  m.def("promote", [](DType a, DType b) { return promote(a, b); });

  py::class_<Tensor> tensor(m, "Tensor", py::buffer_protocol(),
                            "An n-dimensional array that can record what is computed from it.");
  tensor.def(py::init<const Tensor&>(), py::arg("tensor"), "Another handle of the same tensor.")
      .def_buffer(buffer_of)
      .def_property_readonly(
          "shape", [](const Tensor& t) { return tuple_of(t.shape()); },
          "Sizes of the axes, a tuple.")
      .def_property_readonly(
          "strides", [](const Tensor& t) { return tuple_of(t.strides()); },
          "Steps along the axes, in elements (NumPy's are in bytes).")
      .def_property_readonly("ndim", &Tensor::rank, "Number of axes.")
      .def_property_readonly("size", &Tensor::count, "Number of elements.")
      .def("numel", &Tensor::count, "Number of elements.")
      .def_property_readonly("dtype", &Tensor::dtype)
      .def_property_readonly("device", [](const Tensor&) { return "cpu"; })
      .def_property_readonly(
          "nbytes",
          [](const Tensor& t) { return t.count() * static_cast<std::int64_t>(size_of(t.dtype())); })
      .def("is_contiguous", &Tensor::is_contiguous, "Whether the elements lie in row-major order.")
      .def("item", item_of, "The value of a one-element tensor, as a Python number.")
      .def("_array", array_over)
      .def_property(
          "requires_grad", &Tensor::requires_grad,
          [](const Tensor& t, bool on) { (void)t.set_requires_grad(on); },
          "Whether gradients flow to this tensor; may be set on leaves.")
      .def_property_readonly("is_leaf", &Tensor::is_leaf, "False for what an op recorded.")
      .def_property(
          "grad",
          [](const Tensor& t) -> py::object {
            const Tensor g = t.grad();
            return g.defined() ? py::cast(g) : py::none();
          },
          [](const Tensor& t, const py::object& g) {
            t.set_grad(g.is_none() ? Tensor() : g.cast<Tensor>());
          },
          "The gradient that backward() added up, or None.")
      .def("detach", &Tensor::detach, "The same data without history.")
      .def("clone_", copy_of)
      .def("_same", &Tensor::same)
      .def("_symbolic", &Tensor::is_symbolic)
      .def("_copy_from", &Tensor::copy_from, NoGil())
      .def("_fill", fill_values, NoGil())
      .def("_text", [](const Tensor& t) { return to_string(t); })
      .def("_describe", [](const Tensor& t) { return describe(t); });

  auto* const type = reinterpret_cast<PyTypeObject*>(tensor.ptr());
  get_plain_buffer = type->tp_as_buffer->bf_getbuffer;
  type->tp_as_buffer->bf_getbuffer = get_buffer;

  m.def("_over_array", tensor_over);
  m.def("_operand",
        [](const py::object& value, const Tensor& like) { return operand_from(value, like); });
  m.def("_full", [](const py::object& shape, double value, DType dtype) {
    return Tensor::full(dims_from(shape, "shape"), value, dtype);
  });
  m.def("_empty", [](const py::object& shape, DType dtype) {
    return Tensor::empty(dims_from(shape, "shape"), dtype);
  });
  m.def("nonzero", ops::nonzero, py::arg("x"), NoGil(),
        "The places of the elements that are not zero, in row-major order: int64 [count, ndim].");
  m.def("masked_select", ops::masked_select, py::arg("x"), py::arg("mask"), NoGil(),
        "The elements of x at which the boolean mask, which broadcasts to x, is true: [count].");
  m.def(
      "unique",
      [](const Tensor& x) {
        const ops::Unique u = ops::unique(x);
        return py::make_tuple(u.values, u.first, u.inverse, u.counts);
      },
      py::arg("x"),
      "Distinct elements in ascending order, where each stands first, which of them each element "
      "is, and how often each occurs.");
  m.def("nms", ops::nms, py::arg("boxes"), py::arg("scores"), py::arg("iou_threshold"),
        py::arg("classes") = Tensor(), NoGil(),
        "Indices of the boxes [N, 4] that non-maximum suppression keeps, best score first.");
}

}  // namespace athanor::python
