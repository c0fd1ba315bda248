#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/base/file.hpp"

struct archive;  // libarchive's

namespace athanor::data {

/// What an archive may cost. The ratio is bytes unpacked so far against the archive's own size.
struct ArchiveLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t entry_bytes = std::uint64_t{4} << 30;
  std::uint64_t total_bytes = std::uint64_t{20} << 30;
  std::uint64_t ratio = 200;
  std::uint64_t ratio_from = std::uint64_t{100} << 20;  ///< the ratio counts beyond this many bytes
};

struct ArchiveEntry {
  std::string name;  ///< UTF-8, relative, '/' between components, no '.' or '..' component
  std::uint64_t size = 0;
  bool folder = false;
};

/// A zip or a tar (plain or packed with gzip, bzip2, xz, lzma or zstd), read as a stream.
///
/// Hostile archives are refused with a RefusalError before any of their bytes is used: names that
/// are absolute or have `..`, links, devices, a name twice, a file that is also a folder,
/// encryption
/// ("archive-unsafe-name", "archive-link", "archive-special-file", "archive-duplicate-name",
/// "archive-encrypted"), more than the limits ("archive-too-large", "archive-bomb"), damage and
/// truncation ("archive-damaged"), zip members that are neither stored nor packed by deflate or
/// bzip2
/// ("archive-packing"). A file that is no archive gives "archive-unknown".
class Archive {
 public:
  explicit Archive(std::filesystem::path path, ArchiveLimits limits = {});
  /// The bytes must outlive the archive. `label` stands for the path in messages.
  Archive(std::span<const std::uint8_t> bytes, std::string label, ArchiveLimits limits = {});

  /// The next block of an entry's bytes, empty at its end.
  using Pull = std::function<std::span<const std::uint8_t>()>;
  /// One pass over the entries in the archive's order; `take` may pull the bytes or leave them.
  void visit(const std::function<void(const ArchiveEntry&, const Pull&)>& take) const;

  std::vector<ArchiveEntry> entries() const;
  /// One file's bytes. Throws RefusalError "archive-no-member" when there is none of that name.
  Bytes read(std::string_view name) const;

 private:
  int open(::archive* reader) const;
  bool names_are_gbk() const;

  std::filesystem::path path_;
  std::span<const std::uint8_t> bytes_;
  bool in_memory_ = false;
  std::string label_;
  ArchiveLimits limits_;
};

/// Whether the file's first bytes are those of a zip, a tar or a packed file that may hold a tar.
bool looks_like_archive(const std::filesystem::path& path);

/// Unpacks into `folder`, which must not exist or be empty. All or nothing: the files are written
/// to a folder beside it, synced, and renamed. Nothing outside the folder can be written.
void extract(const Archive& archive, const std::filesystem::path& folder);

/// Unpacks below `work_folder` once: a second call with the unchanged archive (path, size, time)
/// returns the same folder at once.
std::filesystem::path extract_cached(const std::filesystem::path& archive,
                                     const std::filesystem::path& work_folder,
                                     ArchiveLimits limits = {});

struct ZipMember {
  std::string name;
  Bytes bytes;
};

/// A zip of stored members, sorted by name, with fixed times: the same members give the same file,
/// byte for byte. Atomic. Names must be relative UTF-8 without `..`; at most 4 GiB in all.
void write_zip(const std::filesystem::path& path, std::vector<ZipMember> members);

/// One member of a zip; `limit` bounds its size.
Bytes read_zip_member(const std::filesystem::path& path, std::string_view name,
                      std::uint64_t limit = std::uint64_t{4} << 30);

/// All files of a zip, in its order.
std::vector<ZipMember> read_zip(const std::filesystem::path& path, ArchiveLimits limits = {});

/// A decoded name (names.hpp) as ArchiveEntry promises it, or a RefusalError "archive-unsafe-name".
/// Of a name that it returned it makes the same name.
std::string safe_member_name(std::string_view text, const std::string& archive);

}  // namespace athanor::data
