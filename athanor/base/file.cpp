#include "athanor/base/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "athanor/base/error.hpp"

namespace athanor {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const char* action, const fs::path& path, int code) {
  throw IoError(fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(code)), code);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::uint64_t open_regular(const fs::path& path, int& fd) {
  fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open", path, errno);
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    const int code = errno;
    ::close(fd);
    fail("read", path, code);
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    throw IoError(fmt::format("{} is not a regular file", path.string()),
                  S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
  }
  return static_cast<std::uint64_t>(info.st_size);
}

template <class Container>
Container read_all(const fs::path& path, std::uint64_t limit) {
  int fd = -1;
  const std::uint64_t size = open_regular(path, fd);
  const Descriptor guard(fd);
  require<FormatError>(size <= limit, "{} has {} bytes, the limit is {}", path.string(), size,
                       limit);
  Container content;
  content.resize(size);
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::read(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("read", path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  content.resize(done);
  return content;
}

void write_all(int fd, std::span<const std::uint8_t> content, const fs::path& path) {
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", path, errno);
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

Bytes read_file(const fs::path& path, std::uint64_t limit) { return read_all<Bytes>(path, limit); }
std::string read_text_file(const fs::path& path, std::uint64_t limit) {
  return read_all<std::string>(path, limit);
}

void sync_path(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail("open", path, errno);
  if (::fsync(fd.get()) != 0) fail("sync", path, errno);
}

void write_file_atomic(const fs::path& path, std::span<const std::uint8_t> content) {
  static std::atomic<unsigned> counter{0};
  fs::path aside = path;
  aside += fmt::format(".{}-{}.tmp", ::getpid(), counter.fetch_add(1));
  try {
    const Descriptor fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) fail("create", path, errno);
    write_all(fd.get(), content, path);
    if (::fsync(fd.get()) != 0) fail("sync", path, errno);
    if (::rename(aside.c_str(), path.c_str()) != 0) fail("rename to", path, errno);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
  sync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

void write_file(const fs::path& path, std::span<const std::uint8_t> content) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.get() < 0) fail("create", path, errno);
  write_all(fd.get(), content, path);
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  write_file_atomic(
      path, std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size()));
}

MappedFile::MappedFile(const fs::path& path) {
  int fd = -1;
  size_ = open_regular(path, fd);
  const Descriptor guard(fd);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) fail("map", path, errno);
  data_ = static_cast<const std::uint8_t*>(address);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

}  // namespace athanor
