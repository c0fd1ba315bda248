// Zips of any bytes: listed and read, or refused with an athanor error.
#include <cstddef>
#include <cstdint>

#include "athanor/base/error.hpp"
#include "athanor/data/archive.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  athanor::data::ArchiveLimits limits;
  limits.entries = 100;
  limits.entry_bytes = limits.total_bytes = 1 << 20;
  try {
    athanor::data::Archive({data, size}, "fuzz", limits)
        .visit([](const auto& entry, const auto& pull) {
          ATH_ASSERT(!entry.name.empty() && entry.name.front() != '/');
          while (!pull().empty()) {
          }
        });
  } catch (const athanor::InternalError&) {
    throw;
  } catch (const athanor::Error&) {
    // The refusal is the right answer to hostile bytes.
  }
  return 0;
}
