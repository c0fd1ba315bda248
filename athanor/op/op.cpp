#include "athanor/op/op.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"

namespace athanor {

Attrs OpDef::attrs(std::initializer_list<std::pair<std::string_view, Attr>> changes) const {
  SmallVector<Attr, 2> values;
  for (const auto& a : signature.attributes) values.push_back(a.value);
  for (const auto& [name, value] : changes) {
    Attr& slot = values[signature.attribute_index(name)];
    slot = value;
    // A literal such as 1 or 0 stands for a real or a flag where the signature says so.
    const AttrType type = signature.attributes[signature.attribute_index(name)].type;
    if (const auto* i = std::get_if<std::int64_t>(&value); i && type == AttrType::real)
      slot = static_cast<double>(*i);
  }
  Attrs out(signature, std::move(values));
  for (std::size_t i = 0; i < signature.attributes.size(); ++i)
    require<InternalError>(out[i].index() != 0, "{}: attribute '{}' is required", name,
                           signature.attributes[i].name);
  return out;
}

TensorMeta meta_of(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  return {tensor.shape(), tensor.dtype()};
}

MetaList infer(const OpDef& op, std::span<const TensorMeta> inputs, const Attrs& attrs) {
  if (op.infer) return op.infer(inputs, attrs);
  ATH_ASSERT(op.formula);
  Shape shape = inputs[0].shape;
  for (std::size_t i = 1; i < inputs.size(); ++i)
    if (!(inputs[i].shape == shape)) shape = broadcast_shapes(shape, inputs[i].shape, op.name);
  const DType dtype =
      formula_result(op, inputs.size(), [&](std::size_t i) { return inputs[i].dtype; });
  return {TensorMeta{std::move(shape), dtype}};
}

OpDef& Registry::add(std::string_view name, std::string_view signature) {
  ATH_ASSERT(ops_.size() < ops_.capacity());
  OpDef& op = ops_.emplace_back();
  op.name = name;
  op.signature = Signature::parse(signature);
  op.index = static_cast<std::uint16_t>(ops_.size() - 1);
  return op;
}

const OpDef* Registry::find(std::string_view name) const {
  auto at = std::lower_bound(ops_.begin(), ops_.end(), name,
                             [](const OpDef& op, std::string_view n) { return op.name < n; });
  return at != ops_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace athanor
