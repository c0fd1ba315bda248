#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::serve {

/// One part of a multipart/form-data body. `content` points into the body.
struct Part {
  std::string name;
  std::string filename;  ///< empty when the part is no file
  bool is_file = false;
  std::string content_type;
  std::span<const std::uint8_t> content;
};

/// RFC 7578. Reads at most `max_parts` parts, headers of at most 8 KiB each; nothing is copied.
/// Throws HttpError 400 for a body that is not well formed or not complete, 413 for too many parts.
std::vector<Part> parse_multipart(std::span<const std::uint8_t> body, std::string_view boundary,
                                  int max_parts);

}  // namespace athanor::serve
