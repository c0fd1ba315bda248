#include <unistd.h>

#include <chrono>
#include <ctime>

#include "athanor/data/check.hpp"
#include "athanor/data/split.hpp"
#include "athanor/serve/package/classifier.hpp"
#include "athanor/train/image_classify.hpp"
#include "athanor/train/report/report.hpp"
#include "athanor/vision/image/codec.hpp"
#include "platform/cli/commands.hpp"
#include "platform/cli/datasets.hpp"
#include "platform/cli/interrupt.hpp"
#include "platform/cli/version.hpp"
#include "platform/runs/run_store.hpp"

namespace athanor::platform::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Where the package will be written; refused before training when that cannot work.
fs::path check_output(const FitOptions& options) {
  fs::path out = options.out;
  if (out.empty()) {
    fs::path name = fs::absolute(options.data).lexically_normal();
    if (!name.has_filename()) name = name.parent_path();
    std::string stem = name.filename().string();
    stem = stem.substr(0, stem.find('.', 1));
    out = serve::model_name(stem) + ".zip";
  }
  const fs::path folder = fs::absolute(out).parent_path();
  if (!fs::is_directory(folder) || ::access(folder.c_str(), W_OK) != 0)
    throw RefusalError(
        {"output-not-writable",
         Exit::file,
         {"The model could not be saved there", "无法把模型保存到该位置"},
         folder.string(),
         {fs::is_directory(folder) ? "the folder may not be written" : "the folder does not exist",
          fs::is_directory(folder) ? "该目录不可写" : "该目录不存在"},
         {"choose another place: --out FOLDER/model.zip", "换一个位置：--out 目录/model.zip"}});
  if (fs::is_directory(out))
    throw RefusalError({"output-is-folder",
                        Exit::file,
                        {"The output is a folder", "输出路径是一个目录"},
                        out.string(),
                        {"a model package is one .zip file", "模型包是一个 .zip 文件"},
                        {"name the file: --out " + (out / "model.zip").string(),
                         "写上文件名：--out " + (out / "model.zip").string()}});
  return out;
}

