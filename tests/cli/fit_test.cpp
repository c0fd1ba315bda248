#include <chrono>
#include <random>
#include <thread>

#include <signal.h>

#include "support.hpp"

namespace athanor::test {

namespace fs = std::filesystem;

namespace {

/// Lines of the newest run's log.
std::size_t logged_steps(const Workplace& place) {
  std::size_t steps = 0;
  if (!fs::exists(place.home() / "runs")) return 0;
  for (const auto& run : fs::directory_iterator(place.home() / "runs")) {
    const std::string log = read_text(run.path() / "log.jsonl");
    for (std::size_t at = log.find("\"event\":\"step\""); at != std::string::npos;
         at = log.find("\"event\":\"step\"", at + 1))
      ++steps;
  }
  return steps;
}

}  // namespace

TEST(Fit, GivesAModelThatPredictsAndAReport) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 160);
  const Outcome fit = athanor(place, {"fit", data.string(), "--epochs", "3", "--out",
                                      (place / "m.zip").string(), "--json"});
  ASSERT_EQ(fit.status, 0) << fit.err;
  const auto result = fit.json();
  EXPECT_EQ(result["task"], "image.classify");
  EXPECT_EQ(result["classes"], (std::vector<std::string>{"dent", "good", "scratch", "stain"}));
  const auto& test = result["test"];
  EXPECT_EQ(test["count"], 32);
  EXPECT_LE(test["interval"][0], test["accuracy"]);
  EXPECT_GE(test["interval"][1], test["accuracy"]);
  EXPECT_TRUE(fs::exists(result["model"].get<std::string>()));
  EXPECT_TRUE(fs::exists(result["report"].get<std::string>()));

  const Outcome predicted =
      athanor(place, {"predict", (place / "m.zip").string(), (data / "good").string(), "--json"});
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  const auto list = predicted.json();
  ASSERT_EQ(list.size(), 40u);
  double sum = 0;
  for (const auto& r : list[0]["results"]) sum += r["score"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-4);

  const Outcome shown = athanor(place, {"model", "show", (place / "m.zip").string(), "--json"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(shown.json()["metrics"]["test"]["accuracy"], test["accuracy"]);

  const Outcome runs = athanor(place, {"run", "ls", "--json"});
  EXPECT_EQ(runs.json().size(), 1u);
}

TEST(Fit, WithTheSameSeedGivesTheSameModelWhateverTheLoaderDoes) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 120);
  for (const char* name : {"a.zip", "b.zip"}) {
    const Outcome fit = athanor(place, {"fit", data.string(), "--epochs", "2", "--seed", "7",
                                        "--out", (place / name).string(), "--json"});
    ASSERT_EQ(fit.status, 0) << fit.err;
  }
  EXPECT_TRUE(zip_member(place / "a.zip", "model.onnx") ==
              zip_member(place / "b.zip", "model.onnx"));
}

TEST(Fit, DeterministicModeGivesTheSameBitsWithOneTwoAndFourThreads) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 120);
  std::string first;
  for (const char* threads : {"1", "2", "4"}) {
    const fs::path out = place / (std::string("m") + threads + ".zip");
    const Outcome fit = athanor(place, {"fit", data.string(), "--epochs", "2", "--deterministic",
                                        "--threads", threads, "--out", out.string(), "--json"});
    ASSERT_EQ(fit.status, 0) << fit.err;
    const std::string onnx = zip_member(out, "model.onnx");
    if (first.empty()) first = onnx;
    EXPECT_TRUE(onnx == first) << threads << " threads";
  }
}

