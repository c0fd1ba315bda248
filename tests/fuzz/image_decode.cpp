// Any bytes as a picture: a picture or a FormatError, never anything else.

#include <cstddef>
#include <cstdint>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  athanor::vision::DecodeOptions options;
  options.max_pixels = 1 << 20;
  // The first byte chooses the options, the rest is the file.
  options.color = static_cast<athanor::vision::Color>(data[0] % 3);
  options.target_min_side = data[0] & 4 ? 16 : 0;
  options.apply_exif_orientation = (data[0] & 8) == 0;
  try {
    check(athanor::vision::decode({data + 1, size - 1}, options), "fuzz");
  } catch (const athanor::FormatError&) {
  }
  return 0;
}
