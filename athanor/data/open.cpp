#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "athanor/data/csv.hpp"
#include "athanor/data/dataset.hpp"
#include "athanor/data/gzip.hpp"
#include "athanor/data/label_list.hpp"
#include "athanor/data/layout.hpp"
#include "athanor/data/names.hpp"
#include "athanor/data/open_idx.hpp"
#include "athanor/data/scan.hpp"

namespace athanor::data {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kListBytes = std::uint64_t{1} << 30;
constexpr std::size_t kListCandidates = 64;

Problem kind(std::string code, Severity severity, std::string where, Text what, Text fix) {
  return {std::move(code), severity, std::move(where), std::move(what), std::move(fix), 0, {}};
}

std::string base_of(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::string stem_of(const std::string& name) {
  const std::string base = base_of(name);
  return base.substr(0, base.size() - suffix_of(base).size());
}

// Finds the file that a cell of a list means.
class Resolver {
 public:
  /// confined: nothing outside `root` may be named (lists that came in an archive).
  Resolver(fs::path root, bool confined, const Scan* scan = nullptr)
      : root_(std::move(root)), confined_(confined) {
    if (scan) index(*scan);
  }

  struct Found {
    std::string name;
    fs::path path;
  };

  /// `folder`: of the list, relative to the root. Tried in turn: the path from the list's folder,
  /// from the root, without its leading folders, the bare name, the name without suffix; the last
  /// two only when one file has it.
  std::optional<Found> find(const std::string& text, const std::string& folder) {
    if (text.empty() || text.size() > 4096 || text.find('\0') != std::string::npos)
      return std::nullopt;
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '\\', '/');
    std::vector<std::string> parts = split_path(plain);
    std::erase(parts, ".");
    if (parts.empty()) return std::nullopt;
    const bool climbs = std::find(parts.begin(), parts.end(), "..") != parts.end();
    if (!confined_ && (climbs || plain.front() == '/')) {
      const fs::path path = plain.front() == '/' ? fs::path(plain) : root_ / folder / plain;
      if (is_file(path)) return Found{text, path};
    }
    if (climbs) return std::nullopt;
    const std::string relative = join(parts, 0);
    if (!indexed_ && plain.front() != '/') {
      const std::string name = folder.empty() ? relative : folder + '/' + relative;
      if (is_file(root_ / name)) return Found{name, root_ / name};
    }
    if (!indexed_) scan_now();
    if (auto hit = by_name(folder.empty() ? relative : folder + '/' + relative)) return hit;
    for (std::size_t skip = 0; skip < parts.size(); ++skip)
      if (auto hit = by_name(join(parts, skip))) return hit;
    if (auto hit = unique(bases_, parts.back())) return hit;
    if (!has_picture_suffix(parts.back()))
      if (auto hit = unique(stems_, parts.back())) return hit;
    return std::nullopt;
  }

 private:
  static bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
  }
  static std::string join(const std::vector<std::string>& parts, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < parts.size(); ++i) out += (i > from ? "/" : "") + parts[i];
    return out;
  }

  void scan_now() {
    try {
      // A list may lie in a home folder: looking further than this costs more than it helps.
      index(scan_folder(root_, 500'000));
    } catch (const RefusalError&) {
      indexed_ = true;
    }
  }
  void index(const Scan& scan) {
    indexed_ = true;
    for (const FoundFile& file : scan.files) {
      if (!has_picture_suffix(file.name)) continue;
      const std::size_t i = files_.size();
      files_.push_back(file);
      names_.emplace(file.name, i);
      count(bases_, base_of(file.name), i);
      count(stems_, stem_of(file.name), i);
    }
  }
  using Places = std::unordered_map<std::string, std::size_t>;
  static constexpr std::size_t kSeveral = SIZE_MAX;
  static void count(Places& places, const std::string& key, std::size_t i) {
    const auto [at, fresh] = places.emplace(key, i);
    if (!fresh) at->second = kSeveral;
  }
  std::optional<Found> by_name(const std::string& name) const {
    const auto at = names_.find(name);
    if (at == names_.end()) return std::nullopt;
    return Found{name, files_[at->second].path};
  }
  std::optional<Found> unique(const Places& places, const std::string& key) const {
    const auto at = places.find(key);
    if (at == places.end() || at->second == kSeveral) return std::nullopt;
    return Found{files_[at->second].name, files_[at->second].path};
  }

  fs::path root_;
  bool confined_;
  bool indexed_ = false;
  std::vector<FoundFile> files_;
  Places names_, bases_, stems_;
};

// A list with its pictures found.
struct ResolvedList {
  std::string name;  ///< relative to the root
  LabelList list;
  std::vector<std::optional<Resolver::Found>> found;
  std::size_t hits = 0;
  Part part = Part::unassigned;  ///< by the list's own name: train.csv, labels_test.txt
};

Part part_in_name(const std::string& name) {
  const std::string stem = stem_of(name) + '_';
  std::string word;
  for (const char c : stem) {
    const bool separates = c == '_' || c == '-' || c == '.' || c == ' ';
    if (!separates) {
      word += c;
      continue;
    }
    if (const Part part = part_of(word); part != Part::unassigned) return part;
    word.clear();
  }
  return Part::unassigned;
}

ResolvedList resolve_list(const fs::path& path, const std::string& name,
                          const std::string& label_column, Resolver& resolver) {
  const std::string text = decode_text(read_text_file(path, kListBytes));
  const Table table = parse_table(text, name);
  const std::size_t slash = name.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : name.substr(0, slash);
  ResolvedList resolved;
  resolved.name = name;
  resolved.part = part_in_name(name);
  resolved.list = read_label_list(table, name, label_column, [&](std::string_view cell) {
    return resolver.find(std::string(cell), folder).has_value();
  });
  for (const ListRow& row : resolved.list.rows) {
    resolved.found.push_back(resolver.find(row.path, folder));
    resolved.hits += resolved.found.back().has_value();
  }
  return resolved;
}

void sort_items(ImageDataset& dataset) {
  std::sort(dataset.items.begin(), dataset.items.end(), [](const Item& a, const Item& b) {
    return a.name != b.name ? a.name < b.name : a.file < b.file;
  });
}

void keep(ImageDataset& dataset, std::vector<Problem> problems) {
  for (Problem& problem : problems)
    if (problem.count > 0) dataset.problems.push_back(std::move(problem));
}

ImageDataset build_from_lists(const std::vector<ResolvedList>& lists, const std::string& origin) {
  struct Entry {
    Item item;
    std::vector<std::string> labels;
    bool contradicted = false;
  };
  std::vector<Entry> entries;
  std::unordered_map<std::string, std::size_t> by_file;
  ImageDataset dataset;
  dataset.origin = origin;
  for (const ResolvedList& list : lists) dataset.multi_label |= list.list.multi_label;

  Problem missing =
      kind("label-without-picture", Severity::warning, "",
           {"rows of the list name pictures that are not there", "列表中的部分图片不存在"},
           {"bring the missing pictures, or remove the rows", "请补充缺少的图片，或删除对应的行"});
  Problem unlabelled = kind("picture-without-label", Severity::warning, "",
                            {"rows of the list have no label", "列表中的部分行没有标签"},
                            {"write a label into each row", "请为每一行填写标签"});
  Problem repeated =
      kind("row-twice", Severity::warning, "",
           {"rows of the list repeat a picture with the same label", "列表中有重复的图片行"},
           {"nothing to do: each picture is taken once", "无需处理：每张图片只使用一次"});
  Problem contradicted = kind(
      "two-labels", Severity::error, "",
      {"pictures stand in the list twice with different labels", "同一图片在列表中有不同的标签"},
      {"keep one row per picture; several labels are written as a|b",
       "每张图片保留一行；多个标签写作 a|b"});
  for (const ResolvedList& list : lists) {
    for (std::size_t r = 0; r < list.list.rows.size(); ++r) {
      const ListRow& row = list.list.rows[r];
      const std::string where = fmt::format("{}:{}: {}", list.name, row.line, row.path);
      if (!list.found[r]) {
        note(missing, where);
        continue;
      }
      if (row.labels.empty() && !dataset.multi_label) {
        note(unlabelled, where);
        continue;
      }
      Entry entry;
      entry.item.name = list.found[r]->name;
      entry.item.file = list.found[r]->path;
      entry.item.part = row.part != Part::unassigned ? row.part : list.part;
      entry.labels = row.labels;
      const auto [at, fresh] =
          by_file.emplace(entry.item.file.lexically_normal().string(), entries.size());
      if (fresh) {
        entries.push_back(std::move(entry));
      } else if (Entry& known = entries[at->second]; known.labels == entry.labels) {
        note(repeated, where);
      } else {
        known.contradicted = true;
        note(contradicted, where);
      }
    }
  }
  std::set<std::string> classes;
  for (const Entry& entry : entries) classes.insert(entry.labels.begin(), entry.labels.end());
  dataset.classes.assign(classes.begin(), classes.end());
  sort_classes(dataset.classes);
  std::unordered_map<std::string, int> index;
  for (std::size_t c = 0; c < dataset.classes.size(); ++c)
    index[dataset.classes[c]] = static_cast<int>(c);
  for (Entry& entry : entries) {
    if (entry.contradicted) continue;
    for (const std::string& label : entry.labels) entry.item.labels.push_back(index[label]);
    std::sort(entry.item.labels.begin(), entry.item.labels.end());
    dataset.items.push_back(std::move(entry.item));
  }
  sort_items(dataset);
  keep(dataset,
       {std::move(missing), std::move(unlabelled), std::move(repeated), std::move(contradicted)});
  if (dataset.items.empty())
    refuse("no-pictures", Exit::data,
           {"no row of the list leads to a labelled picture", "列表中没有可用的带标签图片"}, origin,
           {dataset.problems.empty() ? "0 rows" : dataset.problems[0].what.en,
            dataset.problems.empty() ? "0 行" : dataset.problems[0].what.zh},
           {"write paths relative to the list", "请使用相对于列表文件的路径"});
  return dataset;
}

bool may_be_list(const std::string& name) {
  const std::string suffix = suffix_of(name);
  if (std::count(name.begin(), name.end(), '/') > 2) return false;
  return suffix == ".csv" || suffix == ".tsv" || suffix == ".txt" || suffix == ".lst";
}

// The lists of a folder that say what its pictures are; none when the folders say it.
std::vector<ResolvedList> find_lists(const Scan& scan, std::size_t pictures,
                                     bool folders_name_classes, const std::string& label_column,
                                     Resolver& resolver) {
  std::vector<const FoundFile*> candidates;
  for (const FoundFile& file : scan.files)
    if (may_be_list(file.name)) candidates.push_back(&file);
  const auto depth = [](const FoundFile* file) {
    return std::count(file->name.begin(), file->name.end(), '/');
  };
  std::sort(candidates.begin(), candidates.end(), [&](const auto* a, const auto* b) {
    return depth(a) != depth(b) ? depth(a) < depth(b) : a->name < b->name;
  });
  if (candidates.size() > kListCandidates) candidates.resize(kListCandidates);

  std::vector<ResolvedList> usable;
  std::optional<RefusalError> other_task, bad_column;
  std::size_t hits = 0;
  for (const FoundFile* file : candidates) {
    try {
      ResolvedList list = resolve_list(file->path, file->name, label_column, resolver);
      if (list.hits * 2 < list.list.rows.size() || list.hits == 0) continue;
      hits += list.hits;
      usable.push_back(std::move(list));
    } catch (const RefusalError& error) {
      if (error.refusal().code == "not-classification") other_task = error;
      if (error.refusal().code == "no-such-column") bad_column = error;
    } catch (const FormatError&) {
      // Some other text that happens to lie here.
    }
  }
  if (usable.empty() && bad_column) throw *bad_column;
  if (usable.empty() && other_task) throw *other_task;
  if (folders_name_classes && hits * 2 < pictures) return {};
  std::set<Part> parts;
  for (const ResolvedList& list : usable) parts.insert(list.part);
  parts.erase(Part::unassigned);
  if (parts.size() >= 2) {
    std::erase_if(usable, [](const ResolvedList& list) { return list.part == Part::unassigned; });
    return usable;
  }
  if (usable.size() > 1) {
    const auto best = std::max_element(
        usable.begin(), usable.end(), [](const auto& a, const auto& b) { return a.hits < b.hits; });
    ResolvedList kept = std::move(*best);
    usable.clear();
    usable.push_back(std::move(kept));
  }
  return usable;
}

std::size_t same_names(const std::vector<std::string>& pictures, const Scan& scan,
                       std::string& suffix) {
  std::unordered_set<std::string> stems;
  for (const std::string& name : pictures) stems.insert(stem_of(name));
  std::map<std::string, std::size_t> counts;
  for (const FoundFile& file : scan.files) {
    const std::string kind_of = suffix_of(file.name);
    if (kind_of == ".xml" || kind_of == ".json" || kind_of == ".txt")
      counts[kind_of] += stems.contains(stem_of(file.name));
  }
  std::size_t most = 0;
  for (const auto& [kind_of, count] : counts)
    if (count > most) most = count, suffix = kind_of;
  return most;
}

// Two folders with pictures of the same names, one of them called masks or the like.
std::string mask_folder(const std::vector<std::string>& pictures) {
  static constexpr std::array<std::string_view, 6> kWords = {"mask", "annot",       "label",
                                                             "_gt",  "groundtruth", "segment"};
  std::map<std::string, std::set<std::string>> folders;
  for (const std::string& name : pictures) {
    const std::size_t slash = name.rfind('/');
    if (slash != std::string::npos) folders[name.substr(0, slash)].insert(stem_of(name));
  }
  for (const auto& [folder, stems] : folders) {
    const std::string lower = lower_ascii(base_of(folder));
    const bool named = std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
      return lower.find(word) != lower.npos;
    });
    if (!named && lower != "gt") continue;
    for (const auto& [other, names] : folders)
      if (other != folder && names == stems) return folder;
  }
  return {};
}

