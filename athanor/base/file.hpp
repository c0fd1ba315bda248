#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

using Bytes = std::vector<std::uint8_t>;

/// The whole file. Throws IoError with path and reason, FormatError when it is larger than `limit`
/// bytes.
Bytes read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 32);
std::string read_text_file(const std::filesystem::path& path,
                           std::uint64_t limit = std::uint64_t{1} << 30);

/// Writes beside the target, syncs, renames over it and syncs the folder: after a crash the old or
/// the new content is there, whole. Throws IoError (code() is ENOSPC on a full disk) and leaves the
/// old file as it was.
void write_file_atomic(const std::filesystem::path& path, std::span<const std::uint8_t> content);
void write_file_atomic(const std::filesystem::path& path, std::string_view content);

/// Writes a file that can be made again: no sync, no renaming. Throws IoError.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content);

/// fsync of a file or a folder. Throws IoError.
void sync_path(const std::filesystem::path& path);

/// A read-only memory map of a whole file; empty files give an empty span.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace athanor
