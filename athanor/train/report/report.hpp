#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/train/evaluation/evaluation.hpp"

namespace athanor::train {

/// What a report is made from.
struct ReportInput {
  std::string title;  ///< name of the data or project
  Evaluation test;    ///< held-out items
  /// May be empty; the recommended threshold comes from here when it has items.
  Evaluation validation;
  std::int64_t train_count = 0;               ///< items that were trained on
  std::vector<std::int64_t> train_per_class;  ///< empty when not known
  /// Model, epochs, steps, seconds, input size, seed, reasons: shown as they are. `ending`,
  /// `budget` and `seconds` tell whether more time could help.
  nlohmann::json training;
  /// [{code, severity, count, what{en, zh}, fix{en, zh}}] of the data check; may be empty.
  nlohmann::json data_problems;
};

/// The report as data; docs/formats.md describes it. Every number in the HTML comes from here:
/// the sentence {en, zh} that decides, accuracy with its 95 % interval, per-class table, confusion
/// with the items of each cell, threshold curve and recommended threshold, calibration, worst
/// mistakes, next actions {en, zh}. An evaluation without items gives a report that says so.
/// Throws ValueError when the evaluation contradicts itself (see Evaluation).
nlohmann::json build_report(const ReportInput& input);

/// A picture of an item as JPEG or PNG bytes, at most about 128 pixels wide; empty when there is
/// none. An exception of it means none too.
using Thumbnail = std::function<Bytes(const std::string& item)>;

/// One self-contained HTML page (no network, no external file). Confusion cells and mistakes open
/// their pictures; at most `max_pictures` thumbnails are embedded, mistakes first, the rest are
/// shown by name. Throws FormatError when the JSON is no report of build_report.
std::string render_report(const nlohmann::json& report, Language language,
                          const Thumbnail& thumbnail, std::size_t max_pictures = 400);

}  // namespace athanor::train
