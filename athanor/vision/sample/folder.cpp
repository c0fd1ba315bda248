#include "athanor/vision/sample/folder.hpp"

#include "athanor/base/error.hpp"

namespace athanor::vision {

void make_class_folders(const std::filesystem::path& folder, std::span<const std::string> classes) {
  namespace fs = std::filesystem;
  if (fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder)))
    throw RefusalError(
        {"folder-not-empty",
         Exit::file,
         {"The folder for the sample pictures is not empty", "示例图片的目标目录不是空的"},
         folder.string(),
         {"nothing that is there may be overwritten", "不能覆盖已有内容"},
         {"name a new folder", "请指定一个新目录"}});
  for (const std::string& name : classes) {
    std::error_code error;
    fs::create_directories(folder / name, error);
    if (error)
      throw IoError(fmt::format("cannot create {}: {}", (folder / name).string(), error.message()),
                    error.value());
  }
}

}  // namespace athanor::vision
