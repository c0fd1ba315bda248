#include "athanor/data/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_set>
#include <utility>

#include "athanor/data/names.hpp"
#include "athanor/data/problem.hpp"

namespace athanor::data {

namespace fs = std::filesystem;

namespace {

// libarchive converts names to the thread's locale and puts '?' for what does not fit. In the "C"
// locale, where a program starts, that is every Chinese name.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) old_ = ::uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (!locale_) return;
    ::uselocale(old_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_ = nullptr;
  locale_t old_ = nullptr;
};

struct CloseArchive {
  void operator()(::archive* a) const { ::archive_read_free(a); }
};
using Handle = std::unique_ptr<::archive, CloseArchive>;

std::string reason(::archive* a) {
  const char* text = ::archive_error_string(a);
  return text ? text : "no reason given";
}

[[noreturn]] void damaged(const std::string& label, const std::string& why) {
  refuse("archive-damaged", Exit::data,
         {"the archive is damaged or truncated", "压缩包已损坏或不完整"}, label, {why, why},
         {"copy or download it again, or pack the folder anew",
          "请重新复制或下载该压缩包，或重新打包"});
}

[[noreturn]] void too_large(const std::string& label, const char* unit_en, const char* unit_zh,
                            std::uint64_t found, std::uint64_t limit) {
  refuse("archive-too-large", Exit::data,
         {"the archive holds more than is accepted", "压缩包的内容超过上限"}, label,
         {fmt::format("{} {}, the limit is {}", found, unit_en, limit),
          fmt::format("{}：{}，上限为 {}", unit_zh, found, limit)},
         {"unpack it yourself and give the folder", "请自行解压后使用文件夹"});
}

// Counts what has been unpacked against the limits.
class Meter {
 public:
  Meter(const ArchiveLimits& limits, std::uint64_t packed, const std::string& label)
      : limits_(limits), packed_(packed), label_(label) {}

  void entry() {
    entry_bytes_ = 0;
    if (++entries_ > limits_.entries)
      too_large(label_, "entries", "条目数", entries_, limits_.entries);
  }
  void bytes(std::uint64_t n) {
    entry_bytes_ += n;
    check(entry_bytes_, total_ += n);
  }
  /// A size that a header declares, before any byte of it is unpacked.
  void declared(std::uint64_t n) const {
    check(n, n > UINT64_MAX - total_ ? UINT64_MAX : total_ + n);
  }
  /// The declared size of an entry that nobody reads.
  void skipped(std::uint64_t n) { total_ += n; }
  std::uint64_t entry_bytes() const { return entry_bytes_; }

 private:
  void check(std::uint64_t entry, std::uint64_t total) const {
    if (entry > limits_.entry_bytes)
      too_large(label_, "bytes in one entry", "单个条目的字节数", entry, limits_.entry_bytes);
    if (total > limits_.total_bytes)
      too_large(label_, "bytes in all", "总字节数", total, limits_.total_bytes);
    if (total > limits_.ratio_from && total / limits_.ratio > packed_)
      refuse(
          "archive-bomb", Exit::data,
          {"the archive unpacks to far more than it can honestly hold (a zip bomb)",
           "压缩包解压后的大小异常（疑似压缩炸弹）"},
          label_,
          {fmt::format("{} bytes unpack to {} bytes or more; the limit is {} times", packed_, total,
                       limits_.ratio),
           fmt::format("{} 字节解压后至少 {} 字节，上限为 {} 倍", packed_, total, limits_.ratio)},
          {"if you trust it, unpack it yourself and give the folder",
           "如果信任该文件，请自行解压后使用文件夹"});
  }

  const ArchiveLimits& limits_;
  std::uint64_t packed_;
  const std::string& label_;
  std::uint64_t entries_ = 0, entry_bytes_ = 0, total_ = 0;
};

// Names already seen: a file twice, or a file that is also a folder, would let one entry replace
// another after it was checked.
class Names {
 public:
  explicit Names(const std::string& label) : label_(label) {}
  void add(const ArchiveEntry& entry) {
    for (std::size_t slash = entry.name.find('/'); slash != std::string::npos;
         slash = entry.name.find('/', slash + 1))
      add_folder(entry.name.substr(0, slash), entry.name);
    if (entry.folder) {
      add_folder(entry.name, entry.name);
      return;
    }
    if (folders_.contains(entry.name) || !files_.insert(entry.name).second) twice(entry.name);
  }

