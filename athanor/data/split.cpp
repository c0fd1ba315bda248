#include "athanor/data/split.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "athanor/base/philox.hpp"
#include "athanor/data/check.hpp"
#include "athanor/data/problem.hpp"

namespace athanor::data {

namespace {

std::uint64_t name_key(std::uint64_t seed, const std::string& name) {
  std::uint64_t key = mix(seed, name.size());
  for (const char c : name) key = mix(key, static_cast<unsigned char>(c));
  return key;
}

// Items that must stay together, with what decides where they go.
struct Unit {
  std::uint64_t key = 0;
  std::string name;  ///< the least of its members: breaks ties of keys
  int stratum = -1;
  std::vector<std::int64_t> items;
};

// The rarest label of an item decides its stratum: for several labels that keeps rare classes in
// every part.
std::vector<int> strata(const ImageDataset& dataset) {
  std::vector<std::int64_t> counts(dataset.classes.size(), 0);
  for (const Item& item : dataset.items)
    for (const int label : item.labels) ++counts.at(static_cast<std::size_t>(label));
  std::vector<int> result;
  for (const Item& item : dataset.items) {
    int best = -1;
    for (const int label : item.labels)
      if (best < 0 ||
          counts[static_cast<std::size_t>(label)] < counts[static_cast<std::size_t>(best)])
        best = label;
    result.push_back(best);
  }
  return result;
}

/// Units of the wanted items, by stratum, each list in the order of its keys.
std::map<int, std::vector<Unit>> make_units(const ImageDataset& dataset,
                                            const std::vector<std::int64_t>& items,
                                            std::uint64_t seed,
                                            std::span<const std::int64_t> groups) {
  const std::vector<int> stratum = strata(dataset);
  std::map<std::int64_t, Unit> by_group;
  for (const std::int64_t i : items) {
    const auto at = static_cast<std::size_t>(i);
    Unit& unit = by_group[groups.empty() ? i : groups[at]];
    const std::string& name = dataset.items[at].name;
    if (unit.items.empty() || name < unit.name) {
      unit.name = name;
      unit.key = name_key(seed, name);
      unit.stratum = stratum[at];
    }
    unit.items.push_back(i);
  }
  std::map<int, std::vector<Unit>> result;
  for (auto& [group, unit] : by_group) result[unit.stratum].push_back(std::move(unit));
  for (auto& [label, units] : result)
    std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
      return std::tie(a.key, a.name) < std::tie(b.key, b.name);
    });
  return result;
}

void move_items(const Unit& unit, std::vector<std::int64_t>& to) {
  to.insert(to.end(), unit.items.begin(), unit.items.end());
}

/// Takes about `fraction * of` items of each stratum out of its units, at least one and never all.
void take_stratified(std::map<int, std::vector<Unit>>& units,
                     const std::map<int, std::int64_t>& sizes, double fraction,
                     std::vector<std::int64_t>& to) {
  for (auto& [label, list] : units) {
    std::int64_t left = 0;
    for (const Unit& unit : list) left += static_cast<std::int64_t>(unit.items.size());
    const auto wanted =
        std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(sizes.at(label))));
    std::int64_t taken = 0;
    std::vector<Unit> rest;
    for (Unit& unit : list) {
      const auto size = static_cast<std::int64_t>(unit.items.size());
      // A large group would overshoot: pass over it unless nothing has been taken yet.
      const bool fits =
          taken < wanted && taken + size < left && (taken == 0 || taken + size <= wanted);
      if (fits) {
        move_items(unit, to);
        taken += size;
      } else {
        rest.push_back(std::move(unit));
      }
    }
    list = std::move(rest);
  }
}

std::map<int, std::int64_t> stratum_sizes(const std::map<int, std::vector<Unit>>& units) {
  std::map<int, std::int64_t> sizes;
  for (const auto& [label, list] : units)
    for (const Unit& unit : list) sizes[label] += static_cast<std::int64_t>(unit.items.size());
  return sizes;
}

