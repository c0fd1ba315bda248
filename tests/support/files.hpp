#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace athanor::test {

/// A file of the shared test data; a failure that names it when it is absent.
inline std::filesystem::path test_data(const std::string& name) {
  const char* root = std::getenv("ATHANOR_TEST_DATA");
  const std::filesystem::path path =
      (root ? std::filesystem::path(root)
            : std::filesystem::path(ATH_SOURCE_DIR) / "../shared/data") /
      name;
  if (!std::filesystem::exists(path))
    ADD_FAILURE() << "test data is absent: " << path << "; set ATHANOR_TEST_DATA";
  return path;
}

/// A folder of its own that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("athanor-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Runs a Python program with Debian's interpreter, which has PyTorch; false when it failed.
inline bool run_python(const std::string& program, const std::filesystem::path& folder) {
  const std::filesystem::path script = folder / "program.py";
  std::ofstream(script) << program;
  const std::string command = "cd '" + folder.string() +
                              "' && OPENBLAS_CORETYPE= /usr/bin/python3 '" + script.string() +
                              "' > python.log 2>&1";
  const int code = std::system(command.c_str());
  if (code == 0) return true;
  std::ifstream log(folder / "python.log");
  ADD_FAILURE() << "python3 failed:\n" << std::string(std::istreambuf_iterator<char>(log), {});
  return false;
}

}  // namespace athanor::test
