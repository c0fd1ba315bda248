#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "athanor/base/error.hpp"

namespace athanor::train {

/// What a training run tells while it goes on.
struct Event {
  enum class Kind { start, step, epoch, evaluation, checkpoint, plan, end };
  Kind kind = Kind::step;
  std::int64_t step = 0;          ///< steps done
  std::int64_t total_steps = 0;   ///< by the plan in force
  std::int64_t epoch = 0;         ///< epochs done
  std::int64_t total_epochs = 0;  ///< 0: a fit that has none
  double loss = 0;                ///< mean since the event before
  double learning_rate = 0;
  double items_per_second = 0;  ///< over the last seconds
  double elapsed = 0;           ///< seconds of training, earlier sessions of the run included
  double remaining = 0;         ///< estimated seconds
  double accuracy = -1;         ///< of an evaluation; -1: none
  std::string text;             ///< for plan and end: why
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on(const Event& event) = 0;
};

/// A bar with rate, loss and remaining time, redrawn in place on a terminal; a line every ten
/// seconds elsewhere.
std::unique_ptr<Listener> make_progress_bar(Language language);

/// One JSON object a line, appended and flushed: {"event":"step","step":12,...}. Throws IoError
/// when the file cannot be opened.
std::unique_ptr<Listener> make_jsonl_log(const std::filesystem::path& file);

nlohmann::json to_json(const Event& event);

}  // namespace athanor::train
