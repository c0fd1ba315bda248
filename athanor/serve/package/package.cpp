#include "athanor/serve/package/package.hpp"

#include <algorithm>
#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/data/archive.hpp"

namespace athanor::serve {

using nlohmann::json;

namespace {

constexpr int kFormatVersion = 1;
constexpr std::size_t kMaxLabels = 100'000, kMaxLabelBytes = 4096;
constexpr std::uint64_t kMaxManifest = std::uint64_t{64} << 20, kMaxOnnx = std::uint64_t{2} << 30;

const json& field(const json& j, const char* name, json::value_t type, const char* type_name) {
  require<FormatError>(j.is_object() && j.contains(name),
                       "manifest.json: the field '{}' is missing", name);
  const json& value = j.at(name);
  const bool fits =
      value.type() == type || (type == json::value_t::number_float && value.is_number());
  require<FormatError>(fits, "manifest.json: '{}' is {}, it must be {}", name, value.type_name(),
                       type_name);
  return value;
}

std::string text(const json& j, const char* name) {
  return field(j, name, json::value_t::string, "a text").get<std::string>();
}

bool valid_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

void to_json(json& j, const Manifest& m) {
  j = json{{"format", "athanor.model"},
           {"format_version", kFormatVersion},
           {"task", m.task},
           {"name", m.name},
           {"labels", m.labels},
           {"multi_label", m.multi_label},
           {"model", "model.onnx"},
           {"input",
            {{"name", m.input},
             {"datatype", "FP32"},
             {"shape", {-1, m.preprocess.channels, m.preprocess.height, m.preprocess.width}}}},
           {"output", {{"name", m.output}, {"datatype", "FP32"}, {"shape", {-1, m.labels.size()}}}},
           {"preprocess", m.preprocess},
           {"threshold", m.threshold},
           {"metrics", m.metrics},
           {"provenance", m.provenance}};
}

void from_json(const json& j, Manifest& m) {
  require<FormatError>(text(j, "format") == "athanor.model",
                       "manifest.json: 'format' is not \"athanor.model\"");
  const json& version = j.contains("format_version") ? j.at("format_version") : json();
  require<FormatError>(version.is_number_integer() && version.get<std::int64_t>() == kFormatVersion,
                       "manifest.json: 'format_version' is {}, this athanor reads {}",
                       version.dump(), kFormatVersion);
  m.task = text(j, "task");
  require<FormatError>(m.task == "image.classify",
                       "manifest.json: task '{}' is not known; this athanor runs image.classify",
                       m.task.substr(0, 80));
  m.name = text(j, "name");
  require<FormatError>(valid_name(m.name),
                       "manifest.json: 'name' must be 1 to 64 letters, digits, '-', '_' or '.'");
  const json& labels = field(j, "labels", json::value_t::array, "a list of texts");
  require<FormatError>(!labels.empty() && labels.size() <= kMaxLabels,
                       "manifest.json: {} labels; there must be 1 to {}", labels.size(),
                       kMaxLabels);
  m.labels.clear();
  for (const json& label : labels) {
    require<FormatError>(
        label.is_string() && label.get_ref<const std::string&>().size() <= kMaxLabelBytes,
        "manifest.json: a label must be a text of at most {} bytes", kMaxLabelBytes);
    m.labels.push_back(label.get<std::string>());
  }
  m.multi_label = field(j, "multi_label", json::value_t::boolean, "true or false").get<bool>();
  m.input = text(field(j, "input", json::value_t::object, "an object"), "name");
  m.output = text(field(j, "output", json::value_t::object, "an object"), "name");
  m.preprocess =
      field(j, "preprocess", json::value_t::object, "an object").get<vision::Preprocess>();
  m.threshold = field(j, "threshold", json::value_t::number_float, "a number").get<double>();
  require<FormatError>(std::isfinite(m.threshold) && m.threshold >= 0 && m.threshold <= 1,
                       "manifest.json: 'threshold' is {}, it must lie in 0..1", m.threshold);
  m.metrics = j.value("metrics", json::object());
  m.provenance = j.value("provenance", json::object());
}

Manifest parse_manifest(std::string_view content) {
  // Depth is bounded before the tree is built: the parser's own recursion is not.
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    }
    require<FormatError>(depth <= 64, "manifest.json: nested deeper than 64");
  }
  const json j = json::parse(content, nullptr, false);
  require<FormatError>(!j.is_discarded(), "manifest.json is not JSON");
  try {
    return j.get<Manifest>();
  } catch (const json::exception& e) {
    throw FormatError(fmt::format("manifest.json: {}", e.what()));
  }
}

void write_package(const std::filesystem::path& path, const Package& package,
                   const std::vector<Attachment>& attachments) {
  const std::string manifest = json(package.manifest).dump(2) + "\n";
  std::vector<data::ZipMember> members;
  members.push_back({"manifest.json", Bytes(manifest.begin(), manifest.end())});
  members.push_back({"model.onnx", package.onnx});
  for (const Attachment& a : attachments) members.push_back({a.name, a.bytes});
  data::write_zip(path, std::move(members));
}

Package read_package(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::exists(path))
    throw RefusalError({"model-not-found",
                        Exit::file,
                        {"There is no such model package", "找不到模型文件"},
                        path.string(),
                        {"the file does not exist", "文件不存在"},
                        {"check the path, or make one: athanor fit DATA --out model.zip",
                         "检查路径，或先训练：athanor fit 数据 --out model.zip"}});
  Package package;
  try {
    const Bytes manifest = data::read_zip_member(path, "manifest.json", kMaxManifest);
    package.manifest =
        parse_manifest({reinterpret_cast<const char*>(manifest.data()), manifest.size()});
    package.onnx = data::read_zip_member(path, "model.onnx", kMaxOnnx);
  } catch (const IoError&) {
    throw;
  } catch (const Error& e) {
    throw RefusalError(
        {"not-a-model-package",
         Exit::model,
         {"The file is not a model package of athanor", "该文件不是 athanor 的模型包"},
         path.string(),
         {e.what(), e.what()},
         {"give the .zip that `athanor fit --out` wrote",
          "请使用 athanor fit --out 生成的 .zip 文件"}});
  }
  return package;
}

std::string model_name(std::string_view text) {
  std::string name;
  for (char c : text.substr(0, 64))
    name += valid_name(std::string_view(&c, 1)) || c == '.' ? c : '-';
  while (!name.empty() && (name.front() == '.' || name.front() == '-')) name.erase(0, 1);
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "model" : name;
}

}  // namespace athanor::serve
