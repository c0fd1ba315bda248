#include "athanor/data/check.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::data {

namespace {

// 128 bits in two lanes over words of 8 bytes. Equal pictures are found by it, nothing is secured.
struct Digest {
  std::uint64_t a = 0, b = 0, size = 0;
  auto operator<=>(const Digest&) const = default;
};

Digest digest(std::span<const std::uint8_t> bytes) {
  Digest d{0x243F6A8885A308D3ull, 0x13198A2E03707344ull, bytes.size()};
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min<std::size_t>(8, bytes.size());
    std::memcpy(&word, bytes.data(), n);
    d.a = mix(d.a, word);
    d.b = (d.b ^ word) * 0x9FB21C651E98DF25ull;
    d.b ^= d.b >> 29;
    bytes = bytes.subspan(n);
  }
  return d;
}

// What reading one picture showed.
struct Finding {
  enum class State { good, unreadable, empty, not_a_picture, corrupt };
  State state = State::good;
  bool read = false;
  Digest digest;
  std::string why_en, why_zh;
};

Finding examine(const ImageDataset& dataset, const Item& item, const Probe* probe) {
  Finding finding;
  Picture picture;
  try {
    picture = dataset.read(item);
  } catch (const Error& error) {
    finding.state = Finding::State::unreadable;
    finding.why_en = finding.why_zh = error.what();
    return finding;
  }
  finding.read = true;
  if (const auto* raw = std::get_if<RawPicture>(&picture)) {
    finding.digest = digest(raw->pixels);
    return finding;
  }
  const Bytes& bytes = std::get<Bytes>(picture);
  finding.digest = digest(bytes);
  if (!probe) return finding;
  if (bytes.empty()) {
    finding.state = Finding::State::empty;
  } else if (const auto text = no_picture(bytes)) {
    finding.state = Finding::State::not_a_picture;
    finding.why_en = text->en;
    finding.why_zh = text->zh;
  } else if (*probe) {
    std::optional<std::string> why;
    try {
      why = (*probe)(bytes);
    } catch (const Error& error) {
      why = error.what();
    }
    if (why) {
      finding.state = Finding::State::corrupt;
      finding.why_en = finding.why_zh = *why;
    }
  }
  return finding;
}

std::vector<Finding> examine_all(const ImageDataset& dataset, const Probe* probe) {
  std::vector<Finding> findings(dataset.items.size());
  parallel_for(static_cast<std::int64_t>(findings.size()), 16,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto at = static_cast<std::size_t>(i);
                   findings[at] = examine(dataset, dataset.items[at], probe);
                 }
               });
  return findings;
}

std::vector<std::int64_t> group(const std::vector<Finding>& findings) {
  std::map<Digest, std::int64_t> first;
  std::vector<std::int64_t> groups(findings.size());
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const auto own = static_cast<std::int64_t>(i);
    groups[i] = findings[i].read && findings[i].digest.size > 0
                    ? first.emplace(findings[i].digest, own).first->second
                    : own;
  }
  return groups;
}

// Not std::stable_partition: with clang it warns of a deprecated function inside libstdc++.
void errors_first(std::vector<Problem>& problems) {
  std::vector<Problem> sorted;
  for (const Severity severity : {Severity::error, Severity::warning})
    for (const Problem& problem : problems)
      if (problem.severity == severity) sorted.push_back(problem);
  problems = std::move(sorted);
}

class Checker {
 public:
  Checker(const ImageDataset& dataset, const Probe& probe, const CheckOptions& options)
      : dataset_(dataset), options_(options), findings_(examine_all(dataset, &probe)) {
    report_.origin = dataset.origin;
    report_.pictures = static_cast<std::int64_t>(dataset.items.size());
    report_.multi_label = dataset.multi_label;
    report_.problems = dataset.problems;
    report_.groups = group(findings_);
  }

  DataReport run() {
    bad_pictures();
    count();
    if (report_.pictures == 0) {
      add("no-pictures", Severity::error, {"there are no pictures", "没有图片"},
          {"bring pictures in one folder per class", "请按类别分文件夹提供图片"});
    } else {
      classes();
      parts();
      duplicates();
    }
    errors_first(report_.problems);
    return std::move(report_);
  }

