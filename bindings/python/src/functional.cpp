#include "athanor/autograd/functional.hpp"
#include "athanor/autograd/anomaly.hpp"
#include "athanor/autograd/function.hpp"
#include "athanor/graph/vmap.hpp"
#include "binding.hpp"

namespace athanor::python {

namespace {

py::tuple to_python(const TensorList& tensors) {
  py::tuple out(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    out[i] = tensors[i].defined() ? py::cast(tensors[i]) : py::none();
  return out;
}

TensorList to_list(const py::handle& value) {
  TensorList out;
  for (const py::handle item : value)
    out.push_back(item.is_none() ? Tensor() : item.cast<Tensor>());
  return out;
}

// A Python function of a tuple of tensors that returns one, callable without the lock.
autograd::TensorFunction callable(const py::object& function) {
  return [owner = make_ref<PythonOwner>(function), pointer = function.ptr()](const TensorList& x) {
    const py::gil_scoped_acquire gil;
    return to_list(py::reinterpret_borrow<py::object>(pointer)(to_python(x)));
  };
}

// A custom op: its forward and backward are Python functions of tuples of tensors.
class PythonFunction final : public autograd::Function {
 public:
  PythonFunction(std::string name, const py::object& forward, const py::object& backward)
      : name_(std::move(name)), forward_(callable(forward)), backward_(callable(backward)) {}
  std::string_view name() const override { return name_; }
  TensorList forward(std::span<const Tensor> inputs) override {
    return forward_(TensorList(inputs.begin(), inputs.end()));
  }
  TensorList backward(const TensorList& grads) override { return backward_(grads); }
  using autograd::Function::save;
  using autograd::Function::saved;

 private:
  std::string name_;
  autograd::TensorFunction forward_, backward_;
};

// What a context keeps of its function without keeping it alive: the function's own Python
// functions hold the context.
struct FunctionHandle {
  std::weak_ptr<PythonFunction> function;
  std::shared_ptr<PythonFunction> get() const {
    auto held = function.lock();
    require(held != nullptr, "Function: the context is used after its op has been released");
    return held;
  }
};

py::tuple apply(const std::string& name, const py::object& make, const py::tuple& inputs) {
  // make(handle) -> (forward, backward), so that both know the context that knows the handle.
  const auto handle = std::make_shared<FunctionHandle>();
  const py::tuple both = make(handle);
  auto function = std::make_shared<PythonFunction>(name, both[0], both[1]);
  handle->function = function;
  const TensorList given = to_list(inputs);
  TensorList outputs;
  {
    const py::gil_scoped_release release;
    outputs = autograd::apply(std::move(function), given);
  }
  return to_python(outputs);
}

py::tuple derivatives(const autograd::Derivatives& d) {
  return py::make_tuple(to_python(d.outputs), to_python(d.values));
}

Dims axes_from(const py::handle& value) {
  Dims out;
  for (const py::handle item : value)
    out.push_back(item.is_none() ? graph::kWhole : item.cast<std::int64_t>());
  return out;
}

}  // namespace

void bind_functional(py::module_& m) {
  py::class_<FunctionHandle, std::shared_ptr<FunctionHandle>>(m, "_FunctionHandle")
      .def("save", [](const FunctionHandle& f, const Tensor& t) { f.get()->save(t); })
      .def("saved", [](const FunctionHandle& f, std::size_t i) { return f.get()->saved(i); });
  m.def("_apply_function", apply);
  m.def("_vjp", [](const py::object& function, const py::tuple& inputs, const py::tuple& cotangents,
                   bool create_graph) {
    const TensorList x = to_list(inputs), v = to_list(cotangents);
    const auto f = callable(function);
    autograd::Derivatives found;
    {
      const py::gil_scoped_release release;
      found = autograd::vjp(f, x, v, create_graph);
    }
    return derivatives(found);
  });
  m.def("_jvp", [](const py::object& function, const py::tuple& inputs, const py::tuple& tangents,
                   bool create_graph) {
    const TensorList x = to_list(inputs), v = to_list(tangents);
    const auto f = callable(function);
    autograd::Derivatives found;
    {
      const py::gil_scoped_release release;
      found = autograd::jvp(f, x, v, create_graph);
    }
    return derivatives(found);
  });
  m.def("_jacobian", [](const py::object& function, const Tensor& input, bool create_graph) {
    const auto f = callable(function);
    const py::gil_scoped_release release;
    return autograd::jacobian([&](const Tensor& x) { return f({x})[0]; }, input, create_graph);
  });
  m.def("_check_gradients", [](const py::object& function, const py::tuple& inputs, double epsilon,
                               double absolute, double relative, bool second) {
    const TensorList x = to_list(inputs);
    const auto f = callable(function);
    const py::gil_scoped_release release;
    autograd::check_gradients(f, x, {epsilon, absolute, relative, second});
  });
  m.def("_vmap", [](const py::object& function, const py::tuple& inputs, const py::tuple& in_axes,
                    const py::tuple& out_axes) {
    const TensorList x = to_list(inputs);
    const graph::VmapOptions options{axes_from(in_axes), axes_from(out_axes)};
    const auto f = callable(function);
    TensorList found;
    {
      const py::gil_scoped_release release;
      found = graph::vmap(f, x, options);
    }
    return to_python(found);
  });
  m.def("_add_hook", [](const Tensor& t, const py::object& hook) {
    return autograd::add_hook(
        t, [owner = make_ref<PythonOwner>(hook), pointer = hook.ptr()](const Tensor& grad) {
          const py::gil_scoped_acquire gil;
          const py::object result = py::reinterpret_borrow<py::object>(pointer)(grad);
          return result.is_none() ? Tensor() : result.cast<Tensor>();
        });
  });
  m.def("_remove_hook", &autograd::remove_hook);
  m.def("_detect_anomaly", &autograd::detect_anomaly);
  m.def("_set_detect_anomaly", &autograd::set_detect_anomaly);
  m.def("_set_call_place", [](const py::object& tell) {
    // The callback lives as long as the process: ops may still run while the interpreter ends.
    autograd::set_call_place([tell = new py::object(tell)]() -> std::string {
      if (!Py_IsInitialized()) return {};
      const py::gil_scoped_acquire gil;
      return (*tell)().cast<std::string>();
    });
  });
}

}  // namespace athanor::python