void refuse_other_tasks(const std::vector<std::string>& pictures, const Scan& scan,
                        const Layout& layout, const std::string& origin) {
  const Text what = {"these are data for detection or segmentation: no picture has a class",
                     "这是检测或分割任务的数据，图片没有整体类别"};
  const Text fix = {"give pictures in one folder per class, or a list with path and label",
                    "请按“每个类别一个文件夹”放置图片，或提供含路径和标签的列表"};
  if (const std::string masks = mask_folder(pictures); !masks.empty())
    refuse("not-classification", Exit::data, what, origin,
           {fmt::format("the pictures in '{}' have the names of those in another folder: masks",
                        masks),
            fmt::format("“{}” 中的图片与另一文件夹同名，应为掩膜", masks)},
           fix);
  if (layout.classes.size() >= 2) return;
  std::string suffix;
  if (const std::size_t count = same_names(pictures, scan, suffix); count * 2 >= pictures.size())
    refuse(
        "not-classification", Exit::data, what, origin,
        {fmt::format("{} of {} pictures have a {} file of the same name", count, pictures.size(),
                     suffix),
         fmt::format("{} 张图片中有 {} 张带有同名的 {} 标注文件", pictures.size(), count, suffix)},
        fix);
}

ImageDataset build_from_folders(const std::vector<const FoundFile*>& pictures, const Layout& layout,
                                const std::string& origin) {
  ImageDataset dataset;
  dataset.origin = origin;
  dataset.classes = layout.classes;
  std::unordered_map<std::string, int> index;
  for (std::size_t c = 0; c < dataset.classes.size(); ++c)
    index[dataset.classes[c]] = static_cast<int>(c);
  Problem unlabelled = kind("picture-without-label", Severity::warning, "",
                            {"pictures lie in no class folder", "部分图片不在任何类别文件夹中"},
                            {"move them into the folder of their class, or remove them",
                             "请移入对应的类别文件夹，或将其删除"});
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Placed& placed = layout.placed[i];
    if (placed.class_name.empty()) {
      note(unlabelled, pictures[i]->name);
      continue;
    }
    Item item;
    item.name = pictures[i]->name;
    item.file = pictures[i]->path;
    item.labels = {index[placed.class_name]};
    item.part = placed.part;
    dataset.items.push_back(std::move(item));
  }
  sort_items(dataset);
  keep(dataset, {std::move(unlabelled)});
  if (layout.nested)
    dataset.problems.push_back(
        {"nested-folders",
         Severity::warning,
         "",
         {"class folders hold folders; their pictures belong to the class folder's name",
          "类别文件夹内还有子文件夹，其中的图片归入该类别"},
         {"if the inner folders are the classes, move them up one level",
          "如果内层文件夹才是类别，请将其上移一层"},
         1,
         {}});
  return dataset;
}

