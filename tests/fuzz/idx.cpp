// IDX files of any bytes, gzipped or not: an array whose size fits its dimensions, or a
// FormatError.
#include "athanor/data/idx.hpp"

#include <cstddef>
#include <cstdint>

#include "athanor/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto array = athanor::data::parse_idx({data, size}, "fuzz", 1 << 20);
    ATH_ASSERT(array.count() * array.stride() == static_cast<std::int64_t>(array.values.size()));
  } catch (const athanor::FormatError&) {
    // The refusal is the right answer to hostile bytes.
  }
  return 0;
}
