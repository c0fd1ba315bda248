#include "athanor/data/check.hpp"

#include <numeric>
#include <set>

#include "athanor/data/split.hpp"
#include "support.hpp"

namespace athanor::data {
namespace {

using test::codes;
using test::find_problem;
using test::Folder;
namespace fs = std::filesystem;
using test::refusal_of;

// Stands for a decoder: pictures whose bytes hold BROKEN cannot be decoded.
std::optional<std::string> probe(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find("BROKEN") != text.npos) return "the data end too early";
  return std::nullopt;
}

DataReport report_of(const Folder& folder, const CheckOptions& options = {}) {
  return check(open_dataset(folder.path()), probe, options);
}

Severity severity(const DataReport& report, const char* code) {
  const Problem* problem = find_problem(report.problems, code);
  EXPECT_TRUE(problem) << code << " not among: " << codes(report.problems);
  if (!problem) return Severity::warning;
  for (const Text& text : {problem->what, problem->fix}) {
    EXPECT_FALSE(text.en.empty());
    EXPECT_FALSE(text.zh.empty());
  }
  return problem->severity;
}

void many(const Folder& folder, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) folder.picture(fmt::format("{}/{}.png", prefix, i));
}

TEST(Check, AGoodSetHasNoProblemAndIsCounted) {
  const Folder folder;
  many(folder, "train/a", 30);
  many(folder, "train/b", 25);
  many(folder, "test/a", 5);
  many(folder, "test/b", 6);
  const DataReport report = report_of(folder);
  EXPECT_TRUE(report.problems.empty()) << codes(report.problems);
  EXPECT_TRUE(report.usable());
  EXPECT_EQ(report.pictures, 66);
  EXPECT_EQ(report.classes[0].train, 30);
  EXPECT_EQ(report.classes[1].test, 6);
  EXPECT_EQ(report.train, 55);
  EXPECT_EQ(report.smallest_bytes, 8u + std::string("test/a/0.png").size());
}

TEST(Check, OneClassIsRefused) {
  const Folder folder;
  many(folder, "only", 30);
  const DataReport report = report_of(folder);
  EXPECT_EQ(severity(report, "one-class-only"), Severity::error);
  EXPECT_FALSE(report.usable());
  EXPECT_EQ(refusal_of([&] { throw RefusalError(report.refusal()); }), "one-class-only");
}

TEST(Check, OnePicturePerClassIsRefused) {
  const Folder folder;
  many(folder, "a", 1);
  many(folder, "b", 1);
  EXPECT_EQ(severity(report_of(folder), "one-picture-per-class"), Severity::error);
  many(folder, "b", 30);
  EXPECT_EQ(severity(report_of(folder), "single-picture-class"), Severity::warning);
}

TEST(Check, EachKindOfBadPictureIsNamed) {
  const Folder folder;
  many(folder, "a", 30);
  many(folder, "b", 30);
  folder.write("a/text.jpg", "I am a text, not a picture.");
  folder.write("a/zero.jpg", "");
  folder.write("b/cut.png", "\x89PNG\r\n\x1A\nBROKEN");
  folder.write("b/anim.gif", "GIF89a....");
  const DataReport report = report_of(folder);
  EXPECT_EQ(severity(report, "not-a-picture"), Severity::warning);
  EXPECT_EQ(severity(report, "zero-bytes"), Severity::warning);
  EXPECT_EQ(severity(report, "corrupt-picture"), Severity::warning);
  EXPECT_EQ(find_problem(report.problems, "not-a-picture")->items,
            (std::vector<std::string>{"a/text.jpg", "b/anim.gif"}));
  EXPECT_NE(find_problem(report.problems, "corrupt-picture")->what.en.find("end too early"),
            std::string::npos);
  EXPECT_EQ(report.bad_items.size(), 4u);
  EXPECT_EQ(report.classes[0].total, 30);
  const ImageDataset dataset = open_dataset(folder.path());
  const ImageDataset good = without(dataset, report.bad_items);
  EXPECT_EQ(good.items.size(), 60u);
  for (const Item& item : good.items) EXPECT_NE(item.name, "a/text.jpg");
}

TEST(Check, ManyBadPicturesAreAnError) {
  const Folder folder;
  many(folder, "a", 4);
  many(folder, "b", 4);
  folder.write("a/text.jpg", "I am a text.");
  EXPECT_EQ(severity(report_of(folder), "not-a-picture"), Severity::error);
  CheckOptions options;
  options.bad_fraction = 0.2;
  EXPECT_EQ(severity(report_of(folder, options), "not-a-picture"), Severity::warning);
}

TEST(Check, AllErrorsAreInOneRefusal) {
  const Folder folder;
  many(folder, "only", 2);
  folder.write("only/text.jpg", "I am a text.");
  const Refusal refusal = report_of(folder).refusal();
  EXPECT_NE(refusal.what.en.find("no pictures"), std::string::npos) << refusal.what.en;
  EXPECT_NE(refusal.what.en.find("one class only"), std::string::npos) << refusal.what.en;
  EXPECT_NE(refusal.why.en.find("2 problem"), std::string::npos);
}

