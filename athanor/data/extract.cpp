#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/data/archive.hpp"
#include "athanor/data/names.hpp"

namespace athanor::data {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const char* action, const fs::path& path) {
  const int code = errno;
  throw IoError(fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(code)), code);
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Writes files below one folder and nowhere else: every component is opened by itself, without
// following links, from the descriptor of the folder above it.
class Beneath {
 public:
  explicit Beneath(const fs::path& root)
      : path_(root), root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    if (root_.get() < 0) fail("open", root);
  }

  void folder(const std::string& name) { enter(name); }

  void file(const std::string& name, const Archive::Pull& pull) {
    const std::size_t slash = name.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : name.substr(0, slash);
    const std::string base = slash == std::string::npos ? name : name.substr(slash + 1);
    const Descriptor fd(::openat(enter(parent), base.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (fd.get() < 0) fail("create", path_ / name);
    for (auto block = pull(); !block.empty(); block = pull()) {
      while (!block.empty()) {
        const ssize_t n = ::write(fd.get(), block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("write", path_ / name);
        block = block.subspan(static_cast<std::size_t>(n));
      }
    }
  }

  void sync() const {
    if (::syncfs(root_.get()) != 0) fail("sync", path_);
  }

 private:
  // The descriptor of the folder, made if absent; the last one is kept, since entries come by
  // folder.
  int enter(const std::string& folder) {
    if (folder.empty()) return root_.get();
    if (folder == last_name_) return last_.get();
    Descriptor here;
    for (const std::string& part : split_path(folder)) {
      const int above = here.get() >= 0 ? here.get() : root_.get();
      if (::mkdirat(above, part.c_str(), 0755) != 0 && errno != EEXIST)
        fail("create", path_ / folder);
      Descriptor next(
          ::openat(above, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (next.get() < 0) fail("open", path_ / folder);
      here = std::move(next);
    }
    last_ = std::move(here);
    last_name_ = folder;
    return last_.get();
  }

  fs::path path_;
  Descriptor root_, last_;
  std::string last_name_;
};

// What a killed process left behind: "<target>.<pid>-<n>.partial" of a process that is gone.
void remove_leftovers(const fs::path& target) {
  std::error_code ignored;
  const std::string prefix = target.filename().string() + ".";
  for (const auto& entry : fs::directory_iterator(target.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".partial")) continue;
    int pid = 0;
    const char* begin = name.c_str() + prefix.size();
    if (std::from_chars(begin, name.c_str() + name.size(), pid).ptr == begin || pid <= 0) continue;
    if (::kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

void extract(const Archive& archive, const fs::path& folder) {
  static std::atomic<unsigned> counter{0};
  const fs::path target = fs::absolute(folder).lexically_normal();
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error)
    throw IoError(
        fmt::format("cannot create {}: {}", target.parent_path().string(), error.message()),
        error.value());
  fs::path partial = target;
  partial += fmt::format(".{}-{}.partial", ::getpid(), counter.fetch_add(1));
  if (::mkdir(partial.c_str(), 0755) != 0) fail("create", partial);
  try {
    {
      Beneath beneath(partial);
      archive.visit([&](const ArchiveEntry& entry, const Archive::Pull& pull) {
        if (entry.folder)
          beneath.folder(entry.name);
        else
          beneath.file(entry.name, pull);
      });
      beneath.sync();
    }
    // rename() replaces an empty folder and refuses any other.
    if (::rename(partial.c_str(), target.c_str()) != 0) fail("create", target);
    sync_path(target.parent_path());
  } catch (...) {
    fs::remove_all(partial, error);
    throw;
  }
}

fs::path extract_cached(const fs::path& archive, const fs::path& work_folder,
                        ArchiveLimits limits) {
  require(!work_folder.empty(),
          "open_dataset: {} is an archive, a work folder to unpack it is needed", archive.string());
  struct stat info{};
  if (::stat(archive.c_str(), &info) != 0) fail("read", archive);
  std::error_code error;
  const fs::path real = fs::canonical(archive, error);
  std::uint64_t key = mix(static_cast<std::uint64_t>(info.st_size),
                          static_cast<std::uint64_t>(info.st_mtim.tv_sec));
  key = mix(key, static_cast<std::uint64_t>(info.st_mtim.tv_nsec));
  for (const char c : real.string()) key = mix(key, static_cast<unsigned char>(c));
  const fs::path target = fs::absolute(work_folder).lexically_normal() /
                          fmt::format("{}-{:016x}", archive.stem().string().substr(0, 100), key);
  if (fs::is_directory(target)) return target;
  remove_leftovers(target);
  try {
    extract(Archive(archive, limits), target);
  } catch (const IoError&) {
    // Another process may have finished the same archive in the meantime.
    if (!fs::is_directory(target)) throw;
  }
  return target;
}

}  // namespace athanor::data
