#pragma once
// What the programs for zips and tars share.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "athanor/base/error.hpp"
#include "athanor/data/archive.hpp"
#include "athanor/data/names.hpp"

namespace athanor::fuzz {

/// The promise of ArchiveEntry: the name can be joined to a folder on any system.
inline bool is_safe(const std::string& name) {
  if (name.empty() || name.back() == '/' || !data::is_utf8(name)) return false;
  if (name.size() >= 2 && name[1] == ':' && (name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z')
    return false;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '/');)
    if (part.empty() || part == "." || part == "..") return false;
  for (const char c : name)
    if (c == '\\' || c == 0x7F || (c >= 0 && c < 0x20)) return false;
  return true;
}

/// Reads every entry of an archive of any bytes; an Error of athanor is the right answer to hostile
/// ones.
inline void read_archive(const std::uint8_t* bytes, std::size_t size) {
  data::ArchiveLimits limits;
  limits.entries = 100;
  limits.entry_bytes = limits.total_bytes = 1 << 20;
  try {
    data::Archive({bytes, size}, "fuzz", limits).visit([](const auto& entry, const auto& pull) {
      ATH_ASSERT(is_safe(entry.name));
      while (!pull().empty()) {
      }
    });
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {
  }
}

}  // namespace athanor::fuzz