json split_json(const data::Split& split) {
  return {{"train", split.train.size()}, {"val", split.val.size()}, {"test", split.test.size()}};
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

const char* name_of(train::Ending ending) {
  constexpr const char* names[] = {"finished", "out-of-time", "stopped-early", "interrupted"};
  return names[static_cast<int>(ending)];
}

bool from_scratch(const FitOptions& o) { return o.weights == "none"; }

/// What a run needs besides its folder: the same whether it begins or goes on.
struct Prepared {
  LoadedData loaded;
  data::Split split;
  train::ClassifyRecipe recipe;
};

json request_json(const FitOptions& o) {
  return {{"data", fs::absolute(o.data).string()},
          {"test", o.test.empty() ? "" : fs::absolute(o.test).string()},
          {"budget", o.budget},
          {"preset", o.preset},
          {"weights", o.weights.empty() || from_scratch(o) ? o.weights.string()
                                                           : fs::absolute(o.weights).string()},
          {"tune", o.tune},
          {"model", o.model},
          {"split", o.split},
          {"test_fraction", o.test_fraction},
          {"label_column", o.label_column},
          {"epochs", o.epochs},
          {"checkpoint_steps", o.checkpoint_steps},
          {"seed", o.seed},
          {"out", fs::absolute(o.out).string()}};
}

FitOptions request_from(const json& j) {
  FitOptions o;
  o.data = j.at("data").get<std::string>();
  o.test = j.at("test").get<std::string>();
  o.budget = j.at("budget").get<std::string>();
  o.preset = j.at("preset").get<std::string>();
  o.weights = j.at("weights").get<std::string>();
  o.tune = j.at("tune").get<std::string>();
  o.model = j.at("model").get<std::string>();
  o.split = j.at("split").get<std::string>();
  o.test_fraction = j.at("test_fraction").get<double>();
  o.label_column = j.at("label_column").get<std::string>();
  o.epochs = j.at("epochs").get<std::int64_t>();
  o.checkpoint_steps = j.at("checkpoint_steps").get<std::int64_t>();
  o.seed = j.at("seed").get<std::uint64_t>();
  o.out = j.at("out").get<std::string>();
  return o;
}

data::Split make_split(const LoadedData& loaded, const FitOptions& options) {
  data::SplitOptions split;
  data::parse_split(options.split, split);
  split.test_fraction = options.test_fraction;
  split.seed = options.seed;
  // Enough data to spare some for validation; below that every picture is needed for learning.
  if (loaded.dataset.items.size() >= 5000 && loaded.report.val == 0) split.val_fraction = 0.04;
  return data::split(loaded.dataset, split, loaded.report.groups);
}

/// Training, package, test and report; the part that resume shares.
int execute(const Console& console, const FitOptions& options, Prepared& prepared, const Run& run,
            json record, bool resume, Clock::time_point started, const InterruptScope& interrupt) {
  const bool zh = console.language == Language::zh;
  const data::ImageDataset& dataset = prepared.loaded.dataset;
  const train::ClassifyRecipe& recipe = prepared.recipe;

  train::ClassifyOptions how;
  how.checkpoints = run.checkpoints();
  how.checkpoint_steps = options.checkpoint_steps;
  how.resume = resume;
  how.stop = interrupt.flag();
  how.listeners.push_back(train::make_jsonl_log(run.log()));
  if (!console.json && !console.quiet)
    how.listeners.push_back(train::make_progress_bar(console.language));
  record["state"] = "training";
  run.write(record);
  train::TrainedClassifier trained = train::train_classifier(dataset, prepared.split, recipe, how);
  const double training_seconds = trained.result.seconds;
  if (!trained.weights_report.empty()) console.say("  " + trained.weights_report);

  serve::Package package;
  serve::Manifest& m = package.manifest;
  m.name = serve::model_name(options.out.stem().string());
  m.labels = dataset.classes;
  m.multi_label = dataset.multi_label;
  m.preprocess = recipe.preprocess;
  m.provenance = {{"athanor", kVersion},
                  {"created", now_text()},
                  {"run", run.id()},
                  {"seed", recipe.seed},
                  {"data", dataset.origin},
                  {"items", split_json(prepared.split)},
                  {"recipe", recipe},
                  {"steps", trained.result.steps},
                  {"epochs", trained.result.epochs},
                  {"seconds", training_seconds},
                  {"ending", name_of(trained.result.ending)}};
  package.onnx = train::export_classifier(*trained.model, recipe,
                                          fmt::format("athanor {}: {}", kVersion, dataset.origin));

  if (trained.result.ending == train::Ending::interrupted) {
    // The averaged weights as they are: an untested model now, and a run that can go on.
    serve::write_package(run.package(), package);
    record["state"] = "interrupted";
    record["seconds"] = training_seconds;
    run.write(record);
    const std::string command = "athanor run resume " + run.id();
    console.say(zh ? "已停止，进度已保存。" : "Stopped; the progress is saved.");
    console.say(fmt::format("{} {}", zh ? "继续训练：" : "Go on with:", command));
    console.result({{"task", m.task},
                    {"interrupted", true},
                    {"run", run.id()},
                    {"resume", command},
                    {"model", run.package().string()}});
    return static_cast<int>(Exit::interrupted);
  }

  console.say(zh ? "在留出的测试图片上检验……" : "Checking on held-out pictures ...");
  // What is tested is what is deployed: the exported file, read back.
  const serve::Classifier classifier(package);
  const auto score = [&](const Tensor& pixels) { return classifier.scores(pixels); };
  train::ReportInput input;
  input.title = m.name;
  input.test = train::evaluate_classifier(dataset, prepared.split.test, recipe.preprocess, score);
  input.validation =
      train::evaluate_classifier(dataset, prepared.split.val, recipe.preprocess, score);
  input.train_count = static_cast<std::int64_t>(prepared.split.train.size());
  input.train_per_class = data::class_counts(dataset, prepared.split.train);
  input.training = {{"model", recipe.model},
                    {"tune", train::name_of(recipe.tune)},
                    {"epochs", trained.result.epochs},
                    {"steps", trained.result.steps},
                    {"seconds", training_seconds},
                    {"width", recipe.preprocess.width},
                    {"height", recipe.preprocess.height},
                    {"channels", recipe.preprocess.channels},
                    {"batch_size", recipe.batch_size},
                    {"seed", recipe.seed},
                    {"reasons", recipe.reasons},
                    {"ending", name_of(trained.result.ending)},
                    {"budget", recipe.budget}};
  // A readout is fitted at once: it has neither steps nor batches.
  if (recipe.tune == train::Tune::head)
    for (const char* name : {"epochs", "steps", "batch_size"}) input.training.erase(name);
  input.data_problems = problems_json(prepared.loaded.report);
  const json report = train::build_report(input);
  const train::Accuracy accuracy = train::accuracy(input.test);
  m.threshold = report.value("threshold", json::object()).value("value", 0.5);
  m.metrics = {{"test",
                {{"accuracy", accuracy.value},
                 {"interval", {accuracy.interval.low, accuracy.interval.high}},
                 {"count", accuracy.count}}}};
  const std::string report_text = report.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  write_file_atomic(run.report_json(), report_text);
  const Thumbnails thumbnails(dataset);
  write_file_atomic(run.report_html(),
                    train::render_report(report, console.language, [&](const std::string& item) {
                      return thumbnails.jpeg(item);
                    }));
  const std::vector<serve::Attachment> attachments{
      {"report.json", Bytes(report_text.begin(), report_text.end())}};
  serve::write_package(run.package(), package, attachments);
  serve::write_package(options.out, package, attachments);

  json result{{"task", m.task},
              {"classes", dataset.classes},
              {"test", m.metrics["test"]},
              {"seconds", seconds_since(started)},
              {"run", run.id()},
              {"model", fs::absolute(options.out).string()},
              {"report", run.report_html().string()}};
  record["state"] = "finished";
  record["seconds"] = training_seconds;
  record["result"] = result;
  run.write(record);
  const std::string sentence = report.at("sentence").at(zh ? "zh" : "en").get<std::string>();
  console.print("");
  console.print(sentence);
  console.print(fmt::format("{}: {}", zh ? "模型" : "Model", options.out.string()));
  console.print(fmt::format("{}: {}", zh ? "评估报告" : "Report", run.report_html().string()));
  console.next("athanor serve " + options.out.string());
  console.result(result);
  return static_cast<int>(Exit::ok);
}

}  // namespace

