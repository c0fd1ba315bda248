#include "athanor/base/error.hpp"
#include "athanor/io/weights.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const athanor::TensorMap weights = athanor::io::parse_weights({data, size}, "fuzz");
    std::uint64_t sum = 0;
    for (const auto& entry : weights)
      for (const std::uint8_t byte : entry.second.to_bytes()) sum += byte;
    if (sum == ~std::uint64_t{0}) __builtin_trap();  // every byte is read
  } catch (const athanor::FormatError&) {
  } catch (const athanor::UnsupportedError&) {
  }
  return 0;
}
