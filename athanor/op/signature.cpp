#include "athanor/op/signature.hpp"

#include <bit>
#include <charconv>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"

namespace athanor {

namespace {

constexpr std::string_view kTypeNames[] = {"flag", "integer", "real", "dims",
                                           "text", "dtype",   "expr"};

std::string_view trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s, char by) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '[') ++depth;
    if (s[i] == ']') --depth;
    if (s[i] == by && depth == 0) {
      parts.push_back(trim(s.substr(start, i - start)));
      start = i + 1;
    }
  }
  if (!trim(s.substr(start)).empty()) parts.push_back(trim(s.substr(start)));
  return parts;
}

template <class T>
T number(std::string_view s) {
  T value{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  require<InternalError>(error == std::errc() && end == s.data() + s.size(),
                         "signature: '{}' is not a number", s);
  return value;
}

Attr default_value(AttrType type, std::string_view text) {
  switch (type) {
    case AttrType::flag: return text == "true";
    case AttrType::integer: return number<std::int64_t>(text);
    case AttrType::real: return number<double>(text);
    case AttrType::text: return std::string(text.substr(1, text.size() - 2));
    case AttrType::dtype: return dtype_from_name(text);
    case AttrType::dims: {
      Dims dims;
      for (auto part : split(text.substr(1, text.size() - 2), ','))
        dims.push_back(number<std::int64_t>(part));
      return dims;
    }
    case AttrType::expr: break;
  }
  throw InternalError("signature: an expr has no default");
}

}  // namespace

Signature Signature::parse(std::string_view text) {
  Signature s;
  const std::size_t arrow = text.find("->");
  const std::size_t close = text.rfind(')', arrow);
  require<InternalError>(
      arrow != std::string_view::npos && close != std::string_view::npos && text.front() == '(',
      "'{}' is not a signature: (inputs, attributes) -> outputs", text);
  for (auto part : split(text.substr(1, close - 1), ',')) {
    const std::size_t colon = part.find(':');
    if (colon == std::string_view::npos) {
      Input input;
      if (part.ends_with("...")) {
        input.variadic = true;
        part.remove_suffix(3);
      } else if (part.ends_with("?")) {
        input.optional = true;
        part.remove_suffix(1);
      }
      input.name = trim(part);
      s.inputs.push_back(std::move(input));
      continue;
    }
    Attribute attribute;
    attribute.name = trim(part.substr(0, colon));
    std::string_view rest = part.substr(colon + 1);
    const std::size_t equals = rest.find('=');
    const std::string_view type = trim(rest.substr(0, equals));
    std::size_t index = 0;
    while (index < std::size(kTypeNames) && kTypeNames[index] != type) ++index;
    require<InternalError>(index < std::size(kTypeNames), "signature: unknown attribute type '{}'",
                           type);
    attribute.type = static_cast<AttrType>(index);
    if (equals != std::string_view::npos)
      attribute.value = default_value(attribute.type, trim(rest.substr(equals + 1)));
    s.attributes.push_back(std::move(attribute));
  }
  for (auto part : split(text.substr(arrow + 2), ',')) s.outputs.emplace_back(part);
  return s;
}

std::size_t Signature::attribute_index(std::string_view name) const {
  for (std::size_t i = 0; i < attributes.size(); ++i)
    if (attributes[i].name == name) return i;
  raise<InternalError>("no attribute is named '{}'", name);
}

Attrs Attrs::with(std::string_view name, Attr value) const {
  Attrs copy = *this;
  copy.values_[signature_->attribute_index(name)] = std::move(value);
  return copy;
}

bool operator==(const Attrs& a, const Attrs& b) {
  if (a.values_.size() != b.values_.size()) return false;
  for (std::size_t i = 0; i < a.values_.size(); ++i) {
    const Attr &x = a.values_[i], &y = b.values_[i];
    if (x.index() != y.index()) return false;
    const bool equal = std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, Expr>) {
            return same(v, std::get<Expr>(y));
          } else {
            return v == std::get<T>(y);
          }
        },
        x);
    if (!equal) return false;
  }
  return true;
}

std::uint64_t Attrs::hash() const {
  std::uint64_t h = values_.size();
  for (const Attr& attr : values_) {
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, Expr>) {
            h = mix(h, athanor::hash(v));
          } else if constexpr (std::is_same_v<T, Dims>) {
            for (std::int64_t d : v) h = mix(h, static_cast<std::uint64_t>(d));
          } else if constexpr (std::is_same_v<T, std::string>) {
            h = mix(h, std::hash<std::string>{}(v));
          } else if constexpr (std::is_same_v<T, double>) {
            h = mix(h, std::bit_cast<std::uint64_t>(v));
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            h = mix(h, static_cast<std::uint64_t>(v));
          }
        },
        attr);
  }
  return h;
}

std::string Attrs::to_string() const {
  std::string out;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    out += (i ? ", " : "") + signature_->attributes[i].name + "=";
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, Expr> || std::is_same_v<T, Dims>) {
            out += athanor::to_string(v);
          } else if constexpr (std::is_same_v<T, DType>) {
            out += name_of(v);
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            out += fmt::format("{}", v);
          }
        },
        values_[i]);
  }
  return out;
}

}  // namespace athanor