 private:
  void add(std::string code, Severity severity, Text what, Text fix, std::string where = {},
           std::int64_t count = 1, std::vector<std::string> items = {}) {
    if (items.size() > kProblemItems) items.resize(kProblemItems);
    report_.problems.push_back({std::move(code), severity, std::move(where), std::move(what),
                                std::move(fix), count, std::move(items)});
  }
  bool bad(std::size_t i) const { return findings_[i].state != Finding::State::good; }

  void bad_pictures() {
    for (std::size_t i = 0; i < findings_.size(); ++i)
      if (bad(i)) report_.bad_items.push_back(static_cast<std::int64_t>(i));
    const auto count = static_cast<double>(report_.bad_items.size());
    const bool many = count > options_.bad_fraction * static_cast<double>(findings_.size());
    struct Kind {
      Finding::State state;
      const char* code;
      Text what;
    };
    const std::array<Kind, 4> kinds = {
        {{Finding::State::unreadable, "unreadable", {"cannot be read", "无法读取"}},
         {Finding::State::empty, "zero-bytes", {"empty files", "文件为空"}},
         {Finding::State::not_a_picture,
          "not-a-picture",
          {"files that are no pictures", "不是图片的文件"}},
         {Finding::State::corrupt,
          "corrupt-picture",
          {"damaged or truncated pictures", "已损坏或不完整的图片"}}}};
    for (const Kind& kind : kinds) {
      Problem problem;
      problem.code = kind.code;
      problem.severity = many ? Severity::error : Severity::warning;
      problem.count = 0;
      std::string why_en, why_zh;
      for (std::size_t i = 0; i < findings_.size(); ++i) {
        if (findings_[i].state != kind.state) continue;
        const Finding& finding = findings_[i];
        if (problem.count == 0) {
          problem.where = dataset_.items[i].name;
          why_en = finding.why_en;
          why_zh = finding.why_zh;
        }
        note(problem, dataset_.items[i].name);
      }
      if (problem.count == 0) continue;
      problem.what = {
          fmt::format("{} of {} files: {}", problem.count, findings_.size(), kind.what.en),
          fmt::format("{} 个文件中有 {} 个：{}", findings_.size(), problem.count, kind.what.zh)};
      if (!why_en.empty()) {
        problem.what.en += fmt::format(" ({}: {})", problem.where, why_en);
        problem.what.zh += fmt::format("（{}：{}）", problem.where, why_zh);
      }
      problem.fix = many ? Text{"replace or remove these files", "请替换或删除这些文件"}
                         : Text{"they are left out; replace or remove them",
                                "这些文件将被忽略；请替换或删除"};
      report_.problems.push_back(std::move(problem));
    }
  }

  void count() {
    report_.classes.resize(dataset_.classes.size());
    for (std::size_t c = 0; c < dataset_.classes.size(); ++c)
      report_.classes[c].name = dataset_.classes[c];
    std::vector<std::uint64_t> sizes;
    for (std::size_t i = 0; i < dataset_.items.size(); ++i) {
      if (findings_[i].read) sizes.push_back(findings_[i].digest.size);
      const Item& item = dataset_.items[i];
      tally(item.part, report_);
      if (bad(i)) continue;
      for (const int label : item.labels) {
        ClassCount& entry = report_.classes.at(static_cast<std::size_t>(label));
        ++entry.total;
        tally(item.part, entry);
      }
    }
    if (sizes.empty()) return;
    std::sort(sizes.begin(), sizes.end());
    for (const std::uint64_t size : sizes) report_.bytes += size;
    report_.smallest_bytes = sizes.front();
    report_.median_bytes = sizes[sizes.size() / 2];
    report_.largest_bytes = sizes.back();
  }

  template <class Counts>
  static void tally(Part part, Counts& counts) {
    switch (part) {
      case Part::train: ++counts.train; break;
      case Part::val: ++counts.val; break;
      case Part::test: ++counts.test; break;
      case Part::unassigned: ++counts.unassigned; break;
    }
  }

