#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace athanor::platform {

/// Where athanor keeps runs and unpacked archives: $ATHANOR_HOME, else $XDG_DATA_HOME/athanor, else
/// ~/.local/share/athanor. Created when missing. Throws IoError.
std::filesystem::path home_folder();

/// A training run on disk: a folder with run.json (what was asked, decided and found), log.jsonl,
/// checkpoints/, model.zip, report.json and report.html.
class Run {
 public:
  explicit Run(std::filesystem::path folder) : folder_(std::move(folder)) {}
  const std::filesystem::path& folder() const { return folder_; }
  std::string id() const { return folder_.filename().string(); }
  std::filesystem::path log() const { return folder_ / "log.jsonl"; }
  std::filesystem::path checkpoints() const { return folder_ / "checkpoints"; }
  std::filesystem::path package() const { return folder_ / "model.zip"; }
  std::filesystem::path report_json() const { return folder_ / "report.json"; }
  std::filesystem::path report_html() const { return folder_ / "report.html"; }
  /// run.json; throws IoError, FormatError.
  nlohmann::json read() const;
  /// Writes run.json atomically.
  void write(const nlohmann::json& record) const;

 private:
  std::filesystem::path folder_;
};

/// A new run under home_folder()/runs, named by date, time and a number: "20261123-101500-1".
Run create_run();
/// All runs, newest first; folders without a readable run.json are left out.
std::vector<Run> list_runs();
/// The run with that id, or whose id begins with it; "last" is the newest. Throws RefusalError when
/// there is none or more than one.
Run find_run(const std::string& id);

}  // namespace athanor::platform