 private:
  void add_folder(const std::string& folder, const std::string& entry) {
    if (files_.contains(folder)) twice(entry);
    folders_.insert(folder);
  }
  [[noreturn]] void twice(const std::string& name) const {
    refuse("archive-duplicate-name", Exit::data,
           {"the archive has one name twice", "压缩包内有重复的文件名"},
           fmt::format("{}: {}", label_, name),
           {"two entries have the same name, or one is a file and a folder",
            "两个条目同名，或同一名称既是文件又是文件夹"},
           {"pack the folder anew", "请重新打包"});
  }

  const std::string& label_;
  std::unordered_set<std::string> files_, folders_;
};

Handle new_reader() {
  Handle a(::archive_read_new());
  require<OutOfMemoryError>(a != nullptr, "libarchive: no memory for a reader");
  // The seekable zip reader alone: it needs the central directory, so a truncated zip is noticed.
  // Formats whose parsers nobody needs here (rar, cab, iso ...) stay off.
  ::archive_read_support_format_zip_seekable(a.get());
  ::archive_read_support_format_tar(a.get());
  ::archive_read_support_filter_gzip(a.get());
  ::archive_read_support_filter_bzip2(a.get());
  ::archive_read_support_filter_xz(a.get());
  ::archive_read_support_filter_lzma(a.get());
  ::archive_read_support_filter_zstd(a.get());
  return a;
}

[[noreturn]] void unknown(const std::string& label, const std::string& why) {
  refuse("archive-unknown", Exit::data,
         {"this is no archive that athanor reads, or it is truncated",
          "无法识别该压缩包，或文件不完整"},
         label,
         {fmt::format("zip, tar, tar.gz, tar.bz2, tar.xz and tar.zst are read; {}", why),
          fmt::format("支持 zip、tar、tar.gz、tar.bz2、tar.xz、tar.zst；{}", why)},
         {"pack the folder as .zip or .tar.gz, or give the folder itself",
          "请打包为 .zip 或 .tar.gz，或直接使用文件夹"});
}

void check_type(::archive_entry* entry, const std::string& name, const std::string& label) {
  const std::string where = fmt::format("{}: {}", label, name);
  const auto type = ::archive_entry_filetype(entry);
  if (::archive_entry_hardlink(entry) || ::archive_entry_symlink(entry) || type == AE_IFLNK)
    refuse("archive-link", Exit::data, {"the archive holds a link", "压缩包内含有链接"}, where,
           {"links can point outside the data", "链接可能指向数据之外"},
           {"pack the files themselves (zip -r, tar -h)", "请打包文件本身（zip -r 或 tar -h）"});
  if (type != AE_IFREG && type != AE_IFDIR)
    refuse("archive-special-file", Exit::data,
           {"the archive holds a device, pipe or socket", "压缩包内含有设备、管道或套接字文件"},
           where, {"only files and folders are accepted", "只接受文件和文件夹"},
           {"pack the folder anew", "请重新打包"});
  if (::archive_entry_is_encrypted(entry))
    refuse("archive-encrypted", Exit::data, {"the archive is encrypted", "压缩包已加密"}, where,
           {"athanor asks for no passwords", "不支持带密码的压缩包"},
           {"pack it without a password", "请去掉密码后重新打包"});
}

// LZMA and PPMd members name the memory that their decoders want, gigabytes if they like, and
// libarchive grants it. What everybody's zip program writes is stored or deflated.
void check_packing(::archive* a, const std::string& name, const std::string& label) {
  if ((::archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_ZIP) return;
  const char* text = ::archive_format_name(a);
  const std::string_view format = text ? text : "";  // "ZIP 2.0 (deflation)"
  for (const char* good : {"(uncompressed)", "(deflation)", "(bzip)"})
    if (format.find(good) != format.npos) return;
  refuse("archive-packing", Exit::data,
         {"a file in the zip is packed in an unusual way", "zip 内的文件使用了不支持的压缩方法"},
         fmt::format("{}: {}", label, name),
         {fmt::format("{}; stored, deflated and bzip2 files are read", format),
          fmt::format("{}；只支持存储、deflate 与 bzip2", format)},
         {"pack it anew with the usual settings, or as .tar.xz",
          "请用普通设置重新打包，或改用 .tar.xz"});
}

}  // namespace

std::string safe_member_name(std::string_view text, const std::string& archive) {
  const auto unsafe = [&](const char* en, const char* zh) {
    std::size_t end = std::min<std::size_t>(text.size(), 200);
    while (end < text.size() && (text[end] & 0xC0) == 0x80) --end;  // no half letter
    std::string shown(text.substr(0, end));
    for (char& c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    refuse("archive-unsafe-name", Exit::data,
           {"the archive holds a name that could write outside its folder",
            "压缩包内含有不安全的文件名"},
           fmt::format("{}: {}", archive, shown), {en, zh},
           {"do not use this archive unless you know who made it; pack the folder anew",
            "除非清楚来源，否则不要使用该压缩包；请重新打包"});
  };
  std::string name(text);
  // Some Windows programs write backslashes into zips.
  std::replace(name.begin(), name.end(), '\\', '/');
  if (name.empty()) unsafe("the name is empty", "文件名为空");
  if (name.size() > 4000) unsafe("the name has more than 4,000 bytes", "文件名超过 4000 字节");
  if (name.front() == '/') unsafe("the path is absolute", "路径是绝对路径");
  std::string clean;
  for (const std::string& part : split_path(name)) {
    if (part == ".") continue;
    if (part == "..") unsafe("the path has a '..'", "路径包含 “..”");
    if (part.size() > 255) unsafe("a name has more than 255 bytes", "文件名超过 255 字节");
    if (clean.empty() && part.size() >= 2 && part[1] == ':' &&
        ((part[0] >= 'a' && part[0] <= 'z') || (part[0] >= 'A' && part[0] <= 'Z')))
      unsafe("the path names a drive", "路径包含盘符");
    for (const char c : part)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
        unsafe("the name has a control character", "文件名包含控制字符");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

Archive::Archive(fs::path path, ArchiveLimits limits)
    : path_(std::move(path)), label_(path_.string()), limits_(limits) {}

Archive::Archive(std::span<const std::uint8_t> bytes, std::string label, ArchiveLimits limits)
    : bytes_(bytes), in_memory_(true), label_(std::move(label)), limits_(limits) {}

int Archive::open(::archive* a) const {
  return in_memory_ ? ::archive_read_open_memory(a, bytes_.data(), bytes_.size())
                    : ::archive_read_open_filename(a, path_.c_str(), 256 * 1024);
}

// One name alone may be UTF-8 by accident; the names of a whole zip tell. Tars are not asked: that
// would unpack them once more.
bool Archive::names_are_gbk() const {
  const Handle a(::archive_read_new());
  if (!a) return false;
  ::archive_read_support_format_zip_seekable(a.get());
  if (open(a.get()) != ARCHIVE_OK) return false;
  ::archive_entry* entry = nullptr;
  for (std::uint64_t n = 0; n < limits_.entries; ++n) {
    const int status = ::archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF || status < ARCHIVE_WARN) return false;
    const char* name = ::archive_entry_pathname(entry);
    if (name && is_gbk_name(name)) return true;
  }
  return false;
}

void Archive::visit(const std::function<void(const ArchiveEntry&, const Pull&)>& take) const {
  const Utf8Locale locale;
  const Handle a = new_reader();
  // A zip says per entry whether its name is UTF-8, and libarchive converts only the others.
  if (names_are_gbk()) ::archive_read_set_option(a.get(), "zip", "hdrcharset", "GB18030");
  std::uint64_t packed = bytes_.size();
  if (!in_memory_) {
    std::error_code error;
    packed = fs::file_size(path_, error);
    if (error)
      throw IoError(fmt::format("cannot read {}: {}", label_, error.message()), error.value());
  }
  if (open(a.get()) != ARCHIVE_OK) {
    const int code = ::archive_errno(a.get());
    if (!in_memory_ && (code == EACCES || code == EIO || code == EPERM || code == EISDIR))
      throw IoError(fmt::format("cannot read {}: {}", label_, std::strerror(code)), code);
    unknown(label_, reason(a.get()));
  }

  Meter meter(limits_, packed, label_);
  Names names(label_);
  bool first = true;
  while (true) {
    ::archive_entry* raw = nullptr;
    const int status = ::archive_read_next_header(a.get(), &raw);
    if (status == ARCHIVE_EOF) return;
    if (status < ARCHIVE_WARN) {
      if (first && ::archive_format(a.get()) == 0) unknown(label_, reason(a.get()));
      damaged(label_, reason(a.get()));
    }
    first = false;
    meter.entry();
    const char* raw_name = ::archive_entry_pathname(raw);
    if (!raw_name) damaged(label_, "an entry has no readable name");
    ArchiveEntry entry;
    entry.name = safe_member_name(decode_name(raw_name), label_);
    check_type(raw, entry.name, label_);
    entry.folder = ::archive_entry_filetype(raw) == AE_IFDIR;
    if (!entry.folder) check_packing(a.get(), entry.name, label_);
    if (entry.name.empty()) {
      if (entry.folder) continue;  // "./"
      damaged(label_, "a file has no name");
    }
    const std::int64_t size = ::archive_entry_size_is_set(raw) ? ::archive_entry_size(raw) : 0;
    if (size < 0) damaged(label_, fmt::format("{} declares a negative size", entry.name));
    entry.size = static_cast<std::uint64_t>(size);
    names.add(entry);
    meter.declared(entry.size);

    std::array<std::uint8_t, 64 * 1024> block;
    bool ended = false;
    const Pull pull = [&]() -> std::span<const std::uint8_t> {
      if (ended || entry.folder) return {};
      const la_ssize_t n = ::archive_read_data(a.get(), block.data(), block.size());
      if (n < 0) damaged(label_, fmt::format("{}: {}", entry.name, reason(a.get())));
      meter.bytes(static_cast<std::uint64_t>(n));
      if (n == 0) {
        ended = true;
        if (::archive_entry_size_is_set(raw) && meter.entry_bytes() != entry.size)
          damaged(label_, fmt::format("{} has {} bytes, its header says {}", entry.name,
                                      meter.entry_bytes(), entry.size));
      }
      return {block.data(), static_cast<std::size_t>(n)};
    };
    take(entry, pull);
    if (!ended) meter.skipped(entry.size - std::min(entry.size, meter.entry_bytes()));
  }
}

std::vector<ArchiveEntry> Archive::entries() const {
  std::vector<ArchiveEntry> list;
  visit([&](const ArchiveEntry& entry, const Pull&) { list.push_back(entry); });
  return list;
}

Bytes Archive::read(std::string_view name) const {
  Bytes bytes;
  bool found = false;
  visit([&](const ArchiveEntry& entry, const Pull& pull) {
    if (entry.folder || entry.name != name) return;
    found = true;
    for (auto block = pull(); !block.empty(); block = pull())
      bytes.insert(bytes.end(), block.begin(), block.end());
  });
  if (!found)
    refuse("archive-no-member", Exit::data,
           {fmt::format("the archive has no file '{}'", name),
            fmt::format("压缩包内没有文件 “{}”", name)},
           label_, {"it was expected there", "缺少必需的文件"},
           {"check that it is the right file and complete", "请确认文件正确且完整"});
  return bytes;
}

bool looks_like_archive(const fs::path& path) {
  std::array<unsigned char, 512> head{};
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) return false;
  const std::size_t n = std::fread(head.data(), 1, head.size(), file);
  std::fclose(file);
  const auto starts = [&](std::string_view magic) {
    return n >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
  };
  using namespace std::string_view_literals;
  return starts("PK\x03\x04"sv) || starts("PK\x05\x06"sv) || starts("\x1F\x8B"sv) ||
         starts("BZh"sv) ||
         starts(
             "\xFD"
             "7zXZ\0"sv) ||
         starts("\x28\xB5\x2F\xFD"sv) || starts("\x5D\0\0"sv) ||
         (n >= 262 && std::memcmp(head.data() + 257, "ustar", 5) == 0);
}

Bytes read_zip_member(const fs::path& path, std::string_view name, std::uint64_t limit) {
  ArchiveLimits limits;
  limits.entry_bytes = limit;
  return Archive(path, limits).read(name);
}

std::vector<ZipMember> read_zip(const fs::path& path, ArchiveLimits limits) {
  std::vector<ZipMember> members;
  Archive(path, limits).visit([&](const ArchiveEntry& entry, const Archive::Pull& pull) {
    if (entry.folder) return;
    ZipMember member{entry.name, {}};
    for (auto block = pull(); !block.empty(); block = pull())
      member.bytes.insert(member.bytes.end(), block.begin(), block.end());
    members.push_back(std::move(member));
  });
  return members;
}

}  // namespace athanor::data
