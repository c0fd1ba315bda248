#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace athanor::test {

/// A folder of its own for a test, removed afterwards; ATHANOR_HOME of every command lies in it.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path home() const { return path_ / "home"; }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int status = -1;  ///< exit status, 128 + signal when it was ended by one
  std::string out;
  std::string err;
  /// stdout as JSON; a test failure when it is not exactly one value.
  nlohmann::json json() const;
};

/// A running `athanor`.
class Process {
 public:
  Process(const Workplace& place, std::vector<std::string> arguments);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  int pid() const { return pid_; }
  void signal(int number) const;
  bool running();
  Outcome wait();
  std::string out() const;

 private:
  int pid_ = -1;
  std::filesystem::path out_, err_;
  bool done_ = false;
  int status_ = -1;
};

/// Runs `athanor ARGUMENTS` to its end.
Outcome athanor(const Workplace& place, std::vector<std::string> arguments);
/// Runs a shell command line; returns its exit status.
int shell(const std::string& command);

/// $ATHANOR_TEST_DATA/name (default: ../shared/data beside the source). Empty, with a loud test
/// failure, when the file is not there.
std::filesystem::path test_data(const std::string& name);

/// A generated data set of `count` pictures of side x side pixels in `place`/name.
std::filesystem::path sample(const Workplace& place, const std::string& name, int count,
                             int side = 32, int seed = 0);

std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);
/// One member of a zip, through the program unzip.
std::string zip_member(const std::filesystem::path& zip, const std::string& member);

}  // namespace athanor::test
