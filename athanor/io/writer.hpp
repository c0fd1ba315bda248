#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "athanor/io/safetensors.hpp"
#include "athanor/io/sha256.hpp"

namespace athanor::io {

/// A file that is written from front to back, with the SHA-256 of what was written. Throws IoError.
class FileWriter {
 public:
  /// Creates or empties the file.
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  void write(std::string_view text) {
    write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  /// Syncs and closes; nothing may be written afterwards.
  void finish();
  std::uint64_t size() const { return size_; }
  /// Of everything written; call it once, after finish().
  std::string sha256() { return hash_.hex(); }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  Sha256 hash_;
};

/// A FileWriter beside the target, which takes its place in commit(); otherwise it is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  FileWriter& writer() { return *writer_; }
  void commit();

 private:
  std::filesystem::path target_, aside_;
  std::optional<FileWriter> writer_;
  bool done_ = false;
};

namespace detail {
void write_safetensors_to(FileWriter& file, const TensorMap& tensors, const Metadata& metadata);
}

}  // namespace athanor::io
