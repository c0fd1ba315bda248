#include "athanor/train/events.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace athanor::train {

namespace {

const char* name_of(Event::Kind kind) {
  constexpr const char* names[] = {"start",      "step", "epoch", "evaluation",
                                   "checkpoint", "plan", "end"};
  return names[static_cast<int>(kind)];
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

class ProgressBar final : public Listener {
 public:
  explicit ProgressBar(Language language)
      : zh_(language == Language::zh), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressBar() override { finish_line(); }

  void on(const Event& e) override {
    if (e.kind == Event::Kind::step) {
      const double pause = terminal_ ? 0.1 : 10;
      if (e.elapsed - last_ < pause && e.step < e.total_steps) return;
      last_ = e.elapsed;
      draw(e);
    } else if (e.kind == Event::Kind::evaluation && e.accuracy >= 0) {
      finish_line();
      const std::string what =
          e.total_epochs == 0 ? (zh_ ? "交叉验证" : "cross-validation")
                              : fmt::format(fmt::runtime(zh_ ? "第 {} 轮" : "epoch {}"), e.epoch);
      fmt::print(stderr, "{}\n",
                 fmt::format(fmt::runtime(zh_ ? "  {}：验证准确率 {:.2f} %"
                                              : "  {}: validation accuracy {:.2f} %"),
                             what, 100 * e.accuracy));
    } else if (e.kind == Event::Kind::end || e.kind == Event::Kind::plan) {
      finish_line();
      if (!e.text.empty()) fmt::print(stderr, "  {}\n", e.text);
    }
  }

 private:
  void draw(const Event& e) {
    const double share =
        e.total_steps > 0 ? static_cast<double>(e.step) / static_cast<double>(e.total_steps) : 0;
    constexpr int width = 28;
    const int full = static_cast<int>(share * width + 0.5);
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
    // A fit without epochs has no loss to show before its end either.
    const std::string where =
        e.total_epochs == 0
            ? ""
            : fmt::format(
                  fmt::runtime(zh_ ? "第 {}/{} 轮  损失 {:.3f}  " : "epoch {}/{}  loss {:.3f}  "),
                  std::min(e.epoch + 1, e.total_epochs), e.total_epochs, e.loss);
    const std::string line =
        fmt::format(fmt::runtime(zh_ ? "  {} {:3.0f} %  {}{:.0f} 张/秒  剩余 {}"
                                     : "  {} {:3.0f} %  {}{:.0f} pictures/s  {} left"),
                    bar, 100 * share, where, e.items_per_second, clock_text(e.remaining));
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\x1b[K" : "\n");
    std::fflush(stderr);
    open_ = terminal_;
  }
  void finish_line() {
    if (open_) fmt::print(stderr, "\n");
    open_ = false;
  }

  bool zh_, terminal_, open_ = false;
  double last_ = -1e9;
};

class JsonlLog final : public Listener {
 public:
  explicit JsonlLog(const std::filesystem::path& file)
      : path_(file), file_(std::fopen(file.c_str(), "ae")) {
    if (!file_)
      throw IoError(fmt::format("cannot open {}: {}", file.string(), std::strerror(errno)), errno);
  }
  ~JsonlLog() override { std::fclose(file_); }
  JsonlLog(const JsonlLog&) = delete;
  JsonlLog& operator=(const JsonlLog&) = delete;

  void on(const Event& e) override {
    const std::string line = to_json(e).dump() + "\n";
    if (std::fwrite(line.data(), 1, line.size(), file_) != line.size() || std::fflush(file_) != 0)
      throw IoError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)),
                    errno);
  }

 private:
  std::filesystem::path path_;
  std::FILE* file_;
};

}  // namespace

nlohmann::json to_json(const Event& e) {
  nlohmann::json j{{"event", name_of(e.kind)},
                   {"step", e.step},
                   {"total_steps", e.total_steps},
                   {"epoch", e.epoch},
                   {"loss", e.loss},
                   {"learning_rate", e.learning_rate},
                   {"items_per_second", e.items_per_second},
                   {"elapsed", e.elapsed},
                   {"remaining", e.remaining}};
  if (e.accuracy >= 0) j["accuracy"] = e.accuracy;
  if (!e.text.empty()) j["text"] = e.text;
  return j;
}

std::unique_ptr<Listener> make_progress_bar(Language language) {
  return std::make_unique<ProgressBar>(language);
}
std::unique_ptr<Listener> make_jsonl_log(const std::filesystem::path& file) {
  return std::make_unique<JsonlLog>(file);
}

}  // namespace athanor::train
