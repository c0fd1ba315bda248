// Tars of any bytes: every name that comes through is safe to join to a folder.
#include "archive.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  athanor::fuzz::read_archive(data, size);
  return 0;
}