int fit(const Console& console, const FitOptions& asked) {
  const Clock::time_point started = Clock::now();
  const bool zh = console.language == Language::zh;
  FitOptions options = asked;
  options.out = check_output(asked);
  const double budget = parse_duration(options.budget);

  console.say(zh ? "读取并检查数据……" : "Reading and checking the data ...");
  Prepared prepared{load_data(options.data, options.test, options.label_column), {}, {}};
  show_problems(console, prepared.loaded.report);
  if (!prepared.loaded.report.usable()) throw RefusalError(prepared.loaded.report.refusal());
  prepared.split = make_split(prepared.loaded, options);
  console.say(fmt::format(
      fmt::runtime(zh ? "  {} 张图片，{} 个类别：训练 {}，验证 {}，测试 {}"
                      : "  {} pictures, {} classes: {} to train, {} to validate, {} to test"),
      prepared.loaded.dataset.items.size(), prepared.loaded.dataset.classes.size(),
      prepared.split.train.size(), prepared.split.val.size(), prepared.split.test.size()));

  console.say(zh ? "选择训练方案……" : "Choosing how to train ...");
  train::ClassifyRequest request;
  request.preset = train::preset_from_name(options.preset);
  request.epochs = options.epochs;
  request.from_scratch = from_scratch(options);
  if (!request.from_scratch) request.weights = options.weights;
  request.tune = train::tune_from_name(options.tune);
  request.model = options.model;
  request.seed = options.seed;
  // The budget is for all of it: what reading took is gone, and checking at the end takes its
  // share.
  request.budget = std::max(1.0, (budget - seconds_since(started)) * 0.97 - 1.0);
  const Clock::time_point choosing = Clock::now();
  const InterruptScope interrupt;
  train::ClassifyOptions trial;
  trial.stop = interrupt.flag();
  if (!console.json && !console.quiet)
    trial.listeners.push_back(train::make_progress_bar(console.language));
  prepared.recipe = train::choose_recipe(prepared.loaded.dataset, prepared.split, request, trial);
  prepared.recipe.budget = std::max(1.0, request.budget - seconds_since(choosing));
  for (const std::string& reason : prepared.recipe.reasons) console.say("  - " + reason);

  const Run run = create_run();
  json record{{"version", kVersion},
              {"task", "image.classify"},
              {"created", now_text()},
              {"request", request_json(options)},
              {"recipe", prepared.recipe},
              {"items", split_json(prepared.split)},
              {"classes", prepared.loaded.dataset.classes},
              {"fingerprint", fingerprint(prepared.loaded.dataset)}};
  console.say(fmt::format(fmt::runtime(zh ? "训练任务 {}（模型 {}）" : "Run {} (model {})"),
                          run.id(), prepared.recipe.model));
  return execute(console, options, prepared, run, std::move(record), false, started, interrupt);
}