ImageDataset open_folder(const fs::path& root, const OpenOptions& options, bool confined,
                         const std::string& origin) {
  const Scan scan = scan_folder(root);
  std::vector<const FoundFile*> pictures;
  std::vector<std::string> names;
  for (const FoundFile& file : scan.files) {
    if (!has_picture_suffix(file.name)) continue;
    pictures.push_back(&file);
    names.push_back(file.name);
  }
  if (pictures.empty()) {
    std::vector<fs::path> idx;
    for (const FoundFile& file : scan.files)
      if (is_idx_images(file.path)) idx.push_back(file.path);
    if (!idx.empty()) return open_idx_files(idx, origin);
    const bool empty = scan.files.empty();
    refuse(
        empty ? "empty-folder" : "no-pictures", Exit::data,
        {empty ? "the folder is empty" : "the folder holds no pictures",
         empty ? "文件夹为空" : "文件夹中没有图片"},
        origin,
        {fmt::format("0 of {} files are pictures (.jpg .png .bmp .webp .tif)", scan.files.size()),
         fmt::format("{} 个文件中没有图片（.jpg .png .bmp .webp .tif）", scan.files.size())},
        {"give a folder with one folder of pictures per class",
         "请提供按类别分文件夹存放图片的文件夹"});
  }
  const Layout layout = understand_folders(names);
  Resolver resolver(root, confined, &scan);
  const std::vector<ResolvedList> lists =
      find_lists(scan, pictures.size(), layout.classes.size() >= 2, options.label_column, resolver);
  ImageDataset dataset;
  if (!lists.empty()) {
    std::string how = origin;
    for (const ResolvedList& list : lists)
      how += fmt::format(" [{}: {}]", list.name, list.list.label_source);
    dataset = build_from_lists(lists, how);
    if (pictures.size() > dataset.items.size()) {
      std::unordered_set<std::string> listed;
      for (const Item& item : dataset.items) listed.insert(item.name);
      Problem unlisted = kind("picture-without-label", Severity::warning, "",
                              {"pictures stand in no list", "部分图片不在列表中"},
                              {"add them to the list, or remove them", "请加入列表，或将其删除"});
      for (const std::string& name : names)
        if (!listed.contains(name)) note(unlisted, name);
      keep(dataset, {std::move(unlisted)});
    }
  } else {
    refuse_other_tasks(names, scan, layout, origin);
    if (layout.classes.empty())
      refuse("no-classes", Exit::data, {"the pictures have no classes", "图片没有类别"}, origin,
             {fmt::format("{} pictures, none of them in a class folder", pictures.size()),
              fmt::format("{} 张图片均不在类别文件夹中", pictures.size())},
             {"put them into one folder per class: good/1.jpg, scratch/2.jpg (or train/good/1.jpg)",
              "请为每个类别建立文件夹：good/1.jpg、scratch/2.jpg（或 train/good/1.jpg）"});
    dataset = build_from_folders(pictures, layout, origin);
  }
  dataset.problems.insert(dataset.problems.end(), scan.problems.begin(), scan.problems.end());
  return dataset;
}

