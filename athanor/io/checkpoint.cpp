#include "athanor/io/checkpoint.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "athanor/io/writer.hpp"

namespace athanor::io {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kAside = ".unfinished-";
constexpr std::string_view kTrash = ".removed-";
constexpr const char* kManifest = "checkpoint.json";
constexpr const char* kState = "state.json";
constexpr const char* kIndex = "tensors.safetensors.index.json";
constexpr const char* kFormat = "athanor-checkpoint";
constexpr int kVersion = 1;
constexpr std::uint64_t kJsonLimit = std::uint64_t{256} << 20;

// Held while a checkpoint is written; the system frees it when the process ends, however it ends.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    const fs::path path = folder / ".lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0)
      throw IoError(fmt::format("cannot create {}: {}", path.string(), std::strerror(errno)),
                    errno);
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~FolderLock() { ::close(fd_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

struct Found {
  std::int64_t number;
  fs::path path;
};

// Newest first.
std::vector<Found> list(const fs::path& folder) {
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t number = 0;
    const char *first = name.data() + kPrefix.size(), *last = name.data() + name.size();
    const auto [stop, code] = std::from_chars(first, last, number);
    if (code == std::errc() && stop == last && number > 0) found.push_back({number, it->path()});
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.number > b.number; });
  return found;
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw IoError(
        fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), std::strerror(errno)),
        errno);
}

// What a killed writer left behind.
void sweep(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(kAside) || name.starts_with(kTrash)) old.push_back(it->path());
  }
  for (const fs::path& path : old) fs::remove_all(path, error);
}

json file_entry(FileWriter& file) {
  file.finish();
  const std::uint64_t bytes = file.size();
  return {{"bytes", bytes}, {"sha256", file.sha256()}};
}

json write_text(const fs::path& path, const std::string& text) {
  FileWriter file(path);
  file.write(text);
  return file_entry(file);
}

std::uint64_t bytes_of(const Tensor& t) {
  return static_cast<std::uint64_t>(t.count()) * size_of(t.dtype());
}

std::string dumped(const json& value) {
  try {
    return value.dump(1);
  } catch (const json::exception& error) {
    throw ValueError(fmt::format("the state of a checkpoint must be UTF-8: {}", error.what()));
  }
}

// Writes all files into `aside`, synced.
void write_files(const fs::path& aside, const Checkpoint& checkpoint,
                 const CheckpointOptions& options) {
  std::vector<TensorMap> shards(1);
  std::uint64_t filled = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const std::uint64_t bytes = bytes_of(tensor);
    if (!shards.back().empty() && filled + bytes > options.shard_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().emplace(name, tensor);
    filled += bytes;
  }
  json files = json::object(), weight_map = json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        fmt::format("tensors-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    FileWriter file(aside / name);
    detail::write_safetensors_to(file, shards[i], {{"format", kFormat}});
    files[name] = file_entry(file);
    for (const auto& entry : shards[i]) weight_map[entry.first] = name;
  }
  files[kIndex] = write_text(aside / kIndex, dumped({{"weight_map", weight_map}}));
  files[kState] = write_text(aside / kState, dumped(checkpoint.state));
  const std::string text = files.dump();
  const json manifest = {
      {"format", kFormat},
      {"version", kVersion},
      {"files", files},
      {"sha256", sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()})}};
  write_text(aside / kManifest, dumped(manifest));
  sync_path(aside);
}

json parse_json(const std::string& text, const fs::path& path) {
  json value = json::parse(text, nullptr, false);
  require<FormatError>(!value.is_discarded(), "{} is not JSON", path.string());
  return value;
}

