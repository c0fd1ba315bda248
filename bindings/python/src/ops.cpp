#include "binding.hpp"

#include "athanor/op/dispatch.hpp"
#include "athanor/ops/registry.hpp"

namespace athanor::python {

namespace {

const char* name_of_type(AttrType type) {
  constexpr const char* names[] = {"flag", "integer", "real", "dims", "text", "dtype", "expr"};
  return names[static_cast<int>(type)];
}

py::object python_of(const Attr& value) {
  if (const auto* v = std::get_if<bool>(&value)) return py::bool_(*v);
  if (const auto* v = std::get_if<std::int64_t>(&value)) return py::int_(*v);
  if (const auto* v = std::get_if<double>(&value)) return py::float_(*v);
  if (const auto* v = std::get_if<Dims>(&value)) return tuple_of(*v);
  if (const auto* v = std::get_if<std::string>(&value)) return py::str(*v);
  if (const auto* v = std::get_if<DType>(&value)) return py::cast(*v);
  return py::none();
}

// An attribute as Python hands it over. Throws TypeError that names op and attribute.
Attr attr_from(const OpDef& op, const Signature::Attribute& attribute, const py::handle& value) {
  const auto refuse = [&](const char* wanted) -> py::type_error {
    return py::type_error(fmt::format("{}: {} must be {}, not {}", op.name, attribute.name, wanted,
                                      std::string(py::repr(value))));
  };
  switch (attribute.type) {
    case AttrType::flag:
      if (!py::isinstance<py::bool_>(value)) throw refuse("True or False");
      return value.cast<bool>();
    case AttrType::integer:
      if (!PyIndex_Check(value.ptr())) throw refuse("an int");
      return py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr())).cast<std::int64_t>();
    case AttrType::real:
      if (!py::isinstance<py::float_>(value) && !PyIndex_Check(value.ptr()))
        throw refuse("a number");
      return value.cast<double>();
    case AttrType::dims:
      return dims_from(value, fmt::format("{}: {}", op.name, attribute.name).c_str());
    case AttrType::text:
      if (!py::isinstance<py::str>(value)) throw refuse("a str");
      return value.cast<std::string>();
    case AttrType::dtype:
      if (!py::isinstance<DType>(value)) throw refuse("a dtype such as athanor.float32");
      return value.cast<DType>();
    case AttrType::expr: break;
  }
  throw refuse("made by the framework itself");
}

// The tensor whose dtype numbers beside it take.
Tensor first_tensor(const py::tuple& inputs) {
  for (const py::handle& item : inputs)
    if (py::isinstance<Tensor>(item)) return item.cast<Tensor>();
  return {};
}

py::object call(std::size_t index, const py::tuple& inputs, const py::tuple& attributes) {
  const OpDef& op = registry()[index];
  const Tensor like = first_tensor(inputs);
  TensorList tensors;
  for (const py::handle& item : inputs)
    tensors.push_back(item.is_none() ? Tensor() : operand_from(item, like));
  SmallVector<Attr, 2> values;
  for (std::size_t i = 0; i < attributes.size(); ++i)
    values.push_back(attr_from(op, op.signature.attributes[i], attributes[i]));
  const Attrs attrs(op.signature, std::move(values));
  TensorList outputs;
  {
    const py::gil_scoped_release release;
    outputs = dispatch(op, tensors, attrs);
  }
  if (outputs.size() == 1 && !op.signature.outputs.back().ends_with("..."))
    return py::cast(std::move(outputs[0]));
  py::tuple out(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) out[i] = py::cast(std::move(outputs[i]));
  return out;
}

py::list describe_ops() {
  py::list out;
  for (const OpDef& op : registry()) {
    py::list inputs, attributes;
    for (const auto& input : op.signature.inputs)
      inputs.append(py::make_tuple(input.name, input.optional, input.variadic));
    for (const auto& a : op.signature.attributes)
      attributes.append(py::make_tuple(a.name, name_of_type(a.type), python_of(a.value)));
    py::dict entry;
    entry["name"] = std::string(op.name);
    entry["doc"] = op.doc;
    entry["inputs"] = inputs;
    entry["attributes"] = attributes;
    entry["outputs"] = op.signature.outputs;
    entry["differentiable"] = op.no_gradient.empty();
    py::list dtypes;
    for (const DType dtype : kAllDTypes)
      if (contains(op.dtypes, dtype)) dtypes.append(py::cast(dtype));
    entry["dtypes"] = dtypes;
    out.append(entry);
  }
  return out;
}

}  // namespace

void bind_ops(py::module_& m) {
  m.def("_ops", describe_ops, "The records of all ops, in the order of their indices.");
  m.def("_call", call, "Runs op number `index`; None is an optional input that is left out.");
}

}  // namespace athanor::python