TEST(Check, CopiesContradictionsAndLeakageAreFound) {
  const Folder folder;
  many(folder, "train/a", 25);
  many(folder, "train/b", 25);
  many(folder, "test/a", 5);
  many(folder, "test/b", 5);
  folder.picture("train/a/copy1.png", "same");
  folder.picture("train/a/copy2.png", "same");
  folder.picture("train/b/other.png", "twice");
  folder.picture("train/a/other.png", "twice");
  folder.picture("train/b/leak.png", "leak");
  folder.picture("test/b/leak.png", "leak");
  const DataReport report = report_of(folder);
  EXPECT_EQ(severity(report, "duplicates"), Severity::warning);
  EXPECT_EQ(find_problem(report.problems, "duplicates")->count, 3);
  EXPECT_EQ(find_problem(report.problems, "same-picture-two-labels")->items,
            (std::vector<std::string>{"train/a/other.png = train/b/other.png"}));
  EXPECT_EQ(find_problem(report.problems, "leakage")->items,
            (std::vector<std::string>{"test/b/leak.png = train/b/leak.png"}));
  EXPECT_TRUE(report.usable());
}

TEST(Check, ImbalanceFewPicturesAndUnseenClassesAreTold) {
  const Folder folder;
  many(folder, "train/a", 100);
  many(folder, "train/b", 10);
  many(folder, "test/c", 30);
  const DataReport report = report_of(folder);
  EXPECT_EQ(severity(report, "imbalance"), Severity::warning);
  EXPECT_EQ(severity(report, "few-pictures"), Severity::warning);
  EXPECT_EQ(severity(report, "class-not-in-train"), Severity::error);
}

TEST(Check, UnreadableFilesAreTold) {
  const Folder folder;
  many(folder, "a", 30);
  many(folder, "b", 30);
  const ImageDataset dataset = open_dataset(folder.path());
  fs::remove(folder / "a/3.png");
  const DataReport report = check(dataset, probe);
  EXPECT_EQ(severity(report, "unreadable"), Severity::warning);
  EXPECT_EQ(find_problem(report.problems, "unreadable")->items,
            (std::vector<std::string>{"a/3.png"}));
}

TEST(Check, AnEmptySetIsRefused) {
  EXPECT_EQ(severity(check(ImageDataset{}, probe), "no-pictures"), Severity::error);
}

// Items without files: for the splits names and labels are enough.
ImageDataset made(const std::vector<int>& counts) {
  ImageDataset dataset;
  dataset.origin = "made";
  for (std::size_t c = 0; c < counts.size(); ++c) {
    dataset.classes.push_back(std::to_string(c));
    for (int i = 0; i < counts[c]; ++i) {
      Item item;
      item.name = fmt::format("{}/{}", c, i);
      item.labels = {static_cast<int>(c)};
      dataset.items.push_back(item);
    }
  }
  return dataset;
}

std::set<std::string> names(const ImageDataset& dataset, const std::vector<std::int64_t>& items) {
  std::set<std::string> result;
  for (const std::int64_t i : items) result.insert(dataset.items[static_cast<std::size_t>(i)].name);
  return result;
}

