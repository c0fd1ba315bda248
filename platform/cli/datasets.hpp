#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "athanor/data/check.hpp"
#include "athanor/data/dataset.hpp"
#include "platform/cli/console.hpp"

namespace athanor::platform::cli {

/// A data set that was opened and checked; pictures that cannot be used are left out.
struct LoadedData {
  data::ImageDataset dataset;
  data::DataReport report;  ///< of the dataset as it was; groups belong to `dataset`
};

/// Opens `path` (archives are unpacked once below home_folder()), adds the pictures of `test` as
/// test part when it is given, and checks everything. Throws RefusalError.
LoadedData load_data(const std::filesystem::path& path, const std::filesystem::path& test,
                     const std::string& label_column);

/// The problems as lines, errors first, at most some items of each.
void show_problems(const Console& console, const data::DataReport& report);
nlohmann::json problems_json(const data::DataReport& report);

/// A hash over names, labels and parts of all items: tells whether two data sets are the same list.
std::string fingerprint(const data::ImageDataset& dataset);

/// Small JPEGs of a data set's items by name.
class Thumbnails {
 public:
  explicit Thumbnails(const data::ImageDataset& dataset);
  /// Empty when the picture cannot be read.
  Bytes jpeg(const std::string& item, int width = 128) const;

 private:
  const data::ImageDataset& dataset_;
  std::unordered_map<std::string, std::int64_t> by_name_;
};

}  // namespace athanor::platform::cli
