#include <algorithm>

#include "athanor/base/philox.hpp"
#include "athanor/data/sampler.hpp"
#include "athanor/train/pictures.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/image/resize.hpp"
#include "athanor/vision/sample/pattern.hpp"
#include "athanor/vision/sample/surface.hpp"
#include "platform/cli/commands.hpp"
#include "platform/cli/datasets.hpp"

namespace athanor::platform::cli {

namespace fs = std::filesystem;
using nlohmann::json;

int data_check(const Console& console, const DataOptions& options) {
  const LoadedData loaded = load_data(options.data, {}, options.label_column);
  const data::DataReport& report = loaded.report;
  json classes = json::array();
  std::vector<std::vector<std::string>> rows{
      {console.pick("class", "类别"), console.pick("pictures", "图片"),
       console.pick("train", "训练"), console.pick("val", "验证"), console.pick("test", "测试"),
       console.pick("unassigned", "未划分")}};
  for (const data::ClassCount& c : report.classes) {
    rows.push_back({c.name, std::to_string(c.total), std::to_string(c.train), std::to_string(c.val),
                    std::to_string(c.test), std::to_string(c.unassigned)});
    classes.push_back({{"name", c.name},
                       {"total", c.total},
                       {"train", c.train},
                       {"val", c.val},
                       {"test", c.test},
                       {"unassigned", c.unassigned}});
  }
  console.print(report.origin);
  console.table(rows);
  show_problems(console, report);
  console.result({{"origin", report.origin},
                  {"pictures", report.pictures},
                  {"multi_label", report.multi_label},
                  {"usable", report.usable()},
                  {"classes", classes},
                  {"problems", problems_json(report)},
                  {"bytes",
                   {{"total", report.bytes},
                    {"smallest", report.smallest_bytes},
                    {"median", report.median_bytes},
                    {"largest", report.largest_bytes}}}});
  if (!report.usable()) {
    if (!console.json) fmt::print(stderr, "{}", describe(report.refusal(), console.language));
    return static_cast<int>(Exit::data);
  }
  console.next("athanor fit " + options.data.string());
  return static_cast<int>(Exit::ok);
}

int data_show(const Console& console, const DataOptions& options, const fs::path& out, int columns,
              int rows, std::uint64_t seed) {
  require(columns >= 1 && columns <= 100 && rows >= 1 && rows <= 100,
          "data show: rows and columns must be between 1 and 100, not {} and {}", rows, columns);
  const LoadedData loaded = load_data(options.data, {}, options.label_column);
  const data::ImageDataset& dataset = loaded.dataset;
  constexpr int side = 128, gap = 6, strip = 6;
  const auto total = static_cast<std::int64_t>(dataset.items.size());
  const std::int64_t shown =
      std::min<std::int64_t>(total, static_cast<std::int64_t>(columns) * rows);
  // A random choice, put in the order of the classes; each class has a colour of its own under its
  // pictures.
  const data::EpochOrder order(total, seed, 0);
  std::vector<std::int64_t> chosen(order.indices().begin(), order.indices().begin() + shown);
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::int64_t a, std::int64_t b) {
    return dataset.items[static_cast<std::size_t>(a)].labels <
           dataset.items[static_cast<std::size_t>(b)].labels;
  });
  const int used_rows = static_cast<int>((shown + columns - 1) / columns);
  vision::Image sheet(columns * (side + gap) + gap, used_rows * (side + strip + gap) + gap, 3, 245);
  json list = json::array();
  for (std::int64_t k = 0; k < shown; ++k) {
    const std::int64_t item = chosen[static_cast<std::size_t>(k)];
    const vision::Image image = train::load_picture(dataset, item, 3, side);
    const double scale = static_cast<double>(side) / std::max(image.width, image.height);
    const int w = std::clamp(static_cast<int>(image.width * scale + 0.5), 1, side),
              h = std::clamp(static_cast<int>(image.height * scale + 0.5), 1, side);
    const vision::Image small = resize(image, w, h, vision::Interpolation::antialias);
    const int x0 = gap + static_cast<int>(k % columns) * (side + gap),
              y0 = gap + static_cast<int>(k / columns) * (side + strip + gap);
    for (int y = 0; y < h; ++y)
      std::copy_n(small.row(y), static_cast<std::size_t>(w) * 3,
                  sheet.at(x0 + (side - w) / 2, y0 + (side - h) / 2 + y));
    const auto& labels = dataset.items[static_cast<std::size_t>(item)].labels;
    const std::uint64_t colour =
        mix(static_cast<std::uint64_t>(labels.empty() ? 0 : labels[0]), 0x636f6c) | 0x404040;
    for (int y = 0; y < strip; ++y)
      for (int x = 0; x < side; ++x)
        for (int c = 0; c < 3; ++c)
          sheet.at(x0 + x, y0 + side + y)[c] = static_cast<std::uint8_t>(colour >> (8 * c));
    json names = json::array();
    for (int label : labels) names.push_back(dataset.classes[static_cast<std::size_t>(label)]);
    list.push_back({{"item", dataset.items[static_cast<std::size_t>(item)].name},
                    {"labels", names},
                    {"column", k % columns},
                    {"row", k / columns}});
  }
  write_file_atomic(out, vision::encode_png(sheet));
  console.print(
      fmt::format(fmt::runtime(console.pick("{} of {} pictures, in the order of their classes: {}",
                                            "{} / {} 张图片，按类别排列：{}")),
                  shown, total, out.string()));
  console.result({{"file", out.string()}, {"pictures", list}});
  return static_cast<int>(Exit::ok);
}

int data_sample(const Console& console, const fs::path& folder, const std::string& kind,
                std::int64_t count, int side, std::uint64_t seed) {
  std::int64_t told = 0;
  const auto progress = [&](std::int64_t done) {
    if (done - told < count / 4 && done < count) return;
    told = done;
    console.say(fmt::format("  {}/{}", done, count));
  };
  json result{{"folder", folder.string()}, {"count", count}};
  if (kind == "pattern") {
    const vision::PatternOptions options{.count = count, .side = side, .seed = seed};
    vision::write_pattern_samples(folder, options, progress);
    console.print(fmt::format(
        fmt::runtime(console.pick("{} generated pictures of {} visual patterns are in {}",
                                  "已生成 {} 张图片，共 {} 种视觉图案：{}")),
        count, options.classes, folder.string()));
    result["classes"] = options.classes;
  } else {
    const vision::SurfaceOptions options{.count = count, .side = side, .seed = seed};
    vision::write_surface_samples(folder, options, progress);
    console.print(fmt::format(
        fmt::runtime(console.pick(
            "{} generated pictures of metal surfaces (good, scratch, dent, stain) are in {}",
            "已生成 {} 张金属表面图片（good 良品、scratch 划痕、dent 凹坑、stain 污渍）：{}")),
        count, folder.string()));
    result["classes"] = vision::kSurfaceClasses;
  }
  console.next("athanor fit " + folder.string());
  console.result(result);
  return static_cast<int>(Exit::ok);
}

}  // namespace athanor::platform::cli
