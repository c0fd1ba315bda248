#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace athanor::train::report {

/// Text as it may stand in HTML, between tags and inside quoted attributes: markup escaped, bytes
/// that are no UTF-8 and control characters replaced by U+FFFD.
std::string escape(std::string_view text);

/// A text of ours, escaped, whose numbers stay with their "%" at the end of a line.
std::string escape_sentence(std::string_view text);

/// JSON as it may stand inside a script element: ASCII only, and no character that could end the
/// element or begin a comment.
std::string script_json(const nlohmann::json& value);

/// "data:image/jpeg;base64,..." (png likewise); empty when the bytes are neither.
std::string data_uri(std::span<const std::uint8_t> picture);

}  // namespace athanor::train::report
