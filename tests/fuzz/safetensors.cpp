#include "athanor/io/safetensors.hpp"
#include "athanor/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = athanor::io::parse_safetensors({data, size}, "fuzz");
    // What is read can be written, and reads back the same.
    const athanor::Bytes again = athanor::io::safetensors_bytes(file.tensors, file.metadata);
    const auto back = athanor::io::parse_safetensors(again, "again");
    if (back.tensors.size() != file.tensors.size()) __builtin_trap();
    for (const auto& [name, tensor] : file.tensors)
      if (back.tensors.at(name).to_bytes() != tensor.to_bytes()) __builtin_trap();
  } catch (const athanor::FormatError&) {
  } catch (const athanor::UnsupportedError&) {
  }
  return 0;
}
