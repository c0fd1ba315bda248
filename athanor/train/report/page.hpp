#pragma once

#include <map>
#include <string>
#include <string_view>

#include "athanor/train/report/report.hpp"
#include "athanor/train/report/texts.hpp"

namespace athanor::train::report {

/// What every section of the page is written from.
struct Page {
  const nlohmann::json& report;
  Language language;
  std::map<std::size_t, std::string> pictures;  ///< item -> data URI

  bool zh() const { return language == Language::zh; }
  bool multi_label() const { return report.at("multi_label").get<bool>(); }
  std::int64_t test_count() const { return report.at("counts").at("test").get<std::int64_t>(); }
  std::size_t class_count() const { return report.at("classes").size(); }
  /// A text of the catalogue, escaped.
  std::string t(std::string_view key) const;
  std::string t(std::string_view key, Arguments arguments) const;
  /// The name of a class, escaped. Throws json::exception for a class that is not there.
  std::string class_name(std::size_t label) const;
  /// The same inside <bdi>: a right-to-left name does not turn its neighbours round.
  std::string class_tag(std::size_t label) const;
};

// Sections, each a <section>, or nothing when there is nothing to show.
std::string hero(const Page& page);
std::string next_section(const Page& page);
std::string matrix_section(const Page& page);
std::string labels_section(const Page& page);
std::string classes_section(const Page& page);
std::string mistakes_section(const Page& page);
std::string threshold_section(const Page& page);
std::string calibration_section(const Page& page);
std::string training_section(const Page& page);
std::string help_section(const Page& page);

/// Lines over the threshold; the slider moves #cursor.
std::string threshold_chart(const Page& page);
/// The reliability diagram.
std::string calibration_chart(const Page& page);

/// At most `limit` thumbnails: mistakes first, then those that actions speak of, then some of every
/// cell.
std::map<std::size_t, std::string> choose_pictures(const nlohmann::json& report,
                                                   const Thumbnail& thumbnail, std::size_t limit);

/// How many mistakes are written without script.
inline constexpr std::size_t kStaticMistakes = 24;

extern const std::string_view kStyle;
extern const std::string_view kScript;

}  // namespace athanor::train::report
