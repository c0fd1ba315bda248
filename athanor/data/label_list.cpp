#include "athanor/data/label_list.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "athanor/data/names.hpp"
#include "athanor/data/problem.hpp"

namespace athanor::data {

namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::array<std::string_view, 19> kLabelNames = {
    "label",  "labels",  "class_name", "classname", "class", "category", "categories",
    "target", "targets", "tag",        "tags",      "y",     "class_id", "label_id",
    "标签",   "类别",    "分类",       "标注",      "种类"};
constexpr std::array<std::string_view, 10> kPartNames = {
    "split", "subset",   "set",     "part",     "partition",
    "phase", "data set", "dataset", "data_set", "usage"};
constexpr std::array<std::string_view, 9> kBoxNames = {
    "xmin", "x_min", "bbox", "x1", "bbox_x", "rle", "mask", "encodedpixels", "polygon"};

template <std::size_t N>
std::optional<std::size_t> place(const std::array<std::string_view, N>& names,
                                 std::string_view name) {
  const std::string lower = lower_ascii(name);
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == lower) return i;
  return std::nullopt;
}

const std::string& cell(const std::vector<std::string>& row, std::size_t column) {
  static const std::string kEmpty;
  return column < row.size() ? row[column] : kEmpty;
}

// "my cat.jpg 3" separated by blanks: in rows wider than most, the cells up to the first picture
// suffix are one path.
void join_blank_paths(Rows& rows) {
  std::map<std::size_t, std::size_t> widths;
  for (const auto& row : rows) ++widths[row.size()];
  std::size_t usual = 0;
  for (const auto& [width, count] : widths)
    if (count > widths[usual]) usual = width;
  for (auto& row : rows) {
    if (row.size() <= usual) continue;
    const std::size_t extra = row.size() - usual;
    if (!has_picture_suffix(row[extra])) continue;
    for (std::size_t i = 1; i <= extra; ++i) row[0] += ' ' + row[i];
    row.erase(row.begin() + 1, row.begin() + static_cast<std::ptrdiff_t>(extra) + 1);
  }
}

class Interpreter {
 public:
  Interpreter(const Table& table, const std::string& label, const std::string& label_column,
              const std::function<bool(std::string_view)>& is_picture)
      : rows_(table.rows), lines_(table.lines), label_(label), is_picture_(is_picture) {
    if (table.separator == ' ') join_blank_paths(rows_);
    columns_ = table.columns();
    find_path();
    refuse_other_tasks();
    find_part();
    find_labels(label_column);
  }

  LabelList result() {
    LabelList list;
    list.label_source = source_;
    for (std::size_t r = header_ ? 1 : 0; r < rows_.size(); ++r) {
      ListRow row;
      row.path = cell(rows_[r], path_);
      if (row.path.empty()) continue;
      row.line = lines_[r];
      if (part_) row.part = part_of(cell(rows_[r], *part_));
      row.labels = labels_of(rows_[r]);
      if (row.labels.size() > 1) list.multi_label = true;
      list.rows.push_back(std::move(row));
    }
    return list;
  }

 private:
  bool looks_like_picture(std::string_view text) const {
    if (text.empty()) return false;
    return by_suffix_ ? has_picture_suffix(text) : is_picture_(text);
  }

  // The best column by suffixes; only if there is none, by asking for the files (names without a
  // suffix), since a label such as "1" may happen to be the stem of a file too.
  void find_path() {
    // Looking at the first rows is enough to tell columns apart.
    const std::size_t sample = std::min<std::size_t>(rows_.size(), 1000);
    std::size_t best = 0;
    for (const bool by_suffix : {true, false}) {
      by_suffix_ = by_suffix;
      best = 0;
      for (std::size_t c = 0; c < columns_; ++c) {
        std::size_t found = 0;
        for (std::size_t r = 0; r < sample; ++r) found += looks_like_picture(cell(rows_[r], c));
        if (found > best) best = found, path_ = c;
      }
      if (best > 0 && (best + 1) * 2 >= sample) break;
      if (by_suffix) continue;
      refuse("no-picture-column", Exit::data,
             {"no column of the list names pictures", "列表中没有图片路径列"}, label_,
             {fmt::format("in the best column {} of {} cells are names of pictures", best, sample),
              fmt::format("最接近的一列中，{} 个单元格里只有 {} 个是图片文件名", sample, best)},
             {"give a list with one picture per line: path and label",
              "请提供每行一张图片的列表：路径和标签"});
    }
    header_ = rows_.size() > 1 && !looks_like_picture(cell(rows_[0], path_));
  }