  void classes() {
    std::vector<std::string> present, single, few, gone;
    std::int64_t most = 0, least = INT64_MAX;
    std::string largest, smallest;
    for (const ClassCount& entry : report_.classes) {
      if (entry.total == 0) {
        gone.push_back(entry.name);
        continue;
      }
      present.push_back(entry.name);
      if (entry.total == 1)
        single.push_back(entry.name);
      else if (entry.total < options_.few_pictures)
        few.push_back(fmt::format("{} ({})", entry.name, entry.total));
      if (entry.total > most) most = entry.total, largest = entry.name;
      if (entry.total < least) least = entry.total, smallest = entry.name;
    }
    if (!gone.empty())
      add("class-without-pictures", Severity::error,
          {fmt::format("no usable picture of: {}", joined(gone)),
           fmt::format("以下类别没有可用图片：{}", joined(gone))},
          {"bring pictures of these classes, or remove the classes",
           "请补充这些类别的图片，或删除这些类别"},
          gone[0], static_cast<std::int64_t>(gone.size()), gone);
    if (present.size() == 1 && !report_.multi_label)
      add("one-class-only", Severity::error,
          {fmt::format("there is one class only, '{}': nothing can be told apart", present[0]),
           fmt::format("只有一个类别 “{}”，无法区分", present[0])},
          {"bring pictures of at least two classes, each in its own folder",
           "请至少提供两个类别的图片，每个类别一个文件夹"},
          present[0]);
    if (!single.empty() && single.size() == present.size()) {
      add("one-picture-per-class", Severity::error,
          {"every class has one picture: none is left to check with",
           "每个类别只有一张图片，无法留出测试图片"},
          {fmt::format("bring at least 2 pictures of each class; {} or more are advised",
                       options_.few_pictures),
           fmt::format("每个类别至少提供 2 张图片；建议 {} 张以上", options_.few_pictures)},
          "", static_cast<std::int64_t>(single.size()), single);
    } else if (!single.empty()) {
      add("single-picture-class", Severity::warning,
          {fmt::format("classes with one picture cannot be checked: {}", joined(single)),
           fmt::format("以下类别只有一张图片，无法检验：{}", joined(single))},
          {"bring more pictures of them", "请补充这些类别的图片"}, single[0],
          static_cast<std::int64_t>(single.size()), single);
    }
    if (!few.empty())
      add("few-pictures", Severity::warning,
          {fmt::format("classes with fewer than {} pictures: {}", options_.few_pictures,
                       joined(few)),
           fmt::format("以下类别少于 {} 张图片：{}", options_.few_pictures, joined(few))},
          {"more pictures make the result better and surer", "更多图片会使结果更好、更可靠"},
          few[0], static_cast<std::int64_t>(few.size()), few);
    if (least > 0 && present.size() > 1 &&
        static_cast<double>(most) >= options_.imbalance * static_cast<double>(least))
      add("imbalance", Severity::warning,
          {fmt::format("'{}' has {} pictures, '{}' has {}", largest, most, smallest, least),
           fmt::format("“{}” 有 {} 张图片，“{}” 只有 {} 张", largest, most, smallest, least)},
          {"bring more pictures of the small classes; training weighs them more until then",
           "请补充较少类别的图片；训练时会提高其权重"},
          smallest);
  }

  void parts() {
    if (report_.train > 0) {
      std::vector<std::string> unseen;
      for (const ClassCount& entry : report_.classes)
        if (entry.total > 0 && entry.train + entry.unassigned == 0) unseen.push_back(entry.name);
      if (!unseen.empty())
        add("class-not-in-train", Severity::error,
            {fmt::format("classes of test or val that have no training picture: {}",
                         joined(unseen)),
             fmt::format("以下类别没有训练图片：{}", joined(unseen))},
            {"add training pictures of them, or name the folders alike in train and test",
             "请补充训练图片，或统一 train 与 test 中的文件夹名"},
            unseen[0], static_cast<std::int64_t>(unseen.size()), unseen);
    } else if (report_.unassigned == 0) {
      add("no-training-pictures", Severity::error,
          {"there is a test or val part and no train part", "只有测试或验证部分，没有训练部分"},
          {"add a train folder", "请添加 train 文件夹"});
    }
  }

