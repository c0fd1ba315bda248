#include "athanor/autograd/autograd.hpp"

#include "binding.hpp"

namespace athanor::python {

namespace {

std::vector<Tensor> tensors_from(const py::object& value, const char* what) {
  if (py::isinstance<Tensor>(value)) return {value.cast<Tensor>()};
  std::vector<Tensor> out;
  for (const py::handle item : value) {
    if (!py::isinstance<Tensor>(item))
      throw py::type_error(fmt::format("grad: {} must be a Tensor or a sequence of Tensors", what));
    out.push_back(item.cast<Tensor>());
  }
  return out;
}

py::object grad(const py::object& outputs, const py::object& inputs, const py::object& grads,
                bool create_graph, bool retain_graph) {
  const auto from = tensors_from(outputs, "outputs"), to = tensors_from(inputs, "inputs");
  std::vector<Tensor> weights;
  if (!grads.is_none()) weights = tensors_from(grads, "grad_outputs");
  TensorList found;
  {
    const py::gil_scoped_release release;
    found = autograd::grad(from, to, weights,
                           {.create_graph = create_graph, .retain_graph = retain_graph});
  }
  py::tuple out(found.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    out[i] = found[i].defined() ? py::cast(found[i]) : py::none();
  if (py::isinstance<Tensor>(inputs)) return out[0];
  return out;
}

// A switch of recording that nests: `with no_grad():`.
class GradSwitch {
 public:
  explicit GradSwitch(bool on) : on_(on) {}
  void enter() { scopes_.push_back(std::make_unique<GradMode>(on_)); }
  void exit() { scopes_.pop_back(); }

 private:
  bool on_;
  std::vector<std::unique_ptr<GradMode>> scopes_;
};

}  // namespace

void bind_autograd(py::module_& m) {
  m.def(
      "_backward",
      [](const Tensor& loss, const py::object& gradient, bool retain_graph) {
        const Tensor g = gradient.is_none() ? Tensor() : gradient.cast<Tensor>();
        const py::gil_scoped_release release;
        autograd::backward(loss, g, retain_graph);
      },
      py::arg("loss"), py::arg("gradient"), py::arg("retain_graph"));
  m.def("grad", grad, py::arg("outputs"), py::arg("inputs"), py::arg("grad_outputs") = py::none(),
        py::arg("create_graph") = false, py::arg("retain_graph") = false,
        "The gradients of the sum of outputs (times grad_outputs) by the inputs, one for each "
        "input, None where nothing depends on it; a single Tensor for a single input. Nothing is "
        "added to .grad. create_graph=True records them for gradients of gradients.");
  m.def("is_grad_enabled", &grad_enabled, "Whether ops are recorded on this thread.");
  py::class_<GradSwitch>(m, "_GradSwitch")
      .def(py::init<bool>())
      .def("enter", &GradSwitch::enter)
      .def("exit", &GradSwitch::exit);
  m.def("_live_nodes", &autograd::live_nodes);
}

}  // namespace athanor::python
