#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/data/dataset.hpp"

namespace athanor::data::test {

namespace fs = std::filesystem;

/// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "athanor-data-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

  /// Writes a file, with the folders above it.
  fs::path write(const fs::path& name, std::string_view content) const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    write_file_atomic(path, content);
    return path;
  }
  /// A file that begins as a PNG does and differs from every other of another `salt`.
  fs::path picture(const fs::path& name, const std::string& salt = {}) const {
    return write(name, "\x89PNG\r\n\x1A\n" + (salt.empty() ? name.string() : salt));
  }

 private:
  fs::path path_;
};

/// Runs a Python program in `folder`: an independent writer of archives.
inline void python(const fs::path& folder, const std::string& program) {
  const fs::path script = folder / "make.py";
  write_file_atomic(script, program);
  const std::string command =
      "cd '" + folder.string() + "' && /usr/bin/python3 -W ignore make.py && rm make.py";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("python failed: " + program);
}

/// A file of the shared test data; a failure that names it when it is not there.
inline fs::path shared_data(const std::string& name) {
  const char* given = std::getenv("ATHANOR_TEST_DATA");
  const fs::path root = given ? fs::path(given) : fs::path(ATH_SOURCE_DIR) / "../shared/data";
  const fs::path path = root / name;
  if (!fs::exists(path))
    ADD_FAILURE() << "test data missing: " << path << " (set ATHANOR_TEST_DATA to its folder)";
  return path;
}

/// The code of the refusal that `body` throws; "" when it throws none. Checks that the four parts
/// are there in both languages.
inline std::string refusal_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const RefusalError& error) {
    const Refusal& r = error.refusal();
    for (const Text& text : {r.what, r.why, r.fix}) {
      EXPECT_FALSE(text.en.empty()) << r.code;
      EXPECT_FALSE(text.zh.empty()) << r.code;
    }
    EXPECT_FALSE(r.where.empty()) << r.code;
    return r.code;
  }
  return "";
}

inline const Problem* find_problem(const std::vector<Problem>& problems, std::string_view code) {
  for (const Problem& problem : problems)
    if (problem.code == code) return &problem;
  return nullptr;
}

inline std::string codes(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.code + " ";
  return text;
}

}  // namespace athanor::data::test
