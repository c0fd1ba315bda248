#include <charconv>

#include "platform/cli/commands.hpp"

namespace athanor::platform::cli {

double parse_duration(const std::string& text) {
  double seconds = 0, number = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool any = false;
  while (at < end) {
    const auto [next, error] = std::from_chars(at, end, number);
    require(error == std::errc() && number >= 0,
            "'{}' is not a duration; write 90s, 5m, 1h30m or a number of seconds", text);
    double unit = 1;
    at = next;
    if (at < end) {
      require(*at == 's' || *at == 'm' || *at == 'h',
              "'{}' is not a duration; the units are s, m and h", text);
      unit = *at == 'h' ? 3600 : *at == 'm' ? 60 : 1;
      ++at;
    }
    seconds += number * unit;
    any = true;
  }
  require(any && seconds >= 1 && seconds <= 7 * 86400.0,
          "the duration '{}' must lie between 1 second and 7 days", text);
  return seconds;
}

}  // namespace athanor::platform::cli
