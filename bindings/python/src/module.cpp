#include "binding.hpp"

#include "athanor/base/parallel.hpp"

PYBIND11_MODULE(_athanor, m) {
  using namespace athanor;          // NOLINT
  using namespace athanor::python;  // NOLINT
  m.doc() = "The C++ part of athanor. Use the package athanor.";
  m.attr("__version__") = ATH_VERSION;
  bind_errors(m);
  bind_tensor(m);
  bind_dlpack(m);
  bind_ops(m);
  bind_autograd(m);
  bind_functional(m);
  bind_models(m);
  bind_nn(m);
  bind_optim(m);
  bind_io(m);
  bind_text(m);
  bind_product(m);
  m.def("get_num_threads", &compute_threads, "Number of compute threads.");
  m.def(
      "set_num_threads",
      [](int count) {
        require(count >= 1 && count <= 1024, "set_num_threads: {} is outside 1 .. 1024", count);
        set_compute_threads(count);
      },
      py::arg("count"), "Sets the number of compute threads, 1 to 1024.");
  m.def("is_deterministic", &deterministic, "Whether any number of threads gives the same bits.");
  m.def("use_deterministic", &set_deterministic, py::arg("on") = true,
        "Makes every kernel give the same bits with any number of threads; see the documentation "
        "on determinism for the cost.");
}
