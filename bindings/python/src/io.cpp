#include "athanor/io/safetensors.hpp"
#include "athanor/io/weights.hpp"
#include "binding.hpp"

namespace athanor::python {

void bind_io(py::module_& m) {
  m.def(
      "_load_weights",
      [](const std::string& path) {
        TensorMap tensors;
        {
          const py::gil_scoped_release release;
          tensors = io::load_weights(path);
        }
        return tensors;
      },
      py::arg("path"));
  m.def(
      "_save_safetensors",
      [](const std::string& path, const TensorMap& tensors, const io::Metadata& metadata) {
        const py::gil_scoped_release release;
        io::write_safetensors(path, tensors, metadata);
      },
      py::arg("path"), py::arg("tensors"), py::arg("metadata"));
  m.def("_safetensors_metadata",
        [](const std::string& path) { return io::map_safetensors(path).metadata; });
}

}  // namespace athanor::python
