#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "athanor/base/error.hpp"

namespace athanor::platform::cli {

/// What every command knows: how to speak.
struct Console {
  Language language = Language::en;
  bool json = false;   ///< stdout is exactly one JSON object or array
  bool quiet = false;  ///< no progress
  /// Where the result goes, for a program that runs a command as a function: then nothing is
  /// written to stdout. Null: it goes there.
  nlohmann::json* into = nullptr;

  const char* pick(const char* en, const char* zh) const {
    return language == Language::zh ? zh : en;
  }
  /// A line for the user on stderr; nothing when quiet or json.
  void say(const std::string& line) const;
  /// A line of the result on stdout; nothing with --json or `into`.
  void print(const std::string& line) const;
  /// The result with --json or `into`; nothing otherwise.
  void result(const nlohmann::json& value) const;
  /// Columns aligned by display width, first row is the head; nothing with --json or `into`.
  void table(const std::vector<std::vector<std::string>>& rows) const;
  /// The one line that says what to do next; nothing with --json or `into`.
  void next(const std::string& command) const;

 private:
  bool prints() const { return !json && !into; }
};

/// The language of the environment: zh when LC_ALL, LC_MESSAGES or LANG begins with "zh".
Language environment_language();

/// Columns that a UTF-8 text takes on a terminal: 2 for CJK characters.
int display_width(const std::string& text);

}  // namespace athanor::platform::cli
