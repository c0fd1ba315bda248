#include <cstddef>
#include <cstdint>

#include "athanor/base/error.hpp"
#include "athanor/io/onnx/onnx.hpp"

// Any bytes either become a verified graph or are refused with one of these.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  athanor::io::OnnxImportOptions options;
  options.limits.folded_bytes = 1 << 20;
  options.limits.nodes = 1000;
  try {
    (void)athanor::io::import_onnx({data, size}, options);
  } catch (const athanor::FormatError&) {
  } catch (const athanor::UnsupportedError&) {
  } catch (const athanor::DTypeError&) {
  }
  return 0;
}