int resume_run(const Console& console, const std::string& id, const fs::path& out) {
  const Clock::time_point started = Clock::now();
  const bool zh = console.language == Language::zh;
  const Run run = find_run(id);
  json record = run.read();
  if (record.value("state", "") == "finished") {
    console.print(
        fmt::format(fmt::runtime(zh ? "训练任务 {} 已完成" : "Run {} is finished"), run.id()));
    console.print(fmt::format("{}: {}", zh ? "模型" : "Model", run.package().string()));
    console.result(record.at("result"));
    return static_cast<int>(Exit::ok);
  }
  FitOptions options = request_from(record.at("request"));
  if (!out.empty()) options.out = out;
  options.out = check_output(options);
  Prepared prepared{load_data(options.data, options.test, options.label_column),
                    {},
                    record.at("recipe").get<train::ClassifyRecipe>()};
  if (fingerprint(prepared.loaded.dataset) != record.at("fingerprint").get<std::string>())
    throw RefusalError(
        {"data-changed",
         Exit::data,
         {"The data has changed since the run began", "训练开始后数据发生了变化"},
         options.data.string(),
         {"names, labels or number of the pictures differ, so the run cannot be continued exactly",
          "图片的名称、标签或数量不一致，无法精确续训"},
         {"restore the data, or start anew: athanor fit " + options.data.string(),
          "恢复数据，或重新训练：athanor fit " + options.data.string()}});
  prepared.split = make_split(prepared.loaded, options);
  console.say(fmt::format(fmt::runtime(zh ? "继续训练任务 {}" : "Going on with run {}"), run.id()));
  return execute(console, options, prepared, run, std::move(record), true, started,
                 InterruptScope());
}

int list_runs_command(const Console& console) {
  const bool zh = console.language == Language::zh;
  std::vector<std::vector<std::string>> rows{
      zh ? std::vector<std::string>{"任务", "状态", "模型结构", "测试准确率", "数据"}
         : std::vector<std::string>{"run", "state", "model", "test accuracy", "data"}};
  json list = json::array();
  for (const Run& run : list_runs()) {
    json record;
    try {
      record = run.read();
    } catch (const Error&) {
      continue;  // half-made or damaged: not a run that anything can be done with
    }
    const json& test = record.contains("result") ? record["result"]["test"] : json();
    rows.push_back(
        {run.id(), record.value("state", "?"), record["recipe"].value("model", "?"),
         test.is_object() ? fmt::format("{:.2f} %", 100 * test["accuracy"].get<double>()) : "-",
         record["request"].value("data", "?")});
    json entry{{"id", run.id()},
               {"state", record.value("state", "?")},
               {"data", record["request"].value("data", "?")},
               {"folder", run.folder().string()}};
    if (record.contains("result")) entry["result"] = record["result"];
    list.push_back(std::move(entry));
  }
  if (rows.size() == 1) {
    console.print(zh ? "还没有训练任务。" : "There are no runs yet.");
    console.next("athanor fit " + std::string(zh ? "图片目录/" : "PICTURES/"));
  } else {
    console.table(rows);
  }
  console.result(list);
  return static_cast<int>(Exit::ok);
}

}  // namespace athanor::platform::cli