TEST(Fit, KilledAtTenRandomMomentsAndResumedEqualsTheUninterruptedRunBitForBit) {
  const std::vector<std::string> common{"--epochs", "6",     "--checkpoint-steps", "2", "--seed",
                                        "3",        "--json"};
  const Workplace whole, broken;
  const fs::path data = sample(whole, "parts", 320);
  std::vector<std::string> arguments{"fit", data.string(), "--out", (whole / "m.zip").string()};
  arguments.insert(arguments.end(), common.begin(), common.end());
  const Outcome uninterrupted = athanor(whole, arguments);
  ASSERT_EQ(uninterrupted.status, 0) << uninterrupted.err;

  arguments = {"fit", data.string(), "--out", (broken / "m.zip").string()};
  arguments.insert(arguments.end(), common.begin(), common.end());
  std::mt19937 random(20261123);
  int kills = 0;
  Outcome last;
  std::vector<std::string> next = arguments;
  while (true) {
    Process process(broken, next);
    // A kill at some step of what is left: sooner or later in a step, a save, the loading of a
    // resumed run.
    const std::size_t before = logged_steps(broken), target = before + random() % 4;
    while (process.running() &&
           (kills >= 10 || !fs::exists(broken.home() / "runs") || logged_steps(broken) <= target))
      std::this_thread::yield();
    if (!process.running()) {
      last = process.wait();
      break;
    }
    for (unsigned spin = random() % 2000; spin > 0; --spin) std::this_thread::yield();
    process.signal(SIGKILL);
    process.wait();
    ++kills;
    next = {"run", "resume", "last", "--json"};
  }
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_GE(kills, 10) << "the run ended before it could be killed ten times";
  EXPECT_EQ(last.json()["test"], uninterrupted.json()["test"]);
  EXPECT_TRUE(zip_member(whole / "m.zip", "model.onnx") ==
              zip_member(broken / "m.zip", "model.onnx"))
      << "the weights differ";
  const Outcome a =
      athanor(whole, {"predict", (whole / "m.zip").string(), (data / "dent").string(), "--json"});
  const Outcome b =
      athanor(broken, {"predict", (broken / "m.zip").string(), (data / "dent").string(), "--json"});
  EXPECT_EQ(a.out, b.out);
}

TEST(Fit, AReadoutHasTheSameBitsAgainAndAfterAKill) {
  const Workplace whole, again, broken;
  const fs::path data = sample(whole, "parts", 200, 64);
  const auto arguments = [&](const Workplace& place) {
    return std::vector<std::string>{
        "fit", data.string(), "--tune", "head", "--json", "--out", (place / "m.zip").string()};
  };
  for (const Workplace* place : {&whole, &again}) {
    const Outcome fit = athanor(*place, arguments(*place));
    ASSERT_EQ(fit.status, 0) << fit.err;
  }
  const std::string onnx = zip_member(whole / "m.zip", "model.onnx");
  EXPECT_TRUE(zip_member(again / "m.zip", "model.onnx") == onnx);

  Process process(broken, arguments(broken));
  while (process.running() && logged_steps(broken) < 2) std::this_thread::yield();
  process.signal(SIGKILL);
  process.wait();
  const Outcome resumed = athanor(broken, {"run", "resume", "last", "--json"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_TRUE(zip_member(broken / "m.zip", "model.onnx") == onnx);
}

TEST(Fit, CtrlCSavesAndResumeGoesOn) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 240);
  Process process(place, {"fit", data.string(), "--epochs", "40", "--out",
                          (place / "m.zip").string(), "--json"});
  while (process.running() && logged_steps(place) < 3) std::this_thread::yield();
  process.signal(SIGINT);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  const auto result = stopped.json();
  EXPECT_EQ(result["interrupted"], true);
  EXPECT_TRUE(fs::exists(result["model"].get<std::string>())) << "there is a model at every moment";
  EXPECT_FALSE(fs::exists(place / "m.zip"))
      << "an untested model does not take the place of the asked one";
  Process again(place, {"run", "resume", result["run"].get<std::string>(), "--json"});
  while (again.running() && logged_steps(place) < 12) std::this_thread::yield();
  again.signal(SIGINT);
  EXPECT_EQ(again.wait().status, 130);
}

TEST(Fit, HonoursATestSetOfItsOwn) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 80, 32, 1), test = sample(place, "other", 40, 32, 2);
  const Outcome fit = athanor(place, {"fit", data.string(), "--test", test.string(), "--epochs",
                                      "1", "--out", (place / "m.zip").string(), "--json"});
  ASSERT_EQ(fit.status, 0) << fit.err;
  EXPECT_EQ(fit.json()["test"]["count"], 40);
}

TEST(Fit, LearnsSeveralLabelsForAPicture) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 80);
  std::string csv = "file,labels\n";
  for (const char* name : {"good", "dent", "stain", "scratch"})
    for (const auto& file : fs::directory_iterator(data / name))
      csv += std::string(name) + "/" + file.path().filename().string() + "," +
             (std::string(name) == "good" ? "clean" : std::string("defect|") + name) + "\n";
  write_text(data / "labels.csv", csv);
  const Outcome fit = athanor(place, {"fit", (data / "labels.csv").string(), "--epochs", "2",
                                      "--out", (place / "m.zip").string(), "--json"});
  ASSERT_EQ(fit.status, 0) << fit.err;
  EXPECT_EQ(fit.json()["classes"].size(), 5u);
  const Outcome shown = athanor(place, {"model", "show", (place / "m.zip").string(), "--json"});
  EXPECT_EQ(shown.json()["multi_label"], true);
}

}  // namespace athanor::test
