// Tars of any bytes, unpacked to memory: every name that comes through is safe to join to a folder.
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
          ATH_ASSERT(athanor::data::safe_member_name(entry.name, "fuzz") == entry.name);
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
