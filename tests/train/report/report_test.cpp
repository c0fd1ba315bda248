#include "athanor/train/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "athanor/train/report/texts.hpp"
#include "samples.hpp"

namespace athanor::train {
namespace {

using nlohmann::json;
using report_test::sample;
using testing::HasSubstr;
using testing::Not;

/// `right` of `count` items of each class are right, the others are said to be the next class.
ReportInput exact(std::vector<std::pair<int, int>> right_of_count, float score = 0.8f) {
  ReportInput input;
  const int classes = static_cast<int>(right_of_count.size());
  for (int c = 0; c < classes; ++c) {
    input.test.classes.push_back(std::string("class ") + static_cast<char>('A' + c));
    input.train_per_class.push_back(200);
  }
  for (int c = 0; c < classes; ++c)
    for (int i = 0; i < right_of_count[static_cast<std::size_t>(c)].second; ++i) {
      const int said =
          i < right_of_count[static_cast<std::size_t>(c)].first ? c : (c + 1) % classes;
      Prediction p{fmt::format("{}/{}.jpg", c, i), {c}, {}};
      p.scores.assign(static_cast<std::size_t>(classes),
                      (1 - score) / static_cast<float>(classes - 1));
      p.scores[static_cast<std::size_t>(said)] = score;
      input.test.predictions.push_back(p);
    }
  input.train_count = 200 * classes;
  return input;
}

std::set<std::string> codes(const json& report) {
  std::set<std::string> out;
  for (const json& a : report["next_actions"]) out.insert(a["code"].get<std::string>());
  return out;
}

std::string english(const json& report, const std::string& code) {
  for (const json& a : report["next_actions"])
    if (a["code"] == code) return a["en"];
  return "";
}

// 390 of 400 right: Wilson's interval is 0.9545 to 0.9864.
TEST(Verdict, AGoodModelIsReadyAndSaysHowSure) {
  const json r = build_report(exact({{100, 100}, {99, 100}, {100, 100}, {91, 100}}));
  EXPECT_EQ(r["verdict"], "ready");
  EXPECT_EQ(r["sentence"]["en"],
            "Ready to try: 97.5 % of new pictures are right (95 % sure: 95.5 to 98.6 %); weakest "
            "class: “class D”, 91 %.");
  EXPECT_EQ(r["sentence"]["zh"],
            "可以试用：新图片的正确率为 97.5 %（95 % 置信区间：95.5 至 98.6 "
            "%）；最弱的类别：“class D”，91 %。");
}

TEST(Verdict, TwentyOfTwentyAreNoProof) {
  const json r = build_report(exact({{10, 10}, {10, 10}}));
  EXPECT_EQ(r["verdict"], "not-ready");
  EXPECT_THAT(r["sentence"]["en"].get<std::string>(), HasSubstr("20 test pictures are too few"));
  EXPECT_THAT(english(r, "small-test"), HasSubstr("test pictures give an interval 4 points wide"));
}

// n of n right: the low end is n / (n + 3.8415), which is 0.9 from 35 on.
TEST(Verdict, TheLowEndOfTheIntervalDecides) {
  EXPECT_NE(build_report(exact({{17, 17}, {17, 17}}))["verdict"], "ready");
  EXPECT_EQ(build_report(exact({{18, 18}, {17, 17}}))["verdict"], "ready");
}

TEST(Verdict, AWeakClassKeepsItFromBeingReady) {
  const json r = build_report(exact({{500, 500}, {15, 20}, {300, 300}}));
  EXPECT_NE(r["verdict"], "ready");
  EXPECT_GT(r["accuracy"]["interval"][0], 0.9);
  EXPECT_EQ(r["weakest"], 1);
  EXPECT_THAT(r["sentence"]["en"].get<std::string>(), HasSubstr("“class B”, 75 %"));
}

TEST(Verdict, OneMistakeAmongFewPicturesIsNoWeakness) {
  EXPECT_EQ(build_report(exact({{500, 500}, {3, 4}, {300, 300}}))["verdict"], "ready");
  EXPECT_NE(build_report(exact({{500, 500}, {1, 4}, {300, 300}}))["verdict"], "ready");
}

TEST(Verdict, AClassThatWasNeverTestedKeepsItFromBeingReady) {
  const json r = build_report(exact({{500, 500}, {0, 0}, {300, 300}}));
  EXPECT_NE(r["verdict"], "ready");
  EXPECT_THAT(english(r, "untested-class"), HasSubstr("“class B”"));
  EXPECT_TRUE(r["per_class"][1]["recall"].is_null());
  EXPECT_TRUE(r["per_class"][1]["average_precision"].is_null());
}

TEST(Verdict, AThresholdMakesAMiddlingModelUsable) {
  ReportInput input = exact({{80, 100}, {80, 100}});
  // What is wrong is unsure.
  for (Prediction& p : input.test.predictions)
    if (Evaluation::top(p) != p.truth[0])
      for (float& s : p.scores) s = s > 0.5f ? 0.6f : 0.4f;
  const json r = build_report(input);
  EXPECT_EQ(r["verdict"], "assist");
  // From 0.61 on 160 of 200 are answered, all right.
  EXPECT_EQ(r["threshold"]["assist"]["value"], 0.61);
  EXPECT_EQ(r["threshold"]["assist"]["precision"], 1);
  EXPECT_EQ(r["threshold"]["assist"]["answered"], 0.8);
  EXPECT_THAT(r["sentence"]["en"].get<std::string>(), HasSubstr("at least 61 % sure"));
  EXPECT_THAT(english(r, "use-threshold"), HasSubstr("0.61"));
}

TEST(Verdict, ABadModelIsNotReadyAndSaysWhatToCollect) {
  const json r = build_report(exact({{60, 100}, {50, 100}}));
  EXPECT_EQ(r["verdict"], "not-ready");
  EXPECT_EQ(r["sentence"]["en"],
            "Not ready: 55.0 % of new pictures are right (95 % sure: 48.1 to 61.7 %); weakest "
            "class: “class B”, "
            "50 %. Only 50 % of “class B” are recognised: collect more pictures of this class.");
}

TEST(Verdict, ScoresThatAreNoNumbersAreNeverReady) {
  ReportInput input = exact({{100, 100}, {100, 100}});
  input.test.predictions[0].scores.assign(2, std::numeric_limits<float>::quiet_NaN());
  const json r = build_report(input);
  EXPECT_EQ(r["verdict"], "not-ready");
  EXPECT_EQ(r["unusable_scores"], 1);
  EXPECT_EQ(r["next_actions"][0]["code"], "unusable-scores");
  EXPECT_NO_THROW((void)r.dump());
  EXPECT_THAT(r.dump(), Not(HasSubstr("NaN")));
}

TEST(Verdict, WithoutTestPicturesNothingIsClaimed) {
  for (std::vector<std::string> classes : {std::vector<std::string>{}, {"a"}, {"a", "b"}}) {
    ReportInput input;
    input.test.classes = classes;
    const json r = build_report(input);
    EXPECT_EQ(r["verdict"], "unknown");
    EXPECT_EQ(r["threshold"]["value"], 0.5);
    EXPECT_EQ(r["next_actions"][0]["code"], "no-test");
    for (const Language language : {Language::en, Language::zh})
      EXPECT_THAT(render_report(r, language, {}), HasSubstr("</html>"));
  }
}

TEST(Verdict, OfLabelsRestsOnPrecisionAndRecall) {
  ReportInput input;
  input.test.classes = {"a", "b"};
  input.test.multi_label = true;
  for (int i = 0; i < 100; ++i)
    input.test.predictions.push_back({fmt::format("{}", i), {0}, {0.9f, 0.1f}});
  for (int i = 0; i < 100; ++i)
    input.test.predictions.push_back({fmt::format("b{}", i), {0, 1}, {0.9f, 0.9f}});
  for (int i = 0; i < 100; ++i)
    input.test.predictions.push_back({fmt::format("n{}", i), {}, {0.1f, 0.1f}});
  json r = build_report(input);
  EXPECT_EQ(r["verdict"], "ready");
  EXPECT_EQ(r["mistakes"].size(), 0u);
  for (int i = 0; i < 60; ++i)
    input.test.predictions[static_cast<std::size_t>(100 + i)].scores[1] = 0.2f;
  r = build_report(input);
  EXPECT_EQ(r["verdict"], "not-ready");
  EXPECT_EQ(r["confusion"][1]["missed"].size(), 60u);
  EXPECT_EQ(r["confusion"][1]["found"].size(), 40u);
  EXPECT_EQ(r["mistakes"][0]["missed"], true);
  EXPECT_NEAR(r["mistakes"][0]["confidence"].get<double>(), 0.8, 1e-6);
  EXPECT_THAT(r["sentence"]["en"].get<std::string>(), HasSubstr("finds 80.0 % of the true ones"));
}

TEST(Report, OneClassDoesNotBreakIt) {
  ReportInput input = exact({{50, 50}});
  for (Prediction& p : input.test.predictions) p.scores = {1};
  const json r = build_report(input);
  EXPECT_EQ(r["accuracy"]["value"], 1);
  EXPECT_THAT(render_report(r, Language::en, {}), HasSubstr("</html>"));
}

TEST(Report, ConfusionCellsHoldTheirItems) {
  const json r = build_report(exact({{2, 3}, {1, 1}}));
  json expected = json::array({{{"truth", 0}, {"said", 0}, {"items", {0, 1}}},
                               {{"truth", 0}, {"said", 1}, {"items", {2}}},
                               {{"truth", 1}, {"said", 1}, {"items", {3}}}});
  EXPECT_EQ(r["confusion"], expected);
  EXPECT_EQ(r["items"][2]["name"], "0/2.jpg");
  EXPECT_EQ(r["items"][2]["truth"], json::array({0}));
  EXPECT_EQ(r["items"][2]["said"], json::array({1}));
  EXPECT_EQ(r["confused_pairs"][0], (json{{"a", 0}, {"b", 1}, {"a_said_b", 1}, {"b_said_a", 0}}));
}

TEST(Report, MistakesComeSurestFirst) {
  ReportInput input = exact({{97, 100}, {100, 100}});
  input.test.predictions[97].scores = {0.4f, 0.6f};
  input.test.predictions[98].scores = {0.02f, 0.98f};
  input.test.predictions[99].scores = {0.3f, 0.7f};
  const json r = build_report(input);
  ASSERT_EQ(r["mistakes"].size(), 3u);
  EXPECT_EQ(r["mistakes"][0]["item"], 98);
  EXPECT_EQ(r["mistakes"][1]["item"], 99);
  EXPECT_EQ(r["mistakes"][2]["item"], 97);
  EXPECT_EQ(r["mistakes"][0]["suspicious"], true);
  EXPECT_EQ(r["mistakes"][1]["suspicious"], false);
}

TEST(Report, TheThresholdComesFromTheValidationItemsWhenThereAreAny) {
  ReportInput input = exact({{10, 10}, {10, 10}}, 0.875f);
  EXPECT_EQ(build_report(input)["threshold"]["chosen_on"], "test");
  // All right up to the last step below the score: 0 to 0.87.
  EXPECT_EQ(build_report(input)["threshold"]["value"], 0.435);
  input.validation = exact({{10, 10}, {10, 10}}, 0.75f).test;
  const json r = build_report(input);
  EXPECT_EQ(r["threshold"]["chosen_on"], "validation");
  EXPECT_EQ(r["threshold"]["value"], 0.375);
  EXPECT_EQ(r["threshold"]["curve"]["said"][80], 20) << "the curve is that of the test items";
}

TEST(Actions, NameTheConfusedPairWithItsCounts) {
  const json r = build_report(exact({{85, 100}, {99, 100}, {100, 100}}));
  EXPECT_THAT(english(r, "confused-pair"),
              HasSubstr("between “class A” and “class B”: 15 of 16 mistakes are between these two "
                        "(15 × “class A” taken "
                        "for “class B”, 0 × the other way)"));
}

TEST(Actions, OfTwoClassesNameTheDirection) {
  const json r = build_report(exact({{85, 100}, {99, 100}}));
  EXPECT_THAT(english(r, "one-direction"),
              HasSubstr("15 of 16 mistakes are “class A” taken for “class B”"));
}

TEST(Actions, AskForPicturesOfASmallClassAndSayHowMany) {
  ReportInput input = exact({{100, 100}, {4, 10}, {100, 100}});
  input.train_per_class = {400, 12, 400};
  const json r = build_report(input);
  EXPECT_THAT(english(r, "few-pictures"),
              HasSubstr("“class B”: it has only 12 to learn from. Aim for 50, that is 38 more"));
  EXPECT_TRUE(codes(r).contains("imbalance"));
}

TEST(Actions, SureMistakesAreSuspiciousOnlyWhenSureAnswersAreUsuallyRight) {
  ReportInput good = exact({{98, 100}, {100, 100}}, 0.97f);
  EXPECT_TRUE(codes(build_report(good)).contains("suspicious-labels"));
  EXPECT_THAT(english(build_report(good), "suspicious-labels"), HasSubstr("2 pictures"));
  ReportInput boastful = exact({{60, 100}, {70, 100}}, 0.97f);
  EXPECT_FALSE(codes(build_report(boastful)).contains("suspicious-labels"));
  EXPECT_TRUE(codes(build_report(boastful)).contains("calibration"));
}

TEST(Actions, MoreTimeIsAdvisedWhenTimeRanOut) {
  ReportInput input = exact({{70, 100}, {70, 100}});
  input.training = {{"ending", "out-of-time"}, {"budget", 300.0}, {"seconds", 300.0}};
  EXPECT_THAT(english(build_report(input), "more-time"), HasSubstr("--budget 10m"));
  input.training = {{"ending", "stopped-early"}, {"budget", 300.0}, {"seconds", 100.0}};
  EXPECT_FALSE(codes(build_report(input)).contains("more-time"));
}

TEST(Actions, LeakageComesFirst) {
  ReportInput input = exact({{100, 100}, {80, 100}});
  input.data_problems = json::array(
      {{{"code", "leakage"},
        {"severity", "warning"},
        {"count", 3},
        {"what", {{"en", "3 pictures are in train and in test"}, {"zh", "3 张图片重复"}}},
        {"fix", {{"en", "remove them from train"}, {"zh", "请删除"}}}}});
  const json r = build_report(input);
  EXPECT_EQ(r["next_actions"][0]["code"], "data-problem");
  EXPECT_EQ(r["next_actions"][0]["en"],
            "Data: 3 pictures are in train and in test. Remove them from train.");
}

TEST(Actions, AreAtMostSixOrderedByBenefitInBothLanguages) {
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    ReportInput input =
        sample({.count = 80, .right = 0.5 + 0.04 * static_cast<double>(seed), .seed = seed},
               report_test::many_names());
    input.training["ending"] = "out-of-time";
    const json r = build_report(input);
    const json& actions = r["next_actions"];
    ASSERT_GE(actions.size(), 1u);
    ASSERT_LE(actions.size(), 6u);
    for (std::size_t i = 0; i < actions.size(); ++i) {
      EXPECT_FALSE(actions[i]["en"].get<std::string>().empty());
      EXPECT_FALSE(actions[i]["zh"].get<std::string>().empty());
      EXPECT_THAT(actions[i]["en"].get<std::string>(), Not(HasSubstr("{")));
      EXPECT_THAT(actions[i]["zh"].get<std::string>(), Not(HasSubstr("{")));
      EXPECT_GE(actions[i == 0 ? 0 : i - 1]["benefit"], actions[i]["benefit"]);
      for (const json& item : actions[i]["items"]) EXPECT_LT(item, r["items"].size());
    }
  }
}

TEST(Actions, MalformedDataProblemsDoNoHarm) {
  ReportInput input = exact({{100, 100}, {80, 100}});
  for (json problems : {json(3), json("x"), json::array({1, nullptr, "x", json::object()}),
                        json::array({{{"code", 1}, {"what", "text"}, {"fix", 7}}})}) {
    input.data_problems = problems;
    const json r = build_report(input);
    EXPECT_THAT(render_report(r, Language::en, {}), HasSubstr("</html>"));
  }
}

TEST(Texts, AreThereInBothLanguagesWithTheSamePlaces) {
  std::set<std::string_view> keys;
  const auto places = [](std::string_view s) {
    std::multiset<std::string> found;
    for (std::size_t i = 0; (i = s.find('{', i)) != s.npos; ++i)
      found.insert(std::string(s.substr(i, s.find('}', i) - i)));
    return found;
  };
  for (const report::Entry& e : report::catalogue()) {
    EXPECT_TRUE(keys.insert(e.key).second) << e.key << " is there twice";
    EXPECT_FALSE(e.en.empty()) << e.key;
    EXPECT_FALSE(e.zh.empty()) << e.key;
    EXPECT_EQ(places(e.en), places(e.zh)) << e.key;
    for (char c : e.en)
      EXPECT_FALSE(static_cast<unsigned char>(c) >= 0xE3 && static_cast<unsigned char>(c) <= 0xE9)
          << e.key;
  }
  EXPECT_THROW((void)report::text("no such text"), InternalError);
}

TEST(Texts, SharesNeverRoundToAllOrNothing) {
  EXPECT_EQ(report::percent(0.975), "97.5 %");
  EXPECT_EQ(report::percent(1), "100.0 %");
  EXPECT_EQ(report::percent(0.99999), "99.9 %");
  EXPECT_EQ(report::percent(0.998, 0), "99 %");
  EXPECT_EQ(report::percent(0.00001), "0.1 %");
  EXPECT_EQ(report::percent(0), "0.0 %");
  EXPECT_EQ(report::number(1234567), "1,234,567");
  EXPECT_EQ(report::number(-1234), "-1,234");
  EXPECT_EQ(report::number(999), "999");
}

TEST(Texts, NamesInSentencesCannotCommandATerminal) {
  EXPECT_EQ(report::plain_name("a\x1b[31mb"), "a\xEF\xBF\xBD[31mb");
  EXPECT_EQ(report::plain_name("a\xFF\xC0\xAF"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(report::plain_name("\xE2\x80\xAEgpj"), "\xEF\xBF\xBDgpj");  // right-to-left override
  EXPECT_EQ(report::plain_name("划痕🔥"), "划痕🔥");
  EXPECT_EQ(report::plain_name(std::string(100, 'x'), 5), "xxxxx…");
}

}  // namespace
}  // namespace athanor::train
