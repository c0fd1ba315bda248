#include "athanor/optim/clip.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/optim/schedule.hpp"
#include "binding.hpp"

namespace athanor::python {

namespace {

using optim::Optimizer;

// (parameters as (name, tensor), weight decay, factor of the learning rate)
using PythonGroup = std::tuple<std::vector<std::pair<std::string, Tensor>>, double, double>;

std::vector<optim::ParameterGroup> groups_from(const std::vector<PythonGroup>& given) {
  std::vector<optim::ParameterGroup> groups;
  for (const auto& [parameters, weight_decay, scale] : given) {
    optim::ParameterGroup group{{}, weight_decay, scale};
    for (const auto& [name, tensor] : parameters) group.parameters.push_back({name, tensor});
    groups.push_back(std::move(group));
  }
  return groups;
}

optim::Schedule schedule_from(const std::string& kind, double base, std::int64_t total_steps,
                              std::int64_t warmup_steps, double warmup_start, double final_factor,
                              std::int64_t step_size, double gamma) {
  using Kind = optim::Schedule::Kind;
  constexpr std::pair<const char*, Kind> kinds[] = {{"constant", Kind::constant},
                                                    {"step", Kind::step},
                                                    {"cosine", Kind::cosine},
                                                    {"linear", Kind::linear}};
  for (const auto& [name, value] : kinds)
    if (kind == name)
      return {value, base, total_steps, warmup_steps, warmup_start, final_factor, step_size, gamma};
  raise<ValueError>("Schedule: kind is '{}'; it must be constant, step, cosine or linear", kind);
}

}  // namespace

void bind_optim(py::module_& m) {
  py::class_<Optimizer>(m, "_Optimizer")
      .def("step", &Optimizer::step, py::arg("learning_rate"), py::arg("gradient_scale"), NoGil())
      .def("zero_grad", &Optimizer::zero_grad)
      .def("state", &Optimizer::state)
      .def("load_state", &Optimizer::load_state)
      .def(
          "gradient_norm", [](const Optimizer& o) { return optim::gradient_norm(o.arena()); },
          NoGil())
      .def(
          "clip_norm",
          [](Optimizer& o, double limit) { return optim::clip_gradient_norm(o.arena(), limit); },
          NoGil())
      .def(
          "clip_value",
          [](Optimizer& o, double limit) { optim::clip_gradient_value(o.arena(), limit); },
          NoGil());
  py::class_<optim::Sgd, Optimizer>(m, "_Sgd").def(
      py::init([](const std::vector<PythonGroup>& groups, double momentum, bool nesterov) {
        return std::make_unique<optim::Sgd>(groups_from(groups),
                                            optim::SgdOptions{momentum, nesterov});
      }));
  const auto adam = [&]<class Method>(std::type_identity<Method>, const char* name) {
    py::class_<Method, Optimizer>(m, name).def(py::init(
        [](const std::vector<PythonGroup>& groups, double beta1, double beta2, double epsilon) {
          return std::make_unique<Method>(groups_from(groups),
                                          optim::AdamOptions{beta1, beta2, epsilon});
        }));
  };
  adam(std::type_identity<optim::Adam>(), "_Adam");
  adam(std::type_identity<optim::AdamW>(), "_AdamW");
  py::class_<optim::Schedule>(
      m, "Schedule",
      "The learning rate as a pure function of the step: schedule(step). kind: constant, step "
      "(times gamma after every step_size steps), cosine or linear (from base to base * "
      "final_factor at total_steps), each after warmup_steps that rise from base * warmup_start.")
      .def(py::init(&schedule_from), py::arg("kind") = "constant", py::arg("base") = 0.1,
           py::arg("total_steps") = 1, py::arg("warmup_steps") = 0, py::arg("warmup_start") = 0.0,
           py::arg("final_factor") = 0.0, py::arg("step_size") = 1, py::arg("gamma") = 0.1)
      .def("__call__", &optim::Schedule::operator(), py::arg("step"));
}

}  // namespace athanor::python
