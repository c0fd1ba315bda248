#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "athanor/data/problem.hpp"

namespace athanor::data {

struct FoundFile {
  std::string name;            ///< relative to the root, UTF-8, '/' between components
  std::filesystem::path path;  ///< as the system knows it
};

struct Scan {
  std::vector<FoundFile> files;  ///< sorted bytewise by name
  std::vector<Problem> problems;
};

/// Every regular file below `root` but clutter (hidden files, __MACOSX, Thumbs.db ...). Links are
/// followed, each real folder once, so loops end. Folders that cannot be read are problems. Throws
/// RefusalError "too-many-files" beyond `limit`.
Scan scan_folder(const std::filesystem::path& root, std::uint64_t limit = 10'000'000);

}  // namespace athanor::data