void expect_partition(const ImageDataset& dataset, const Split& parts) {
  std::vector<std::int64_t> all;
  for (const auto* part : {&parts.train, &parts.val, &parts.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected(dataset.items.size());
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(Split, StratifiedKeepsTheSharesOfEachClass) {
  const ImageDataset dataset = made({100, 50, 10, 2, 1});
  SplitOptions options;
  options.val_fraction = 0.1;
  const Split parts = split(dataset, options, {});
  expect_partition(dataset, parts);
  EXPECT_EQ(class_counts(dataset, parts.test), (std::vector<std::int64_t>{20, 10, 2, 1, 0}));
  EXPECT_EQ(class_counts(dataset, parts.val), (std::vector<std::int64_t>{10, 5, 1, 0, 0}));
  EXPECT_EQ(class_counts(dataset, parts.train), (std::vector<std::int64_t>{70, 35, 7, 1, 1}));
}

TEST(Split, StratifiedDependsOnNamesAndSeedAlone) {
  const ImageDataset dataset = made({40, 30});
  ImageDataset reversed = dataset;
  std::reverse(reversed.items.begin(), reversed.items.end());
  const Split a = split(dataset, {}, {}), b = split(reversed, {}, {});
  EXPECT_EQ(names(dataset, a.test), names(reversed, b.test));
  SplitOptions other;
  other.seed = 1;
  EXPECT_NE(names(dataset, a.test), names(dataset, split(dataset, other, {}).test));
}

TEST(Split, OrderAndEveryTakeByPosition) {
  const ImageDataset dataset = made({6, 4});
  SplitOptions options;
  parse_split("order", options);
  options.val_fraction = 0.1;
  EXPECT_EQ(split(dataset, options, {}).test, (std::vector<std::int64_t>{8, 9}));
  EXPECT_EQ(split(dataset, options, {}).val, (std::vector<std::int64_t>{7}));
  parse_split("every:4", options);
  const Split parts = split(dataset, options, {});
  EXPECT_EQ(parts.test, (std::vector<std::int64_t>{3, 7}));
  expect_partition(dataset, parts);
  for (const char* bad : {"every:1", "every:", "every:x", "random", ""})
    EXPECT_THROW(parse_split(bad, options), ValueError) << bad;
}

TEST(Split, GivenPartsAreKept) {
  ImageDataset dataset = made({10, 10});
  dataset.items[0].part = Part::test;
  dataset.items[1].part = Part::val;
  dataset.items[2].part = Part::train;
  for (const char* method : {"stratified", "order", "every:2", "given"}) {
    SplitOptions options;
    options.val_fraction = 0.2;
    parse_split(method, options);
    const Split parts = split(dataset, options, {});
    EXPECT_EQ(parts.test, (std::vector<std::int64_t>{0}));
    EXPECT_EQ(parts.val, (std::vector<std::int64_t>{1}));
    EXPECT_EQ(parts.train.size(), 18u);
  }
  SplitOptions given;
  given.method = SplitMethod::given;
  EXPECT_EQ(refusal_of([&] { split(made({5, 5}), given, {}); }), "no-test-part");
}

TEST(Split, CopiesNeverStandInTwoParts) {
  const ImageDataset dataset = made({40, 40});
  std::vector<std::int64_t> groups(80);
  for (std::int64_t i = 0; i < 80; ++i) groups[static_cast<std::size_t>(i)] = i - i % 4;
  for (const char* method : {"stratified", "order", "every:5"}) {
    SplitOptions options;
    options.val_fraction = 0.2;
    options.test_fraction = 0.23;
    parse_split(method, options);
    const Split parts = split(dataset, options, groups);
    expect_partition(dataset, parts);
    std::map<std::int64_t, std::set<int>> where;
    int which = 0;
    for (const auto* part : {&parts.train, &parts.val, &parts.test}) {
      for (const std::int64_t i : *part) where[groups[static_cast<std::size_t>(i)]].insert(which);
      ++which;
    }
    for (const auto& [group, in] : where) EXPECT_EQ(in.size(), 1u) << method << " " << group;
  }
}

TEST(Split, TooFewPicturesAreRefused) {
  EXPECT_EQ(refusal_of([] { split(made({1, 1}), {}, {}); }), "split-too-small");
  SplitOptions options;
  options.test_fraction = 1.5;
  EXPECT_THROW(split(made({5, 5}), options, {}), ValueError);
}

TEST(Split, MultiLabelItemsAreDividedByTheirRarestLabel) {
  ImageDataset dataset = made({50, 0});
  for (int i = 0; i < 10; ++i) dataset.items[static_cast<std::size_t>(i)].labels = {0, 1};
  dataset.multi_label = true;
  const Split parts = split(dataset, {}, {});
  EXPECT_EQ(class_counts(dataset, parts.test), (std::vector<std::int64_t>{10, 2}));
}

TEST(KFold, EveryItemIsTestedOnce) {
  const ImageDataset dataset = made({23, 12, 5});
  const std::vector<Split> folds = k_fold(dataset, 5, 3, {});
  ASSERT_EQ(folds.size(), 5u);
  std::vector<int> tested(40, 0);
  for (const Split& fold : folds) {
    EXPECT_EQ(fold.test.size(), 8u);
    expect_partition(dataset, fold);
    EXPECT_EQ(class_counts(dataset, fold.test)[2], 1);
    for (const std::int64_t i : fold.test) ++tested[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(tested, std::vector<int>(40, 1));
  EXPECT_THROW(k_fold(dataset, 1, 0, {}), ValueError);
  EXPECT_THROW(k_fold(dataset, 41, 0, {}), ValueError);
}

TEST(ClassWeights, FollowTheirFormulas) {
  const std::vector<std::int64_t> counts = {90, 10, 0};
  const std::vector<float> inverse = inverse_frequency_weights(counts);
  EXPECT_FLOAT_EQ(inverse[0], 100.0f / 180);
  EXPECT_FLOAT_EQ(inverse[1], 5.0f);
  EXPECT_EQ(inverse[2], 0.0f);
  // Cui et al. 2019: E_n = (1 - beta^n) / (1 - beta); with beta = 0.5: E_1 = 1, E_2 = 1.5.
  const std::vector<float> effective =
      effective_number_weights(std::vector<std::int64_t>{1, 2}, 0.5);
  EXPECT_FLOAT_EQ(effective[0] / effective[1], 1.5f);
  EXPECT_FLOAT_EQ(effective[0] + effective[1], 2.0f);
  EXPECT_THROW(effective_number_weights(counts, 1.0), ValueError);
}

}  // namespace
}  // namespace athanor::data
