#include "platform/runs/run_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"

namespace athanor::platform {

namespace fs = std::filesystem;

namespace {

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("cannot create the folder {}: {}", folder.string(), error.message()),
                  error.value());
}

}  // namespace

fs::path home_folder() {
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value && *value ? fs::path(value) : fs::path();
  };
  fs::path home = variable("ATHANOR_HOME");
  if (home.empty() && !variable("XDG_DATA_HOME").empty())
    home = variable("XDG_DATA_HOME") / "athanor";
  if (home.empty())
    home = (variable("HOME").empty() ? fs::temp_directory_path() : variable("HOME")) /
           ".local/share/athanor";
  make_folder(home);
  return fs::absolute(home);
}

nlohmann::json Run::read() const {
  nlohmann::json record = nlohmann::json::parse(
      read_text_file(folder_ / "run.json", std::uint64_t{64} << 20), nullptr, false);
  require<FormatError>(record.is_object(), "{} is not a run record",
                       (folder_ / "run.json").string());
  return record;
}

void Run::write(const nlohmann::json& record) const {
  write_file_atomic(folder_ / "run.json", record.dump(2) + "\n");
}

Run create_run() {
  const fs::path runs = home_folder() / "runs";
  make_folder(runs);
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  for (int number = 1;; ++number) {
    const fs::path folder = runs / fmt::format("{}-{}", stamp, number);
    std::error_code error;
    if (fs::create_directory(folder, error)) return Run(folder);
    if (error)
      throw IoError(
          fmt::format("cannot create the folder {}: {}", folder.string(), error.message()),
          error.value());
  }
}

std::vector<Run> list_runs() {
  std::vector<Run> runs;
  const fs::path folder = home_folder() / "runs";
  if (!fs::exists(folder)) return runs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory() || !fs::exists(entry.path() / "run.json")) continue;
    runs.emplace_back(entry.path());
  }
  // Longer numbers are newer: compare stamp and number apart.
  const auto key = [](const Run& run) {
    const std::string id = run.id();
    const std::size_t dash = id.rfind('-');
    return std::pair(id.substr(0, dash), dash == std::string::npos
                                             ? 0L
                                             : std::strtol(id.c_str() + dash + 1, nullptr, 10));
  };
  std::sort(runs.begin(), runs.end(), [&](const Run& a, const Run& b) { return key(a) > key(b); });
  return runs;
}

Run find_run(const std::string& id) {
  const std::vector<Run> runs = list_runs();
  std::vector<Run> found;
  for (const Run& run : runs) {
    if (run.id() == id || (id == "last" && &run == &runs.front())) return run;
    if (run.id().starts_with(id)) found.push_back(run);
  }
  if (found.size() == 1) return found[0];
  const bool none = found.empty();
  throw RefusalError({none ? "run-not-found" : "run-ambiguous",
                      Exit::usage,
                      none ? Text{"There is no such run", "找不到该训练任务"}
                           : Text{"Several runs begin like that", "有多个训练任务以此开头"},
                      id,
                      {fmt::format("{} runs are kept, {} match", runs.size(), found.size()),
                       fmt::format("共有 {} 个训练任务，匹配 {} 个", runs.size(), found.size())},
                      {"list them: athanor run ls", "查看列表：athanor run ls"}});
}

}  // namespace athanor::platform