ImageDataset open_list(const fs::path& path, const OpenOptions& options) {
  const fs::path root = fs::absolute(path).parent_path();
  Resolver resolver(root, false);
  ResolvedList list = resolve_list(path, path.filename().string(), options.label_column, resolver);
  // One list alone is the whole data set, whatever its name.
  list.part = Part::unassigned;
  const std::string origin = fmt::format("{} [{}]", path.string(), list.list.label_source);
  std::vector<ResolvedList> lists;
  lists.push_back(std::move(list));
  return build_from_lists(lists, origin);
}

Bytes head_of(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  Bytes head(64 * 1024);
  const ssize_t n = ::read(fd, head.data(), head.size());
  ::close(fd);
  head.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return head;
}

}  // namespace

ImageDataset open_dataset(const fs::path& path, const OpenOptions& options) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    refuse("not-found", Exit::file, {"there is no such file or folder", "文件或文件夹不存在"},
           path.string(), {error ? error.message() : "not found", "找不到该路径"},
           {"check the path", "请检查路径"});
  if (fs::is_directory(status)) return open_folder(path, options, false, path.string());
  if (!fs::is_regular_file(status))
    refuse("not-a-file", Exit::file,
           {"this is neither a file nor a folder", "这既不是文件也不是文件夹"}, path.string(),
           {"a device, pipe or socket", "是设备、管道或套接字"},
           {"give a folder, an archive, a list or an IDX file",
            "请提供文件夹、压缩包、列表或 IDX 文件"});
  const Bytes head = head_of(path);
  if (head.empty() && fs::file_size(path, error) == 0)
    refuse("empty-file", Exit::data, {"the file is empty", "文件为空"}, path.string(),
           {"0 bytes", "0 字节"}, {"copy it again", "请重新复制该文件"});
  if (is_idx(head) || is_idx(gunzip_head(head, 4))) return open_idx_files({path}, path.string());
  if (looks_like_archive(path) || suffix_of(path.string()) == ".zip" ||
      suffix_of(path.string()) == ".tar")
    return open_folder(extract_cached(path, options.work_folder, options.limits), options, true,
                       path.string());
  if (has_picture_suffix(path.string()))
    refuse("one-picture", Exit::data, {"one picture is no data set", "单张图片不是数据集"},
           path.string(),
           {"a data set needs at least two classes of pictures", "数据集至少需要两个类别的图片"},
           {"give the folder that holds the class folders", "请提供包含各类别文件夹的文件夹"});
  return open_list(path, options);
}

}  // namespace athanor::data
