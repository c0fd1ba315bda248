// athanor-op-reference: writes docs/reference/ops.md from the registry.
//   athanor-op-reference --write FILE    writes it
//   athanor-op-reference --check FILE    exit code 1 when FILE is not what would be written
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/op/op.hpp"

namespace {

using namespace athanor;

std::string type_name(AttrType type) {
  constexpr const char* names[] = {"flag", "integer", "real", "dims", "text", "dtype", "expr"};
  return names[static_cast<int>(type)];
}

std::string value_text(const Attr& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* i = std::get_if<std::int64_t>(&value)) return std::to_string(*i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const auto* dims = std::get_if<Dims>(&value)) return to_string(*dims);
  if (const auto* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
  if (const auto* dtype = std::get_if<DType>(&value)) return std::string(name_of(*dtype));
  return {};
}

std::string signature_text(const OpDef& op) {
  std::string out = std::string(op.name) + "(";
  bool first = true;
  const auto comma = [&] { out += first ? "" : ", ", first = false; };
  for (const auto& input : op.signature.inputs) {
    comma();
    out += input.name + (input.variadic ? "..." : input.optional ? "?" : "");
  }
  for (const auto& attribute : op.signature.attributes) {
    comma();
    out += attribute.name + ": " + type_name(attribute.type);
    if (attribute.value.index() != 0) out += " = " + value_text(attribute.value);
  }
  out += ") -> ";
  for (std::size_t i = 0; i < op.signature.outputs.size(); ++i)
    out += (i ? ", " : "") + op.signature.outputs[i];
  return out;
}

std::string dtypes_text(DTypeSet set) {
  std::string out;
  for (DType dtype : kAllDTypes)
    if (contains(set, dtype)) out += (out.empty() ? "" : ", ") + std::string(name_of(dtype));
  return out;
}

std::string gradient_text(const OpDef& op) {
  if (!op.no_gradient.empty()) return "none: " + op.no_gradient;
  if (op.vjp) return "written with ops";
  return op.formula ? "derived from the formula" : "that of the lowering";
}

std::string onnx_text(const OpDef& op) {
  std::string out;
  switch (op.onnx.kind) {
    case OnnxMap::Kind::node: out = "nodes of its own"; break;
    case OnnxMap::Kind::lowering: out = op.formula ? "its formula" : "its lowering"; break;
    case OnnxMap::Kind::none:
    case OnnxMap::Kind::missing: out = "none: " + op.onnx.reason; break;
  }
  std::string types;
  for (const auto& [type, from] : op.onnx.from) types += (types.empty() ? "" : ", ") + type;
  return types.empty() ? out : out + "; reads " + types;
}

std::string meaning_text(const OpDef& op) {
  if (op.formula)
    return op.formula.parametric() ? "formula of its attributes"
                                   : "formula `" + to_string(op.formula({})) + "`";
  if (op.view) return "view: no data is moved";
  return op.lower ? "written with other ops" : "kernels";
}

std::string layout_text(const OpDef& op) {
  if (op.view) return "a view of the input";
  switch (op.layout) {
    case Layout::row_major: return "row-major";
    case Layout::follows: return "follows the input";
    case Layout::kernel: return "chosen by the kernel";
  }
  return {};
}

std::string page() {
  std::string out =
      "# Ops\n\n"
      "Written by `athanor-op-reference` from the op records in `athanor/ops/`; do not edit.\n\n"
      "A signature names inputs (`?`: optional, `...`: any number), attributes with their "
      "defaults, "
      "and outputs.\n\n";
  out += fmt::format("{} ops:", registry().size());
  for (const OpDef& op : registry()) out += fmt::format(" [{}](#{})", op.name, op.name);
  out += "\n";
  for (const OpDef& op : registry()) {
    out += fmt::format("\n## {}\n\n```\n{}\n```\n\n{}\n\n", op.name, signature_text(op), op.doc);
    out += fmt::format("| | |\n|---|---|\n| dtypes | {} |\n| meaning | {} |\n| gradient | {} |\n",
                       dtypes_text(op.dtypes), meaning_text(op), gradient_text(op));
    out += fmt::format("| memory order | {} |\n| ONNX | {} |\n", layout_text(op), onnx_text(op));
    if (op.random) out += "| random | a function of seed, stream and element index |\n";
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc == 3 ? argv[1] : "";
    if (mode == "--write") {
      athanor::write_file_atomic(argv[2], page());
      return 0;
    }
    if (mode == "--check") {
      if (athanor::read_text_file(argv[2]) == page()) return 0;
      std::fprintf(stderr,
                   "%s is not what the op records say; run: athanor-op-reference --write %s\n",
                   argv[2], argv[2]);
      return 1;
    }
    std::fprintf(stderr, "usage: athanor-op-reference --write|--check FILE\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "athanor-op-reference: %s\n", error.what());
    return 1;
  }
}
