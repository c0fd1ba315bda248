#include "binding.hpp"

namespace athanor::python {

namespace {

// The classes of athanor/errors.py by name, filled when the package is imported; they live as long
// as the process.
py::dict& classes() {
  static auto* const dict = new py::dict;
  return *dict;
}

void set(const char* name, const std::exception& error) {
  const py::object type = classes().contains(name)
                              ? py::object(classes()[name])
                              : py::module_::import("builtins").attr("RuntimeError");
  PyErr_SetString(type.ptr(), error.what());
}

// The most special class first.
void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const RefusalError& error) {
    const Refusal& r = error.refusal();
    const py::object type = classes()["RefusalError"];
    const py::object instance = type(error.what(), r.code, r.what.en, r.where, r.why.en, r.fix.en);
    PyErr_SetObject(type.ptr(), instance.ptr());
  } catch (const ShapeError& error) {
    set("ShapeError", error);
  } catch (const DTypeError& error) {
    set("DTypeError", error);
  } catch (const ValueError& error) {
    set("ValueError", error);
  } catch (const IndexError& error) {
    set("IndexError", error);
  } catch (const UnsupportedError& error) {
    set("UnsupportedError", error);
  } catch (const OutOfMemoryError& error) {
    set("OutOfMemoryError", error);
  } catch (const IoError& error) {
    set("IoError", error);
  } catch (const FormatError& error) {
    set("FormatError", error);
  } catch (const CancelledError& error) {
    set("CancelledError", error);
  } catch (const InternalError& error) {
    set("InternalError", error);
  } catch (const Error& error) {
    set("Error", error);
  }
}

}  // namespace

void bind_errors(py::module_& m) {
  m.attr("_error_classes") = classes();
  py::register_exception_translator(translate);
}

}  // namespace athanor::python