  void refuse_other_tasks() const {
    if (header_) {
      for (const std::string& name : rows_[0])
        if (place(kBoxNames, name))
          not_classification(fmt::format("it has a column '{}'", name),
                             fmt::format("其中有 “{}” 列", name));
    }
    static constexpr std::array<std::string_view, 4> kAnnotations = {".txt", ".xml", ".json",
                                                                     ".mat"};
    if (columns_ < 2) return;
    std::size_t pairs = 0;
    for (const auto& row : rows_) {
      if (row.size() != 2 || !has_picture_suffix(cell(row, path_))) continue;
      const std::string& other = cell(row, 1 - std::min<std::size_t>(path_, 1));
      pairs += has_picture_suffix(other) || std::find(kAnnotations.begin(), kAnnotations.end(),
                                                      suffix_of(other)) != kAnnotations.end();
    }
    if (pairs * 10 >= rows_.size() * 9)
      not_classification("every row pairs a picture with an annotation file or a mask",
                         "每一行都是图片与标注文件（或掩膜）的配对");
  }

  [[noreturn]] void not_classification(const std::string& en, const std::string& zh) const {
    refuse("not-classification", Exit::data,
           {"this list is for detection or segmentation: it has no classes of whole pictures",
            "这是检测或分割任务的列表，没有整张图片的类别"},
           label_, {en, zh},
           {"give pictures in one folder per class, or a list with path and label",
            "请按“每个类别一个文件夹”放置图片，或提供含路径和标签的列表"});
  }

  std::size_t first_row() const { return header_ ? 1 : 0; }

  std::set<std::string> distinct(std::size_t column, std::size_t limit) const {
    std::set<std::string> values;
    for (std::size_t r = first_row(); r < rows_.size() && values.size() <= limit; ++r)
      if (const std::string& text = cell(rows_[r], column); !text.empty()) values.insert(text);
    return values;
  }

  void find_part() {
    for (std::size_t c = 0; c < columns_; ++c) {
      if (c == path_) continue;
      const std::set<std::string> values = distinct(c, 8);
      const bool parts = !values.empty() && std::all_of(values.begin(), values.end(), [](auto& v) {
        return part_of(v) != Part::unassigned;
      });
      const bool named = header_ && place(kPartNames, cell(rows_[0], c)).has_value();
      if (parts && (named || values.size() >= 2)) {
        part_ = c;
        return;
      }
    }
  }

  bool taken(std::size_t column) const { return column == path_ || (part_ && *part_ == column); }

  void find_labels(const std::string& wanted) {
    if (!wanted.empty()) {
      label_columns_ = {asked(wanted)};
      source_ = fmt::format("column '{}'", wanted);
      return;
    }
    if (header_) {
      std::optional<std::size_t> best;
      for (std::size_t c = 0; c < columns_; ++c) {
        if (taken(c)) continue;
        const auto rank = place(kLabelNames, cell(rows_[0], c));
        if (rank && (!best || *rank < *best)) {
          best = rank;
          label_columns_ = {c};
        }
      }
      if (best) {
        source_ = fmt::format("column '{}'", cell(rows_[0], label_columns_[0]));
        refuse_measurements(label_columns_[0]);
        return;
      }
      if (find_indicators()) return;
    }
    if (find_by_values()) return;
    find_by_folder();
  }

  std::size_t asked(const std::string& wanted) const {
    if (header_)
      for (std::size_t c = 0; c < columns_; ++c)
        if (cell(rows_[0], c) == wanted) return c;
    std::size_t number = 0;
    const auto parsed = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (parsed.ec == std::errc{} && parsed.ptr == wanted.data() + wanted.size() && number >= 1 &&
        number <= columns_)
      return number - 1;
    refuse("no-such-column", Exit::usage,
           {fmt::format("the list has no column '{}'", wanted),
            fmt::format("列表中没有 “{}” 列", wanted)},
           label_,
           {fmt::format("it has {} columns{}", columns_, header_names()),
            fmt::format("共有 {} 列{}", columns_, header_names())},
           {"name a column of the header, or its number from 1",
            "请给出表头中的列名，或从 1 开始的列号"});
  }

  std::string header_names() const {
    if (!header_) return {};
    return fmt::format(": {}", fmt::join(rows_[0], ", "));
  }

