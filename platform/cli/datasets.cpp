#include "platform/cli/datasets.hpp"

#include <algorithm>

#include "athanor/base/philox.hpp"
#include "athanor/train/pictures.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/image/resize.hpp"
#include "platform/runs/run_store.hpp"

namespace athanor::platform::cli {

namespace fs = std::filesystem;

namespace {

data::ImageDataset open(const fs::path& path, const std::string& label_column) {
  if (!fs::exists(path))
    throw RefusalError(
        {"data-not-found",
         Exit::file,
         {"There is no such data", "找不到数据"},
         path.string(),
         {"the path does not exist", "路径不存在"},
         {"check the path; a folder of pictures, an archive, a CSV list or an IDX file is wanted",
          "检查路径；可以是图片目录、压缩包、CSV 列表或 IDX 文件"}});
  data::OpenOptions options;
  options.work_folder = home_folder() / "unpacked";
  fs::create_directories(options.work_folder);
  options.label_column = label_column;
  return data::open_dataset(path, options);
}

/// Adds the items of `extra` as test part. Classes are matched by name.
void append_test(data::ImageDataset& dataset, const data::ImageDataset& extra,
                 const fs::path& path) {
  std::vector<int> mapping;
  std::string unknown;
  for (const std::string& name : extra.classes) {
    const auto found = std::find(dataset.classes.begin(), dataset.classes.end(), name);
    mapping.push_back(static_cast<int>(found - dataset.classes.begin()));
    if (found == dataset.classes.end()) unknown += (unknown.empty() ? "" : ", ") + name;
  }
  if (!unknown.empty())
    throw RefusalError(
        {"test-classes-differ",
         Exit::data,
         {"The test data has classes that the training data lacks",
          "测试数据包含训练数据没有的类别"},
         path.string(),
         {unknown, unknown},
         {"rename or remove these folders of the test data", "重命名或删除测试数据中的这些类别"}});
  // Everything of the main data is for training then, whatever parts it named.
  for (data::Item& item : dataset.items)
    if (item.part == data::Part::test) item.part = data::Part::train;
  const int shift = static_cast<int>(dataset.arrays.size());
  dataset.arrays.insert(dataset.arrays.end(), extra.arrays.begin(), extra.arrays.end());
  for (data::Item item : extra.items) {
    item.name = "test/" + item.name;
    for (int& label : item.labels) label = mapping[static_cast<std::size_t>(label)];
    std::sort(item.labels.begin(), item.labels.end());
    if (item.source >= 0) item.source += shift;
    item.part = data::Part::test;
    dataset.items.push_back(std::move(item));
  }
}

std::optional<std::string> probe(std::span<const std::uint8_t> bytes) {
  try {
    (void)vision::decode(bytes);
    return std::nullopt;
  } catch (const Error& e) {
    return e.what();
  }
}

}  // namespace

LoadedData load_data(const fs::path& path, const fs::path& test, const std::string& label_column) {
  LoadedData loaded;
  loaded.dataset = open(path, label_column);
  if (!test.empty()) append_test(loaded.dataset, open(test, label_column), test);
  loaded.report = data::check(loaded.dataset, probe);
  if (!loaded.report.bad_items.empty() && loaded.report.usable()) {
    const std::vector<std::int64_t> all_groups = loaded.report.groups;
    // Groups are indices of items: they move up where bad items fall out.
    std::vector<std::int64_t> place(all_groups.size(), -1);
    std::int64_t next = 0;
    for (std::size_t i = 0; i < place.size(); ++i)
      if (!std::binary_search(loaded.report.bad_items.begin(), loaded.report.bad_items.end(),
                              static_cast<std::int64_t>(i)))
        place[i] = next++;
    loaded.report.groups.clear();
    for (std::size_t i = 0; i < place.size(); ++i) {
      if (place[i] < 0) continue;
      const std::int64_t lead = place[static_cast<std::size_t>(all_groups[i])];
      loaded.report.groups.push_back(lead < 0 ? place[i] : lead);
    }
    loaded.dataset = data::without(loaded.dataset, loaded.report.bad_items);
  }
  return loaded;
}

void show_problems(const Console& console, const data::DataReport& report) {
  for (const data::Problem& p : report.problems) {
    const bool error = p.severity == data::Severity::error;
    console.say(fmt::format(
        "  {} {}{}", error ? console.pick("error:", "错误：") : console.pick("warning:", "警告："),
        in(console.language, p.what), p.where.empty() ? "" : " (" + p.where + ")"));
    for (std::size_t i = 0; i < std::min<std::size_t>(p.items.size(), 5); ++i)
      console.say("      " + p.items[i]);
    if (p.count > 5 && !p.items.empty())
      console.say(fmt::format(
          fmt::runtime(console.pick("      ... {} in all", "      …… 共 {} 个")), p.count));
    if (!in(console.language, p.fix).empty())
      console.say(
          fmt::format("    {} {}", console.pick("Fix:", "处理："), in(console.language, p.fix)));
  }
}

nlohmann::json problems_json(const data::DataReport& report) {
  nlohmann::json list = nlohmann::json::array();
  for (const data::Problem& p : report.problems)
    list.push_back({{"code", p.code},
                    {"severity", p.severity == data::Severity::error ? "error" : "warning"},
                    {"where", p.where},
                    {"count", p.count},
                    {"what", {{"en", p.what.en}, {"zh", p.what.zh}}},
                    {"fix", {{"en", p.fix.en}, {"zh", p.fix.zh}}},
                    {"items", p.items}});
  return list;
}

std::string fingerprint(const data::ImageDataset& dataset) {
  std::uint64_t h = dataset.classes.size();
  const auto add = [&h](std::string_view text) {
    for (unsigned char c : text) h = mix(h, c);
    h = mix(h, 256);
  };
  for (const std::string& name : dataset.classes) add(name);
  for (const data::Item& item : dataset.items) {
    add(item.name);
    for (int label : item.labels) h = mix(h, static_cast<std::uint64_t>(label));
    h = mix(h, static_cast<std::uint64_t>(item.part));
  }
  return fmt::format("{:016x}", h);
}

Thumbnails::Thumbnails(const data::ImageDataset& dataset) : dataset_(dataset) {
  for (std::size_t i = 0; i < dataset.items.size(); ++i)
    by_name_.emplace(dataset.items[i].name, static_cast<std::int64_t>(i));
}

Bytes Thumbnails::jpeg(const std::string& item, int width) const {
  const auto found = by_name_.find(item);
  if (found == by_name_.end()) return {};
  try {
    vision::Image image = train::load_picture(dataset_, found->second, 3, width);
    if (image.width > width)
      image = resize(image, width,
                     std::max(1, static_cast<int>(static_cast<std::int64_t>(image.height) * width /
                                                  image.width)),
                     vision::Interpolation::antialias);
    return vision::encode_jpeg(image, 80);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace athanor::platform::cli
