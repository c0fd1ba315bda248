#include "platform/cli/console.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace athanor::platform::cli {

void Console::say(const std::string& line) const {
  if (!json && !quiet) fmt::print(stderr, "{}\n", line);
}

void Console::print(const std::string& line) const {
  if (prints()) fmt::print("{}\n", line);
}

void Console::result(const nlohmann::json& value) const {
  if (into) *into = value;
  // Names that are not UTF-8 are shown with replacement characters rather than refused.
  if (json) fmt::print("{}\n", value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Console::table(const std::vector<std::vector<std::string>>& rows) const {
  if (!prints()) return;
  std::vector<int> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size())
        line += std::string(static_cast<std::size_t>(widths[i] - display_width(row[i]) + 2), ' ');
    }
    fmt::print("{}\n", line);
  }
}

void Console::next(const std::string& command) const {
  if (prints()) fmt::print("{} {}\n", pick("Next:", "下一步："), command);
}

Language environment_language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value && *value)
      return std::string_view(value).starts_with("zh") ? Language::zh : Language::en;
  }
  return Language::en;
}

int display_width(const std::string& text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0) == 0x80) continue;  // continuation byte
    // Three and four bytes: nearly all of them wide characters, except a few signs that we print.
    const bool narrow = c < 0xe0 || text.compare(i, 3, "█") == 0 || text.compare(i, 3, "░") == 0 ||
                        text.compare(i, 3, "–") == 0;
    width += narrow ? 1 : 2;
  }
  return width;
}

}  // namespace athanor::platform::cli
