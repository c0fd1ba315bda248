#include <algorithm>
#include <memory>

#include "athanor/serve/package/classifier.hpp"
#include "platform/cli/commands.hpp"

namespace athanor::platform::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::uint64_t kMaxPicture = std::uint64_t{256} << 20;

/// The files as given; a folder stands for its files, in the order of their names.
std::vector<fs::path> expand(const std::vector<fs::path>& given) {
  std::vector<fs::path> files;
  for (const fs::path& path : given) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry :
         fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied))
      if (entry.is_regular_file() && !entry.path().filename().string().starts_with("."))
        inside.push_back(entry.path());
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

}  // namespace

int predict(const Console& console, const PredictOptions& options) {
  const serve::Classifier classifier(serve::read_package(options.model));
  const serve::Manifest& manifest = classifier.manifest();
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  std::optional<Refusal> first_failure;
  for (const fs::path& file : expand(options.files)) {
    json entry{{"file", file.string()}};
    std::vector<std::string> row{file.string()};
    try {
      const Bytes bytes = read_file(file, kMaxPicture);
      const Tensor scores = classifier.scores(classifier.prepare(bytes));
      const std::vector<float> values = scores.to_vector<float>();
      json results = json::array();
      for (const serve::Prediction& p : classifier.ranked(values, options.top_k)) {
        results.push_back({{"label", p.label}, {"score", p.score}});
        if (row.size() < 4) row.push_back(fmt::format("{} {:.1f} %", p.label, 100 * p.score));
      }
      entry["results"] = std::move(results);
    } catch (const Error& e) {
      // The other files are answered all the same; the exit status tells that one could not be.
      Refusal refusal = as_refusal(e);
      if (refusal.where.empty()) refusal.where = file.string();
      entry["results"] = json::array();
      entry["error"] = {{"code", refusal.code},
                        {"what", in(console.language, refusal.what)},
                        {"why", in(console.language, refusal.why)},
                        {"fix", in(console.language, refusal.fix)}};
      row.push_back(in(console.language, refusal.what) + ": " + in(console.language, refusal.why));
      if (!first_failure) first_failure = refusal;
    }
    list.push_back(std::move(entry));
    rows.push_back(std::move(row));
  }
  if (list.empty())
    throw RefusalError(
        {"no-pictures",
         Exit::data,
         {"There is no picture to look at", "没有可识别的图片"},
         options.files.empty() ? "" : options.files[0].string(),
         {"the folder is empty", "目录为空"},
         {"name picture files, or a folder that has some", "请给出图片文件或包含图片的目录"}});
  console.table(rows);
  if (!manifest.multi_label)
    console.say(fmt::format(fmt::runtime(console.pick("Recommended threshold of this model: {:.2f}",
                                                      "该模型的推荐阈值：{:.2f}")),
                            manifest.threshold));
  console.result(list);
  return first_failure ? static_cast<int>(first_failure->exit) : static_cast<int>(Exit::ok);
}

int model_show(const Console& console, const fs::path& path) {
  const serve::Package package = serve::read_package(path);
  const serve::Classifier classifier(package);  // shows only what would also run
  const serve::Manifest& m = package.manifest;
  json shown = m;
  shown["onnx_bytes"] = package.onnx.size();
  shown["file_bytes"] = fs::file_size(path);
  const auto row = [&](const char* en, const char* zh, const std::string& value) {
    return std::vector<std::string>{console.pick(en, zh), value};
  };
  std::string labels;
  for (std::size_t i = 0; i < m.labels.size() && i < 20; ++i)
    labels += (i ? ", " : "") + m.labels[i];
  if (m.labels.size() > 20) labels += fmt::format(" ... ({})", m.labels.size());
  std::vector<std::vector<std::string>> rows{
      row("name", "名称", m.name),
      row("task", "任务类型", m.task),
      row("labels", "标签", labels),
      row("input", "输入",
          fmt::format("{}x{}x{}", m.preprocess.width, m.preprocess.height, m.preprocess.channels)),
      row("threshold", "推荐阈值", fmt::format("{:.2f}", m.threshold)),
      row("size", "大小",
          fmt::format("{:.2f} MiB", static_cast<double>(package.onnx.size()) / 1048576.0))};
  if (const json& test = m.metrics.value("test", json());
      test.is_object() && test.contains("accuracy") && test.contains("interval"))
    rows.push_back(
        row("test accuracy", "测试准确率",
            fmt::format("{:.2f} % ({:.1f} .. {:.1f} %, {})", 100 * test["accuracy"].get<double>(),
                        100 * test["interval"][0].get<double>(),
                        100 * test["interval"][1].get<double>(), test.value("count", 0))));
  for (const char* name : {"created", "data", "run", "athanor"})
    if (m.provenance.contains(name) && m.provenance[name].is_string())
      rows.push_back({name, m.provenance[name].get<std::string>()});
  console.table(rows);
  console.result(shown);
  return static_cast<int>(Exit::ok);
}

}  // namespace athanor::platform::cli
