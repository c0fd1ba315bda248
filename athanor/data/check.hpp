#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "athanor/data/dataset.hpp"

namespace athanor::data {

/// Tries to decode an encoded picture: nothing when it is fine, else the reason in one sentence.
/// Called from several threads.
using Probe = std::function<std::optional<std::string>(std::span<const std::uint8_t>)>;

struct CheckOptions {
  /// Unusable pictures up to this share are left out with a warning, beyond it they are an error.
  double bad_fraction = 0.1;
  /// Below this many pictures in a class there is a warning.
  std::int64_t few_pictures = 20;
  /// The largest class against the smallest from which there is a warning.
  double imbalance = 10;
};

struct ClassCount {
  std::string name;
  std::int64_t total = 0, train = 0, val = 0, test = 0, unassigned = 0;
};

struct DataReport {
  std::string origin;
  std::int64_t pictures = 0;  ///< items, unusable ones too
  bool multi_label = false;
  std::vector<ClassCount> classes;
  std::int64_t train = 0, val = 0, test = 0, unassigned = 0;
  std::uint64_t bytes = 0;  ///< of all picture files, or of the raw pixels
  std::uint64_t smallest_bytes = 0, median_bytes = 0, largest_bytes = 0;
  std::vector<Problem> problems;        ///< errors first
  std::vector<std::int64_t> bad_items;  ///< indices of pictures that cannot be used, ascending
  /// For each item the lowest index of an item with exactly the same bytes (its own if none).
  std::vector<std::int64_t> groups;

  bool usable() const;
  /// All errors as one refusal; only when !usable().
  Refusal refusal() const;
};

/// Reads every picture once, on the compute threads, and lists everything that is wrong.
DataReport check(const ImageDataset& dataset, const Probe& probe, const CheckOptions& options = {});

/// The dataset without the report's bad items; the groups in the report no longer apply.
ImageDataset without(const ImageDataset& dataset, const std::vector<std::int64_t>& items);

/// What DataReport::groups holds, without decoding anything. Pictures that cannot be read are
/// alone.
std::vector<std::int64_t> duplicate_groups(const ImageDataset& dataset);

/// Why the bytes are no picture file that athanor reads, judged by the first of them; nothing when
/// they begin as JPEG, PNG, BMP, WebP or TIFF do.
std::optional<Text> no_picture(std::span<const std::uint8_t> bytes);

}  // namespace athanor::data
