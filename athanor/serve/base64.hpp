#pragma once

#include <span>
#include <string>
#include <string_view>

#include "athanor/base/file.hpp"

namespace athanor::serve {

/// Standard base64 (RFC 4648, section 4), strict: padding is required, unused bits are zero,
/// nothing else is allowed, no line breaks either. Throws FormatError that names the first bad
/// position.
Bytes decode_base64(std::string_view text);
std::string encode_base64(std::span<const std::uint8_t> bytes);

}  // namespace athanor::serve
