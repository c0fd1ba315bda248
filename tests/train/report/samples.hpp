#pragma once

#include <string>

#include "athanor/train/report/report.hpp"

namespace athanor::train::report_test {

/// The shares of right answers and how sure they are, for made-up data that looks like real ones.
struct Sample {
  int classes = 4;
  int count = 240;
  double right = 0.94;
  std::uint64_t seed = 1;
  bool multi_label = false;
};
ReportInput sample(const Sample& options, std::vector<std::string> names);

std::vector<std::string> part_names();  ///< 4
std::vector<std::string> many_names();  ///< 20, some very long
std::vector<std::string> hundred_names();

/// A drawn picture of the item, as JPEG; its look depends on its class.
Bytes picture(const std::string& item);

/// A file below the test's temporary folder.
std::string write_temporary(const std::string& name, const std::string& content);

/// What a Python program prints on stdout; its exit status must be 0.
std::string run_python(const std::string& program, const std::string& argument);

}  // namespace athanor::train::report_test