[[noreturn]] void too_small(const char* part_en, const char* part_zh, std::size_t items,
                            const std::string& origin) {
  refuse("split-too-small", Exit::data,
         {fmt::format("no picture is left for the {} part", part_en),
          fmt::format("{}部分没有图片", part_zh)},
         origin,
         {fmt::format("{} pictures in all; copies of one picture stay together", items),
          fmt::format("共 {} 张图片；同一图片的副本不会分开", items)},
         {"bring more pictures, or give a separate test set", "请提供更多图片，或另外提供测试集"});
}

class Divider {
 public:
  Divider(const ImageDataset& dataset, const SplitOptions& options,
          std::span<const std::int64_t> groups)
      : dataset_(dataset), options_(options), groups_(groups) {
    for (std::size_t i = 0; i < dataset.items.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      switch (dataset.items[i].part) {
        case Part::test: split_.test.push_back(index); break;
        case Part::val: split_.val.push_back(index); break;
        default: open_.push_back(index);
      }
    }
    need_test_ = split_.test.empty();
    need_val_ = split_.val.empty() && options.val_fraction > 0;
  }

  Split run() {
    if (options_.method == SplitMethod::given && need_test_)
      refuse("no-test-part", Exit::data, {"the data names no test part", "数据中没有测试部分"},
             dataset_.origin, {"the given division was asked for", "要求使用数据自带的划分"},
             {"add a test folder, or use the stratified division",
              "请添加 test 文件夹，或使用分层划分"});
    if (options_.method == SplitMethod::order || options_.method == SplitMethod::every)
      by_position();
    else
      stratified();
    for (auto* part : {&split_.train, &split_.val, &split_.test})
      std::sort(part->begin(), part->end());
    if (split_.train.empty()) too_small("train", "训练", dataset_.items.size(), dataset_.origin);
    if (split_.test.empty()) too_small("test", "测试", dataset_.items.size(), dataset_.origin);
    if (split_.val.empty() && need_val_)
      too_small("val", "验证", dataset_.items.size(), dataset_.origin);
    return std::move(split_);
  }

 private:
  void stratified() {
    auto units = make_units(dataset_, open_, options_.seed, groups_);
    const auto sizes = stratum_sizes(units);
    if (need_test_) take_stratified(units, sizes, options_.test_fraction, split_.test);
    if (need_val_) take_stratified(units, sizes, options_.val_fraction, split_.val);
    for (const auto& [label, list] : units)
      for (const Unit& unit : list) move_items(unit, split_.train);
  }

  // A group goes where its first item goes.
  void by_position() {
    const auto n = static_cast<std::int64_t>(open_.size());
    const std::int64_t tests = need_test_ && options_.method == SplitMethod::order
                                   ? std::llround(options_.test_fraction * static_cast<double>(n))
                                   : 0;
    const std::int64_t vals =
        need_val_ ? std::llround(options_.val_fraction * static_cast<double>(n)) : 0;
    // Every-N leaves `rest` positions, over which val is spread evenly.
    const std::int64_t rest = need_test_ ? n - n / options_.every : n;
    std::int64_t passed = 0;
    std::map<std::int64_t, Part> chosen;
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t i = open_[static_cast<std::size_t>(k)];
      Part part = Part::train;
      if (options_.method == SplitMethod::every) {
        if (need_test_ && k % options_.every == options_.every - 1) {
          part = Part::test;
        } else {
          if ((passed + 1) * vals / rest != passed * vals / rest) part = Part::val;
          ++passed;
        }
      } else if (k >= n - tests) {
        part = Part::test;
      } else if (k >= n - tests - vals) {
        part = Part::val;
      }
      const std::int64_t group = groups_.empty() ? i : groups_[static_cast<std::size_t>(i)];
      part = chosen.emplace(group, part).first->second;
      (part == Part::test  ? split_.test
       : part == Part::val ? split_.val
                           : split_.train)
          .push_back(i);
    }
  }

  const ImageDataset& dataset_;
  const SplitOptions& options_;
  std::span<const std::int64_t> groups_;
  std::vector<std::int64_t> open_;
  bool need_test_ = true, need_val_ = false;
  Split split_;
};

}  // namespace

