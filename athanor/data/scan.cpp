#include "athanor/data/scan.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "athanor/data/names.hpp"

namespace athanor::data {

namespace fs = std::filesystem;

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

class Scanner {
 public:
  explicit Scanner(std::uint64_t limit) : limit_(limit) {}

  Scan run(const fs::path& root) {
    visit({root, ""});
    // Real folders first: a link that points back into the tree must not take their place.
    while (!pending_.empty()) {
      const Folder next = std::move(pending_.front());
      pending_.pop_front();
      visit(next);
    }
    std::sort(scan_.files.begin(), scan_.files.end(),
              [](const FoundFile& a, const FoundFile& b) { return a.name < b.name; });
    return std::move(scan_);
  }

 private:
  struct Folder {
    fs::path path;
    std::string name;
  };

  void visit(const Folder& start) {
    std::vector<Folder> stack{start};
    while (!stack.empty()) {
      const Folder folder = std::move(stack.back());
      stack.pop_back();
      struct stat info{};
      if (::stat(folder.path.c_str(), &info) != 0 ||
          !visited_.insert({info.st_dev, info.st_ino}).second)
        continue;
      list(folder, stack);
    }
  }

  void list(const Folder& folder, std::vector<Folder>& stack) {
    const std::unique_ptr<DIR, CloseFolder> handle(::opendir(folder.path.c_str()));
    if (!handle) {
      unreadable(folder.path, errno);
      return;
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(handle.get()))
      if (!is_clutter(entry->d_name)) names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    for (const std::string& raw : names) {
      Folder child{folder.path / raw,
                   folder.name.empty() ? decode_name(raw) : folder.name + '/' + decode_name(raw)};
      struct stat link{}, info{};
      if (::lstat(child.path.c_str(), &link) != 0) continue;
      if (::stat(child.path.c_str(), &info) != 0) {
        unreadable(child.path, errno);
        continue;
      }
      if (S_ISDIR(info.st_mode)) {
        if (S_ISLNK(link.st_mode))
          pending_.push_back(std::move(child));
        else
          stack.push_back(std::move(child));
      } else if (S_ISREG(info.st_mode)) {
        scan_.files.push_back({std::move(child.name), std::move(child.path)});
        if (scan_.files.size() > limit_) too_many(folder.path);
      }
    }
  }

  void unreadable(const fs::path& path, int code) {
    scan_.problems.push_back({"unreadable",
                              Severity::warning,
                              path.string(),
                              {fmt::format("cannot be read: {}", std::strerror(code)),
                               fmt::format("无法读取：{}", std::strerror(code))},
                              {"check the permissions, or remove it", "请检查权限，或将其删除"},
                              1,
                              {path.string()}});
  }

  [[noreturn]] void too_many(const fs::path& path) const {
    refuse("too-many-files", Exit::data, {"the folder holds too many files", "文件夹内文件过多"},
           path.string(), {fmt::format("more than {}", limit_), fmt::format("超过 {} 个", limit_)},
           {"name the folder of the pictures itself", "请直接指定图片所在的文件夹"});
  }

  std::uint64_t limit_;
  Scan scan_;
  std::deque<Folder> pending_;
  std::set<std::pair<dev_t, ino_t>> visited_;
};

}  // namespace

Scan scan_folder(const fs::path& root, std::uint64_t limit) { return Scanner(limit).run(root); }

}  // namespace athanor::data