  // Two or more columns of nothing but 0 and 1: one class each.
  bool find_indicators() {
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < columns_; ++c) {
      if (taken(c) || cell(rows_[0], c).empty()) continue;
      const std::set<std::string> values = distinct(c, 3);
      if (!values.empty() && std::all_of(values.begin(), values.end(), [](const std::string& v) {
            return v == "0" || v == "1" || v == "0.0" || v == "1.0";
          }))
        columns.push_back(c);
    }
    if (columns.size() < 2) return false;
    label_columns_ = columns;
    indicators_ = true;
    source_ = fmt::format("{} columns of 0 and 1", columns.size());
    return true;
  }

  bool numbers(const std::set<std::string>& values, bool& fractional) const {
    fractional = false;
    for (const std::string& v : values) {
      double value = 0;
      if (!parse_number(v, value)) return false;
      fractional |= value != static_cast<double>(static_cast<long long>(value));
    }
    return !values.empty();
  }

  void refuse_measurements(std::size_t column) const {
    const std::set<std::string> values = distinct(column, 1000);
    bool fractional = false;
    if (!numbers(values, fractional) || !fractional || values.size() <= 20) return;
    refuse("labels-are-measurements", Exit::data,
           {"the labels are measured numbers, not classes", "标签是连续数值，而不是类别"}, label_,
           {fmt::format("{} has more than 20 different fractional values", source_),
            fmt::format("{} 中有超过 20 个不同的小数值", source_)},
           {"turn the numbers into classes, or name another column as label",
            "请将数值划分为类别，或指定其他标签列"});
  }

  bool find_by_values() {
    std::vector<std::size_t> order;
    for (std::size_t c = path_ + 1; c < columns_; ++c) order.push_back(c);
    for (std::size_t c = path_; c-- > 0;) order.push_back(c);
    const std::size_t count = rows_.size() - first_row();
    std::optional<std::size_t> constant;
    for (const std::size_t c : order) {
      if (taken(c)) continue;
      const std::size_t most = std::max<std::size_t>(20, count / 2);
      const std::set<std::string> values = distinct(c, most);
      if (values.size() == 1 && !constant) constant = c;
      if (values.size() < 2 || values.size() > most || values.size() >= count) continue;
      bool fractional = false;
      if (numbers(values, fractional) && fractional && values.size() > 20) continue;
      use(c);
      return true;
    }
    if (!constant) return false;
    use(*constant);
    return true;
  }

  void use(std::size_t column) {
    label_columns_ = {column};
    source_ = header_ ? fmt::format("column '{}'", cell(rows_[0], column))
                      : fmt::format("column {}", column + 1);
  }

  void find_by_folder() {
    for (std::size_t r = first_row(); r < rows_.size(); ++r)
      if (folder_of(cell(rows_[r], path_)).empty())
        refuse("no-labels", Exit::data,
               {"the list names pictures and no labels", "列表中只有图片，没有标签"},
               fmt::format("{}:{}", label_, lines_[r]),
               {"no column has from 2 to half as many values as rows, and the paths have no folder",
                "没有可作为标签的列，路径中也没有类别文件夹"},
               {"add a column with the class of each picture", "请添加一列写明每张图片的类别"});
    source_ = "the folders of the paths";
  }

  static std::string folder_of(std::string_view path) {
    std::string plain(path);
    std::replace(plain.begin(), plain.end(), '\\', '/');
    const auto parts = split_path(plain);
    return parts.size() < 2 ? std::string() : parts[parts.size() - 2];
  }

  std::vector<std::string> labels_of(const std::vector<std::string>& row) const {
    if (label_columns_.empty()) return {folder_of(cell(row, path_))};
    std::vector<std::string> labels;
    if (indicators_) {
      for (const std::size_t c : label_columns_)
        if (cell(row, c).starts_with('1')) labels.push_back(cell(rows_[0], c));
      return labels;
    }
    const std::string& text = cell(row, label_columns_[0]);
    std::size_t begin = 0;
    while (begin <= text.size()) {
      const std::size_t end = std::min(text.find_first_of("|;", begin), text.size());
      std::string one = text.substr(begin, end - begin);
      while (!one.empty() && one.front() == ' ') one.erase(0, 1);
      while (!one.empty() && one.back() == ' ') one.pop_back();
      if (!one.empty() && std::find(labels.begin(), labels.end(), one) == labels.end())
        labels.push_back(one);
      begin = end + 1;
    }
    return labels;
  }

  Rows rows_;
  const std::vector<std::size_t>& lines_;
  const std::string& label_;
  const std::function<bool(std::string_view)>& is_picture_;
  std::size_t columns_ = 0, path_ = 0;
  bool header_ = false, indicators_ = false, by_suffix_ = true;
  std::optional<std::size_t> part_;
  std::vector<std::size_t> label_columns_;  // empty: the folder of the path
  std::string source_;
};

}  // namespace

LabelList read_label_list(const Table& table, const std::string& label,
                          const std::string& label_column,
                          const std::function<bool(std::string_view)>& is_picture) {
  if (table.rows.empty())
    refuse("empty-list", Exit::data, {"the list is empty", "列表为空"}, label, {"0 rows", "0 行"},
           {"give a list with one picture per line: path and label",
            "请提供每行一张图片的列表：路径和标签"});
  return Interpreter(table, label, label_column, is_picture).result();
}

}  // namespace athanor::data
