// The first byte is the length of the boundary, then the boundary, then the body. Parts must lie in
// the body, one behind the other.

#include "athanor/serve/multipart.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "athanor/serve/base64.hpp"
#include "athanor/serve/http.hpp"
#include "athanor/serve/problem.hpp"

using namespace athanor::serve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size < 1u + data[0]) return 0;
  const std::string boundary(reinterpret_cast<const char*>(data) + 1, data[0]);
  const std::span<const std::uint8_t> body(data + 1 + data[0], size - 1 - data[0]);
  try {
    const std::uint8_t* behind = body.data();
    for (const Part& part : parse_multipart(body, boundary, 64)) {
      if (part.content.data() < behind ||
          part.content.data() + part.content.size() > body.data() + body.size())
        std::abort();
      behind = part.content.data() + part.content.size();
    }
  } catch (const HttpError& error) {
    if (error.problem().status >= 500) std::abort();
  }
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  try {
    if (encode_base64(decode_base64(text)) != text) std::abort();
  } catch (const athanor::FormatError&) {
  }
  preferred_language(text);
  header_parameter(text, boundary);
  return 0;
}
