#include "athanor/base/philox.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/random_scope.hpp"
#include "binding.hpp"

namespace athanor::python {

namespace {

nn::Fan fan_from(const std::string& mode) {
  require(mode == "fan_in" || mode == "fan_out", "mode is '{}'; it must be fan_in or fan_out",
          mode);
  return mode == "fan_in" ? nn::Fan::in : nn::Fan::out;
}

// `with random_scope(seed, step):`; scopes of one thread nest.
class RandomSwitch {
 public:
  RandomSwitch(std::uint64_t seed, std::uint64_t step) : seed_(seed), step_(step) {}
  void enter() { scopes_.push_back(std::make_unique<nn::RandomScope>(seed_, step_)); }
  void exit() { scopes_.pop_back(); }

 private:
  std::uint64_t seed_, step_;
  std::vector<std::unique_ptr<nn::RandomScope>> scopes_;
};

}  // namespace

// Initial values come from the same functions as in C++: of a seed and the parameter's full name.
void bind_nn(py::module_& m) {
  const auto scope = [](std::uint64_t seed) { return nn::InitScope{seed, ""}; };
  m.def("_init_uniform",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, double low, double high) {
          nn::uniform(t, scope(seed), name, low, high);
        });
  m.def("_init_normal",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, double mean, double std) {
          nn::normal(t, scope(seed), name, mean, std);
        });
  m.def("_init_truncated_normal",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, double mean, double std,
            double bound) { nn::truncated_normal(t, scope(seed), name, mean, std, bound); });
  m.def("_init_kaiming_normal",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, const std::string& mode,
            double gain) { nn::kaiming_normal(t, scope(seed), name, fan_from(mode), gain); });
  m.def("_init_kaiming_uniform",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, const std::string& mode,
            double gain) { nn::kaiming_uniform(t, scope(seed), name, fan_from(mode), gain); });
  m.def("_init_xavier_normal", [=](const Tensor& t, std::uint64_t seed, const std::string& name,
                                   double gain) { nn::xavier_normal(t, scope(seed), name, gain); });
  m.def("_init_xavier_uniform",
        [=](const Tensor& t, std::uint64_t seed, const std::string& name, double gain) {
          nn::xavier_uniform(t, scope(seed), name, gain);
        });
  py::class_<RandomSwitch>(m, "_RandomSwitch")
      .def(py::init<std::uint64_t, std::uint64_t>())
      .def("enter", &RandomSwitch::enter)
      .def("exit", &RandomSwitch::exit);
  m.def("_next_key", [](const std::string& user) {
    const RandomKey key = nn::RandomScope::next(user.c_str());
    return py::make_tuple(key.seed, key.stream);
  });
  m.def("_mix", [](std::uint64_t a, std::uint64_t b) { return mix(a, b); });
}

}  // namespace athanor::python
