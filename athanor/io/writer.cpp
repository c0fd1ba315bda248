#include "athanor/io/writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace athanor::io {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const char* action, const fs::path& path, int code) {
  throw IoError(fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(code)), code);
}

}  // namespace

FileWriter::FileWriter(fs::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("create", path_, errno);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::write(std::span<const std::uint8_t> bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void FileWriter::finish() {
  if (::fsync(fd_) != 0) fail("sync", path_, errno);
  const int code = ::close(fd_);
  fd_ = -1;
  if (code != 0) fail("close", path_, errno);
}

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> counter{0};
  aside_ = target_;
  aside_ += fmt::format(".{}-{}.tmp", ::getpid(), counter.fetch_add(1));
  writer_.emplace(aside_);
}

AtomicFile::~AtomicFile() {
  if (!done_) ::unlink(aside_.c_str());
}

void AtomicFile::commit() {
  writer_->finish();
  if (::rename(aside_.c_str(), target_.c_str()) != 0) fail("rename to", target_, errno);
  done_ = true;
  sync_path(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

}  // namespace athanor::io