  void duplicates() {
    std::map<std::int64_t, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < report_.groups.size(); ++i)
      if (!bad(i)) groups[report_.groups[i]].push_back(i);
    std::vector<std::string> copies, contradictions, leaks;
    for (const auto& [first, members] : groups) {
      if (members.size() < 2) continue;
      std::set<std::vector<int>> labels;
      bool train = false, test = false;
      std::string names;
      for (const std::size_t i : members) {
        labels.insert(dataset_.items[i].labels);
        train |= dataset_.items[i].part == Part::train;
        test |= dataset_.items[i].part == Part::test;
        if (names.size() < 500) names += (names.empty() ? "" : " = ") + dataset_.items[i].name;
      }
      copies.push_back(names);
      if (labels.size() > 1) contradictions.push_back(names);
      if (train && test) leaks.push_back(names);
    }
    if (!contradictions.empty())
      add("same-picture-two-labels", Severity::warning,
          {fmt::format("{} picture(s) stand under more than one label: {}", contradictions.size(),
                       contradictions[0]),
           fmt::format("{} 张图片同时属于多个标签：{}", contradictions.size(), contradictions[0])},
          {"decide for one label and remove the other copies", "请确定一个标签并删除其余副本"},
          contradictions[0], static_cast<std::int64_t>(contradictions.size()), contradictions);
    if (!leaks.empty())
      add("leakage", Severity::warning,
          {fmt::format("{} picture(s) are in train and in test: the test result is too good: {}",
                       leaks.size(), leaks[0]),
           fmt::format("{} 张图片同时在训练集和测试集中，测试结果会偏高：{}", leaks.size(),
                       leaks[0])},
          {"remove them from train", "请从训练集中删除"}, leaks[0],
          static_cast<std::int64_t>(leaks.size()), leaks);
    if (!copies.empty())
      add("duplicates", Severity::warning,
          {fmt::format("{} picture(s) are there more than once: {}", copies.size(), copies[0]),
           fmt::format("{} 张图片重复出现：{}", copies.size(), copies[0])},
          {"nothing to do: copies are kept together in one part", "无需处理：副本会被划入同一部分"},
          copies[0], static_cast<std::int64_t>(copies.size()), copies);
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 10; ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > 10) text += fmt::format(", ... ({})", names.size());
    return text;
  }

  const ImageDataset& dataset_;
  const CheckOptions& options_;
  std::vector<Finding> findings_;
  DataReport report_;
};

}  // namespace

bool DataReport::usable() const {
  return std::none_of(problems.begin(), problems.end(),
                      [](const Problem& p) { return p.severity == Severity::error; });
}

Refusal DataReport::refusal() const { return combine(problems, origin); }

DataReport check(const ImageDataset& dataset, const Probe& probe, const CheckOptions& options) {
  return Checker(dataset, probe, options).run();
}

ImageDataset without(const ImageDataset& dataset, const std::vector<std::int64_t>& items) {
  ImageDataset kept = dataset;
  kept.items.clear();
  for (std::size_t i = 0; i < dataset.items.size(); ++i)
    if (!std::binary_search(items.begin(), items.end(), static_cast<std::int64_t>(i)))
      kept.items.push_back(dataset.items[i]);
  return kept;
}

std::vector<std::int64_t> duplicate_groups(const ImageDataset& dataset) {
  return group(examine_all(dataset, nullptr));
}

std::optional<Text> no_picture(std::span<const std::uint8_t> bytes) {
  const auto starts = [&](std::string_view magic, std::size_t at = 0) {
    return bytes.size() >= at + magic.size() &&
           std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
  };
  using namespace std::string_view_literals;
  if (starts("\xFF\xD8\xFF"sv) || starts("\x89PNG\r\n\x1A\n"sv) || starts("BM"sv) ||
      starts("II*\0"sv) || starts("MM\0*"sv) || (starts("RIFF"sv) && starts("WEBP"sv, 8)))
    return std::nullopt;
  if (starts("GIF8"sv)) return Text{"a GIF: save it as PNG", "GIF 格式：请另存为 PNG"};
  if (starts("ftypheic"sv, 4) || starts("ftypheix"sv, 4) || starts("ftypmif1"sv, 4))
    return Text{"a HEIC: save it as JPEG", "HEIC 格式：请另存为 JPEG"};
  if (starts("ftypavif"sv, 4)) return Text{"an AVIF: save it as JPEG", "AVIF 格式：请另存为 JPEG"};
  if (starts("%PDF"sv)) return Text{"a PDF document", "PDF 文档"};
  if (starts("PK\x03\x04"sv)) return Text{"a zip archive", "zip 压缩包"};
  const std::size_t n = std::min<std::size_t>(bytes.size(), 256);
  const bool text = std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n),
                                [](std::uint8_t b) { return b >= 0x20 || (b >= 9 && b <= 13); });
  if (text) return Text{"a text file", "文本文件"};
  return Text{"its first bytes are those of no known picture format",
              "文件头不属于任何已知图片格式"};
}

}  // namespace athanor::data