LoadedCheckpoint load_one(const Found& found) {
  const fs::path& folder = found.path;
  const json manifest =
      parse_json(read_text_file(folder / kManifest, kJsonLimit), folder / kManifest);
  const auto wrong = [&](const char* what) {
    raise<FormatError>("{}: {}", (folder / kManifest).string(), what);
  };
  if (!manifest.is_object() || manifest.value("format", json()) != kFormat)
    wrong("not a checkpoint's list of files");
  if (manifest.value("version", json()) != kVersion)
    raise<UnsupportedError>(
        "{}: version {} of the checkpoint format; this athanor reads version {}", folder.string(),
        manifest.value("version", json()).dump(), kVersion);
  const json files = manifest.value("files", json());
  const std::string listed = files.dump();
  if (!files.is_object() ||
      manifest.value("sha256", json()) !=
          sha256({reinterpret_cast<const std::uint8_t*>(listed.data()), listed.size()}))
    wrong("its list of files is damaged");
  LoadedCheckpoint out;
  for (const auto& [name, entry] : files.items()) {
    if (name.empty() || name.find('/') != std::string::npos || name[0] == '.')
      wrong("a file name leaves the folder");
    const fs::path path = folder / name;
    const MappedFile file(path);
    require<FormatError>(entry.is_object() && entry.value("bytes", json()) == file.bytes().size() &&
                             entry.value("sha256", json()) == sha256(file.bytes()),
                         "{}: {} bytes do not have the checksum that was written", path.string(),
                         file.bytes().size());
    if (name.ends_with(".safetensors")) {
      Safetensors shard = parse_safetensors(file.bytes(), path.string());
      for (auto& [key, tensor] : shard.tensors)
        require<FormatError>(out.tensors.emplace(key, std::move(tensor)).second,
                             "{}: tensor '{}' is in another shard too", path.string(), key);
    } else if (name == kState) {
      out.state = parse_json({file.bytes().begin(), file.bytes().end()}, path);
    }
  }
  if (!files.contains(kState)) wrong("state.json is not listed");
  out.path = folder;
  out.number = found.number;
  return out;
}

}  // namespace

fs::path save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint,
                         const CheckpointOptions& options) {
  require(options.keep >= 1, "save_checkpoint: keep must be at least 1, not {}", options.keep);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("cannot create {}: {}", folder.string(), error.message()),
                  error.value());
  const FolderLock lock(folder);
  sweep(folder);
  const std::vector<Found> before = list(folder);
  const std::int64_t number = before.empty() ? 1 : before.front().number + 1;
  static std::atomic<unsigned> counter{0};
  const fs::path aside = folder / fmt::format("{}{}-{}", kAside, ::getpid(), counter.fetch_add(1));
  const fs::path target = folder / fmt::format("{}{:08}", kPrefix, number);
  if (!fs::create_directory(aside, error) || error)
    throw IoError(fmt::format("cannot create {}: {}", aside.string(), error.message()),
                  error.value());
  try {
    write_files(aside, checkpoint, options);
    rename_path(aside, target);
  } catch (...) {
    fs::remove_all(aside, error);
    throw;
  }
  sync_path(folder);
  // The new one is whole and named: now the old ones may go. Renamed first, so that a half-removed
  // folder is never taken for a checkpoint.
  for (std::size_t i = static_cast<std::size_t>(options.keep) - 1; i < before.size(); ++i) {
    const fs::path trash = folder / fmt::format("{}{:08}", kTrash, before[i].number);
    rename_path(before[i].path, trash);
    fs::remove_all(trash, error);
  }
  return target;
}

LoadedCheckpoint load_checkpoint(const fs::path& folder) {
  const std::vector<Found> found = list(folder);
  if (found.empty()) throw IoError(fmt::format("{} holds no checkpoint", folder.string()), ENOENT);
  std::vector<Text> warnings;
  for (const Found& one : found) {
    try {
      LoadedCheckpoint loaded = load_one(one);
      loaded.warnings = std::move(warnings);
      return loaded;
    } catch (const UnsupportedError&) {
      throw;  // written by a newer athanor: older files would silently lose work
    } catch (const OutOfMemoryError&) {
      throw;
    } catch (const Error& error) {
      warnings.push_back(
          {fmt::format("{} is damaged and was passed over: {}", one.path.string(), error.what()),
           fmt::format("{} 已损坏，已跳过：{}", one.path.string(), error.what())});
    }
  }
  std::string all;
  for (const Text& text : warnings) all += "; " + text.en;
  raise<FormatError>("{}: every checkpoint is damaged{}", folder.string(), all);
}

bool has_checkpoint(const fs::path& folder) { return !list(folder).empty(); }

}  // namespace athanor::io
