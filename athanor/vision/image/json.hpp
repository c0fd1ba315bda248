#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "athanor/base/error.hpp"

namespace athanor::vision {

/// Reads the fields of one JSON object into a struct and refuses what it does not know: a field
/// that is silently ignored would be a setting that silently does nothing.
class FieldReader {
 public:
  FieldReader(const nlohmann::json& json, std::string_view what) : json_(json), what_(what) {
    if (!json.is_object())
      raise<FormatError>("{}: a JSON object is expected, got {}", what, json.type_name());
  }

  template <class T>
  void read(const char* name, T& field) {
    ++known_;
    const auto found = json_.find(name);
    if (found == json_.end()) {
      --known_;
      return;
    }
    try {
      found->get_to(field);
    } catch (const nlohmann::json::exception& error) {
      raise<FormatError>("{}: field \"{}\": {}", what_, name, error.what());
    }
  }

  /// A field that is one of a list of names, the enum's values in order.
  template <class E, std::size_t N>
  void read_name(const char* name, E& field, const std::string_view (&names)[N]) {
    std::string text(names[static_cast<std::size_t>(field)]);
    read(name, text);
    for (std::size_t i = 0; i < N; ++i) {
      if (names[i] != text) continue;
      field = static_cast<E>(i);
      return;
    }
    raise<FormatError>("{}: field \"{}\" is \"{}\"; possible are {}", what_, name, text,
                       fmt::join(names, ", "));
  }

  /// After all fields were read: throws when the object has others.
  void finish() const {
    if (known_ != json_.size())
      raise<FormatError>("{}: {} of its {} fields are unknown: {}", what_, json_.size() - known_,
                         json_.size(), json_.dump());
  }

 private:
  const nlohmann::json& json_;
  std::string_view what_;
  std::size_t known_ = 0;
};

}  // namespace athanor::vision
