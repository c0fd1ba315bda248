// The manifest of a model package. What is accepted can be written, and reads back the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "athanor/base/error.hpp"
#include "athanor/serve/package/package.hpp"

using namespace athanor::serve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Manifest manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
    const std::string written = nlohmann::json(manifest).dump();
    try {
      ATH_ASSERT(nlohmann::json(parse_manifest(written)).dump() == written);
    } catch (const athanor::FormatError&) {
      __builtin_trap();
    }
  } catch (const athanor::FormatError&) {
    // The refusal is the right answer to hostile bytes.
  }
  return 0;
}
