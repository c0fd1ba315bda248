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
                              std::int64_t step_size, double gamma, double power) {
  using Kind = optim::Schedule::Kind;
  constexpr std::pair<const char*, Kind> kinds[] = {{"constant", Kind::constant},
                                                    {"step", Kind::step},
                                                    {"cosine", Kind::cosine},
                                                    {"linear", Kind::linear},
                                                    {"exponential", Kind::exponential},
                                                    {"polynomial", Kind::polynomial},
                                                    {"noam", Kind::noam},
                                                    {"one_cycle", Kind::one_cycle}};
  for (const auto& [name, value] : kinds)
    if (kind == name)
      return {value,        base,      total_steps, warmup_steps, warmup_start,
              final_factor, step_size, gamma,       power};
  raise<ValueError>(
      "Schedule: kind is '{}'; it must be constant, step, cosine, linear, exponential, polynomial, "
      "noam or one_cycle",
      kind);
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
  py::class_<optim::Rmsprop, Optimizer>(m, "_Rmsprop")
      .def(py::init([](const std::vector<PythonGroup>& groups, double decay, double epsilon,
                       double momentum, bool centered) {
        return std::make_unique<optim::Rmsprop>(
            groups_from(groups), optim::RmspropOptions{decay, epsilon, momentum, centered});
      }));
  py::class_<optim::Adagrad, Optimizer>(m, "_Adagrad")
      .def(py::init(
          [](const std::vector<PythonGroup>& groups, double decay, double epsilon, double initial) {
            return std::make_unique<optim::Adagrad>(groups_from(groups),
                                                    optim::AdagradOptions{decay, epsilon, initial});
          }));
  py::class_<optim::Lion, Optimizer>(m, "_Lion")
      .def(py::init([](const std::vector<PythonGroup>& groups, double beta1, double beta2) {
        return std::make_unique<optim::Lion>(groups_from(groups), optim::LionOptions{beta1, beta2});
      }));
  py::class_<optim::Plateau>(
      m, "Plateau",
      "A learning rate that falls by `factor` when more than `patience` reports in a row are no "
      "better than the best: optimizer.lr = plateau.report(metric). Its attributes are its state.")
      .def(py::init([](double lr, double factor, int patience, double threshold,
                       bool larger_is_better, int cooldown, double minimum) {
             return optim::Plateau{lr,       factor, patience, threshold, larger_is_better,
                                   cooldown, minimum};
           }),
           py::arg("lr"), py::arg("factor") = 0.1, py::arg("patience") = 10,
           py::arg("threshold") = 1e-4, py::arg("larger_is_better") = false,
           py::arg("cooldown") = 0, py::arg("minimum") = 0.0)
      .def("report", &optim::Plateau::report, py::arg("metric"),
           "Takes the metric of one evaluation and returns the learning rate from now on.")
      .def_readwrite("lr", &optim::Plateau::learning_rate)
      .def_readwrite("best", &optim::Plateau::best)
      .def_readwrite("reports", &optim::Plateau::reports)
      .def_readwrite("bad", &optim::Plateau::bad)
      .def_readwrite("cooling", &optim::Plateau::cooling);
  py::class_<optim::Schedule>(
      m, "Schedule",
      "The learning rate as a pure function of the step: schedule(step). kind: constant, step "
      "(times gamma after every step_size steps), exponential (times gamma after every step), "
      "cosine, linear or polynomial (of `power`; from base to base * final_factor at total_steps), "
      "noam (base * sqrt(warmup_steps / step)) or one_cycle (half a cosine up, half a cosine "
      "down), "
      "each after warmup_steps that rise from base * warmup_start.")
      .def(py::init(&schedule_from), py::arg("kind") = "constant", py::arg("base") = 0.1,
           py::arg("total_steps") = 1, py::arg("warmup_steps") = 0, py::arg("warmup_start") = 0.0,
           py::arg("final_factor") = 0.0, py::arg("step_size") = 1, py::arg("gamma") = 0.1,
           py::arg("power") = 1.0)
      .def("__call__", &optim::Schedule::operator(), py::arg("step"));
}

}  // namespace athanor::python
