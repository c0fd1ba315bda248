#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "athanor/base/error.hpp"
#include "athanor/tensor/tensor.hpp"

// What the files of the binding share. Each binds one part of the framework into the module
// _athanor; the package around it, in Python, is what people see.
namespace athanor::python {

namespace py = pybind11;

void bind_errors(py::module_& m);
void bind_tensor(py::module_& m);
void bind_dlpack(py::module_& m);
void bind_ops(py::module_& m);
void bind_autograd(py::module_& m);
void bind_functional(py::module_& m);
void bind_models(py::module_& m);
void bind_nn(py::module_& m);
void bind_optim(py::module_& m);
void bind_io(py::module_& m);
void bind_text(py::module_& m);
void bind_product(py::module_& m);

using NoGil = py::call_guard<py::gil_scoped_release>;

/// The dimensions of an int or a sequence of ints. Throws TypeError, naming `what`.
Dims dims_from(const py::handle& value, const char* what);
py::tuple tuple_of(std::span<const std::int64_t> dims);

/// A tensor of what Python hands over as an operand: a Tensor, a number (of the dtype of `like` as
/// far as it fits, else as a tensor alone would be), a NumPy array. Throws TypeError.
Tensor operand_from(const py::handle& value, const Tensor& like);

/// A tensor over a NumPy array's memory, kept alive by it; a copy where the memory cannot be shared
/// (not writable, foreign byte order, negative strides).
Tensor tensor_over(const py::array& array);

/// Keeps a Python object alive from C++, whichever thread lets go last.
class PythonOwner final : public RefCounted {
 public:
  explicit PythonOwner(py::object object) : object_(std::move(object)) {}
  ~PythonOwner() override {
    if (!Py_IsInitialized()) {
      (void)object_.release();  // the interpreter is gone, and the object with it
      return;
    }
    const py::gil_scoped_acquire gil;
    object_ = py::object();
  }

 private:
  py::object object_;
};

}  // namespace athanor::python
