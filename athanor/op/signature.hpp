#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "athanor/base/dtype.hpp"
#include "athanor/base/shape.hpp"
#include "athanor/op/expr.hpp"

namespace athanor {

/// The value of an attribute.
using Attr =
    std::variant<std::monostate, bool, std::int64_t, double, Dims, std::string, DType, Expr>;

enum class AttrType : std::uint8_t { flag, integer, real, dims, text, dtype, expr };

/// Inputs, outputs and attributes of an op, as written in ATH_OP:
/// "(x, weight, bias?, stride: dims = [1,1], groups: integer = 1) -> y". A trailing "..." marks the
/// variadic last input, "?" an optional one. Attribute types: flag, integer, real, dims, text,
/// dtype, expr.
struct Signature {
  struct Input {
    std::string name;
    bool optional = false;
    bool variadic = false;
  };
  struct Attribute {
    std::string name;
    AttrType type = AttrType::integer;
    Attr value;  ///< the default; std::monostate: required
  };
  std::vector<Input> inputs;
  std::vector<Attribute> attributes;
  std::vector<std::string> outputs;

  /// Throws InternalError for a text that is not a signature.
  static Signature parse(std::string_view text);
  /// Position of an attribute. Throws InternalError for an unknown name.
  std::size_t attribute_index(std::string_view name) const;
};

/// The attributes of one call, in the order of the signature.
class Attrs {
 public:
  Attrs() = default;
  explicit Attrs(const Signature& signature) : signature_(&signature) {}
  Attrs(const Signature& signature, std::initializer_list<Attr> values)
      : signature_(&signature), values_(values) {}
  Attrs(const Signature& signature, SmallVector<Attr, 2> values)
      : signature_(&signature), values_(std::move(values)) {}

  bool flag(std::string_view name) const { return get<bool>(name); }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  double real(std::string_view name) const { return get<double>(name); }
  const Dims& dims(std::string_view name) const { return get<Dims>(name); }
  const std::string& text(std::string_view name) const { return get<std::string>(name); }
  DType dtype(std::string_view name) const { return get<DType>(name); }
  const Expr& expr(std::string_view name) const { return get<Expr>(name); }

  /// The same attributes with one changed.
  Attrs with(std::string_view name, Attr value) const;
  std::size_t size() const { return values_.size(); }
  const Attr& operator[](std::size_t i) const { return values_[i]; }
  const Signature* signature() const { return signature_; }

  friend bool operator==(const Attrs& a, const Attrs& b);
  std::uint64_t hash() const;
  /// "stride=[1,1], groups=1"
  std::string to_string() const;

 private:
  template <class T>
  const T& get(std::string_view name) const {
    return std::get<T>(values_[signature_->attribute_index(name)]);
  }
  const Signature* signature_ = nullptr;
  SmallVector<Attr, 2> values_;
};

}  // namespace athanor
