#include "athanor/data/open_idx.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "athanor/data/gzip.hpp"
#include "athanor/data/names.hpp"

namespace athanor::data {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMostPixels = 16'384;  // a side

Bytes idx_head(const fs::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) return {};
  Bytes head(4096);
  head.resize(std::fread(head.data(), 1, head.size(), file));
  std::fclose(file);
  return is_gzip(head) ? gunzip_head(head, 4) : head;
}

IdxArray load(const fs::path& path) {
  const MappedFile file(path);
  return parse_idx(file.bytes(), path.string());
}

// Replaces the last occurrence, in any case of the letters.
std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = lower_ascii(text).rfind(from);
  if (at == std::string::npos) return text;
  return text.substr(0, at) + to + text.substr(at + from.size());
}

Part part_of_file(const fs::path& path) {
  const std::string name = lower_ascii(path.filename().string());
  if (name.find("train") != name.npos) return Part::train;
  if (name.find("t10k") != name.npos || name.find("test") != name.npos) return Part::test;
  if (name.find("val") != name.npos) return Part::val;
  return Part::unassigned;
}

fs::path labels_beside(const fs::path& images) {
  const std::vector<fs::path> names = idx_label_names(images);
  for (const fs::path& path : names) {
    const Bytes head = idx_head(path);
    if (is_idx(head) && head[3] == 1) return path;
  }
  std::string tried;
  for (const fs::path& path : names)
    tried += (tried.empty() ? "" : ", ") + path.filename().string();
  refuse("no-labels", Exit::data,
         {"the IDX file of pictures has no labels file beside it", "IDX 图片文件旁没有标签文件"},
         images.string(), {fmt::format("looked for: {}", tried), fmt::format("已查找：{}", tried)},
         {"put the labels file beside it", "请将标签文件放在同一目录"});
}

// The pictures file that belongs to a labels file.
fs::path images_beside(const fs::path& labels) {
  std::string name = labels.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const char* rank : {"idx3", "idx4"}) {
    const std::string other = replaced(replaced(name, "labels", "images"), "idx1", rank);
    for (const char* ending : {"", ".gz"})
      if (const fs::path path = labels.parent_path() / (other + ending); is_idx_images(path))
        return path;
  }
  refuse("no-pictures", Exit::data,
         {"this IDX file holds labels, and no pictures file lies beside it",
          "这是 IDX 标签文件，旁边没有图片文件"},
         labels.string(), {"one dimension", "只有一维"},
         {"give the IDX file of the pictures", "请提供 IDX 图片文件"});
}

void check_shape(const IdxArray& images, const fs::path& path) {
  const auto& dims = images.dims;
  const bool good = dims[1] <= kMostPixels && dims[2] <= kMostPixels &&
                    (dims.size() == 3 || dims[3] == 1 || dims[3] == 3 || dims[3] == 4);
  if (good) return;
  refuse(
      "bad-shape", Exit::data, {"the IDX file's values are no pictures", "IDX 文件的内容不是图片"},
      path.string(),
      {fmt::format("dimensions {}; expected count x height x width (x 1, 3 or 4 channels)",
                   fmt::join(dims, " x ")),
       fmt::format("维度为 {}；应为 数量 x 高 x 宽（x 1、3 或 4 通道）", fmt::join(dims, " x "))},
      {"write the pictures as unsigned bytes, row by row", "请按行以无符号字节写入图片"});
}

}  // namespace

bool is_idx_images(const fs::path& path) {
  const Bytes head = idx_head(path);
  return is_idx(head) && head[3] >= 3;
}

std::vector<fs::path> idx_label_names(const fs::path& images) {
  std::string name = images.filename().string();
  if (lower_ascii(name).ends_with(".gz")) name.resize(name.size() - 3);
  const std::string ranked = replaced(replaced(name, "idx3", "idx1"), "idx4", "idx1");
  std::vector<fs::path> paths;
  for (const std::string& base :
       {replaced(ranked, "images", "labels"), replaced(ranked, "image", "label"),
        replaced(name, "images", "labels"), ranked}) {
    if (base == name) continue;
    for (const char* ending : {"", ".gz"}) {
      fs::path path = images.parent_path() / (base + ending);
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
  }
  return paths;
}

ImageDataset open_idx_files(const std::vector<fs::path>& given, const std::string& origin) {
  ImageDataset dataset;
  dataset.origin = origin;
  struct Source {
    fs::path path;
    Part part;
    IdxArray labels;
  };
  std::vector<Source> sources;
  std::set<std::string> values;
  std::set<Part> parts;
  for (const fs::path& path : given) {
    const fs::path images_path = is_idx_images(path) ? path : images_beside(path);
    auto images = std::make_shared<IdxArray>(load(images_path));
    check_shape(*images, images_path);
    const fs::path labels_path = labels_beside(images_path);
    IdxArray labels = load(labels_path);
    if (labels.count() != images->count())
      refuse("count-mismatch", Exit::data,
             {"pictures and labels are not equally many", "图片与标签数量不一致"},
             images_path.string(),
             {fmt::format("{} pictures, {} labels in {}", images->count(), labels.count(),
                          labels_path.filename().string()),
              fmt::format("{} 张图片，{} 中有 {} 个标签", images->count(),
                          labels_path.filename().string(), labels.count())},
             {"use the two files of one release", "请使用同一版本的两个文件"});
    if (images->count() == 0)
      refuse("no-pictures", Exit::data, {"the IDX file holds no pictures", "IDX 文件中没有图片"},
             images_path.string(), {"0 pictures", "0 张图片"},
             {"copy it again", "请重新复制该文件"});
    for (const std::uint8_t value : labels.values) values.insert(std::to_string(value));
    dataset.arrays.push_back(std::move(images));
    sources.push_back({images_path, part_of_file(images_path), std::move(labels)});
    parts.insert(sources.back().part);
  }
  dataset.classes.assign(values.begin(), values.end());
  sort_classes(dataset.classes);
  std::vector<int> index(256, 0);
  for (std::size_t c = 0; c < dataset.classes.size(); ++c)
    index[static_cast<std::size_t>(std::stoi(dataset.classes[c]))] = static_cast<int>(c);

  // A single file is a whole data set, whatever its name says; a train and a test file are parts.
  const bool several = sources.size() > 1;
  const bool by_part = several && parts.size() == sources.size();
  for (std::size_t s = 0; s < sources.size(); ++s) {
    std::string prefix;
    if (several)
      prefix = by_part ? to_string(sources[s].part) : sources[s].path.filename().string();
    if (several) prefix += '/';
    for (std::int64_t i = 0; i < sources[s].labels.count(); ++i) {
      Item item;
      item.name = fmt::format("{}idx:{}", prefix, i);
      item.labels = {index[sources[s].labels.values[static_cast<std::size_t>(i)]]};
      if (several) item.part = sources[s].part;
      item.source = static_cast<int>(s);
      item.slice = i;
      dataset.items.push_back(std::move(item));
    }
  }
  return dataset;
}

}  // namespace athanor::data