void parse_split(const std::string& text, SplitOptions& options) {
  if (text == "stratified") {
    options.method = SplitMethod::stratified;
  } else if (text == "order") {
    options.method = SplitMethod::order;
  } else if (text == "given") {
    options.method = SplitMethod::given;
  } else {
    std::int64_t every = 0;
    const char* begin = text.data() + std::min<std::size_t>(6, text.size());
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(begin, end, every);
    require(
        text.starts_with("every:") && parsed.ec == std::errc{} && parsed.ptr == end && every >= 2,
        "split '{}': known are stratified, order, given and every:N with N from 2", text);
    options.method = SplitMethod::every;
    options.every = every;
  }
}

Split split(const ImageDataset& dataset, const SplitOptions& options,
            std::span<const std::int64_t> groups) {
  require(options.test_fraction > 0 && options.test_fraction < 1,
          "split: test fraction {} is outside (0, 1)", options.test_fraction);
  require(options.val_fraction >= 0 && options.test_fraction + options.val_fraction < 1,
          "split: test {} and val {} leave nothing to train on", options.test_fraction,
          options.val_fraction);
  require(options.every >= 2, "split: every {} must be at least 2", options.every);
  require(groups.empty() || groups.size() == dataset.items.size(), "split: {} groups for {} items",
          groups.size(), dataset.items.size());
  return Divider(dataset, options, groups).run();
}

Split split(const ImageDataset& dataset, const SplitOptions& options) {
  return split(dataset, options, duplicate_groups(dataset));
}

std::vector<Split> k_fold(const ImageDataset& dataset, int k, std::uint64_t seed,
                          std::span<const std::int64_t> groups) {
  require(k >= 2 && static_cast<std::size_t>(k) <= dataset.items.size(),
          "k_fold: {} folds of {} items; from 2 folds, one item in each", k, dataset.items.size());
  require(groups.empty() || groups.size() == dataset.items.size(), "k_fold: {} groups for {} items",
          groups.size(), dataset.items.size());
  std::vector<std::int64_t> all(dataset.items.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  std::vector<std::vector<std::int64_t>> tests(static_cast<std::size_t>(k));
  std::size_t next = 0;  // goes on from class to class, so that folds stay equally large
  for (const auto& [label, units] : make_units(dataset, all, seed, groups))
    for (const Unit& unit : units) move_items(unit, tests[next++ % tests.size()]);
  std::vector<Split> folds;
  for (std::vector<std::int64_t>& test : tests) {
    Split fold;
    std::sort(test.begin(), test.end());
    std::set_difference(all.begin(), all.end(), test.begin(), test.end(),
                        std::back_inserter(fold.train));
    fold.test = std::move(test);
    if (fold.test.empty() || fold.train.empty())
      too_small("test", "测试", dataset.items.size(), dataset.origin);
    folds.push_back(std::move(fold));
  }
  return folds;
}

std::vector<std::int64_t> class_counts(const ImageDataset& dataset,
                                       std::span<const std::int64_t> items) {
  std::vector<std::int64_t> counts(dataset.classes.size(), 0);
  for (const std::int64_t i : items)
    for (const int label : dataset.items.at(static_cast<std::size_t>(i)).labels)
      ++counts.at(static_cast<std::size_t>(label));
  return counts;
}

std::vector<float> inverse_frequency_weights(std::span<const std::int64_t> counts) {
  double total = 0, classes = 0;
  for (const std::int64_t n : counts) {
    total += static_cast<double>(n);
    classes += n > 0;
  }
  std::vector<float> weights;
  for (const std::int64_t n : counts)
    weights.push_back(n > 0 ? static_cast<float>(total / (classes * static_cast<double>(n)))
                            : 0.0f);
  return weights;
}

std::vector<float> effective_number_weights(std::span<const std::int64_t> counts, double beta) {
  require(beta >= 0 && beta < 1, "effective number: beta {} is outside [0, 1)", beta);
  std::vector<double> raw;
  double sum = 0, classes = 0;
  for (const std::int64_t n : counts) {
    raw.push_back(n > 0 ? (1 - beta) / (1 - std::pow(beta, static_cast<double>(n))) : 0);
    sum += raw.back();
    classes += n > 0;
  }
  std::vector<float> weights;
  for (const double w : raw)
    weights.push_back(sum > 0 ? static_cast<float>(w * classes / sum) : 0.0f);
  return weights;
}

}  // namespace athanor::data
