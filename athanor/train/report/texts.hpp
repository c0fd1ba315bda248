#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "athanor/base/error.hpp"

namespace athanor::train::report {

/// One entry of the catalogue: every text that a report shows, in both languages. `{name}` is
/// replaced by an argument.
struct Entry {
  std::string_view key;
  std::string_view en;
  std::string_view zh;
};
std::span<const Entry> catalogue();

/// The text of a key. Throws InternalError for a key that is not in the catalogue.
Text text(std::string_view key);

/// The text with its {names} replaced; what is put in is not searched again. Throws InternalError
/// when a name has no argument.
using Arguments = std::initializer_list<std::pair<std::string_view, Text>>;
Text say(std::string_view key, Arguments arguments);

/// The same in both languages.
Text both(const std::string& text);
/// "1 picture", "1,234 pictures"; "1,234 张图片". noun is a key with "/one" and "/many" forms.
Text count_of(std::int64_t count, std::string_view noun);
/// "12,345"
std::string number(std::int64_t value);
/// 0.975 as "97.5 %". A share below 1 never reads as 100 %, one above 0 never as 0 %.
std::string percent(double share, int digits = 1);
/// A name out of the data as it may stand in a sentence: valid UTF-8 without control or direction
/// characters, at most `limit` characters.
std::string plain_name(std::string_view name, std::size_t limit = 40);
/// The name in quotation marks.
Text in_quotes(std::string_view name);

}  // namespace athanor::train::report
