#include <algorithm>
#include <charconv>
#include <list>
#include <nlohmann/json.hpp>

#include "athanor/serve/base64.hpp"
#include "athanor/serve/json.hpp"
#include "athanor/serve/model_server.hpp"
#include "athanor/serve/multipart.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

using Json = nlohmann::ordered_json;

struct Picture {
  std::string file;
  std::span<const std::uint8_t> bytes;
};

/// The pictures of a request, and whether it asked in the plural.
struct Pictures {
  std::vector<Picture> items;
  bool several = false;
  std::optional<std::string> top_k;
  std::list<Bytes> decoded;  ///< what items from base64 point into
};

const Text kHowTo{
    "send the picture as multipart/form-data (curl -F image=@photo.jpg URL), as the raw body "
    "(curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg URL) or as JSON "
    "{\"image\": \"<base64>\"}",
    "图片可用 multipart/form-data（curl -F image=@photo.jpg URL）、原始请求体"
    "（curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg URL）或 JSON "
    "{\"image\": \"<base64>\"} 发送"};

void read_multipart(const Request& request, const Limits& limits, Pictures& pictures) {
  const std::string boundary = header_parameter(request.headers.get("Content-Type"), "boundary");
  const auto parts = parse_multipart(request.body, boundary, limits.max_parts);
  const auto is_image = [](const Part& part) {
    return part.name == "image" || part.name == "images" || part.name == "image[]" ||
           part.name == "images[]";
  };
  const bool named = std::any_of(parts.begin(), parts.end(), is_image);
  for (const Part& part : parts) {
    if (named ? is_image(part) : part.is_file)
      pictures.items.push_back({part.filename, part.content});
    else if (part.name == "top_k")
      pictures.top_k = std::string(part.content.begin(), part.content.end());
  }
  pictures.several = pictures.items.size() > 1;
}

void add_base64(std::string_view text, const std::string& where, Pictures& pictures) {
  // A data URL is what a web page has at hand.
  if (text.substr(0, 5) == "data:") {
    const auto comma = text.find(";base64,");
    if (comma == std::string_view::npos || comma > 200)
      refuse(400, "bad-base64",
             {where + " is a data URL without base64", where + " 不是 base64 的 data URL"}, kHowTo);
    text.remove_prefix(comma + 8);
  }
  try {
    pictures.decoded.push_back(decode_base64(text));
  } catch (const FormatError& error) {
    refuse(400, "bad-base64",
           {fmt::format("{}: {}", where, error.what()), fmt::format("{}：{}", where, error.what())},
           kHowTo);
  }
  pictures.items.push_back({"", pictures.decoded.back()});
}

void read_json(const Request& request, const Limits& limits, Pictures& pictures) {
  const auto json = parse_json(request.body, {limits.max_json_depth, limits.max_json_values});
  const bool one = json.is_object() && json.contains("image") && json["image"].is_string();
  const bool many = json.is_object() && json.contains("images") && json["images"].is_array();
  if (one == many)
    refuse(400, "no-picture",
           {"the JSON needs \"image\": text or \"images\": [texts], in base64",
            "JSON 需要 \"image\"（字符串）或 \"images\"（字符串数组），内容为 base64"},
           kHowTo);
  if (json.contains("top_k")) pictures.top_k = json["top_k"].dump();
  if (one) return add_base64(json["image"].get_ref<const std::string&>(), "image", pictures);
  pictures.several = true;
  for (std::size_t i = 0; i < json["images"].size(); ++i) {
    const auto& item = json["images"][i];
    const std::string where = fmt::format("images[{}]", i);
    if (!item.is_string())
      refuse(400, "no-picture", {where + " is not a string", where + " 不是字符串"}, kHowTo);
    add_base64(item.get_ref<const std::string&>(), where, pictures);
  }
}

Pictures read_pictures(const Request& request, const Limits& limits) {
  Pictures pictures;
  const std::string type = media_type(request.headers.get("Content-Type"));
  if (type == "multipart/form-data") {
    read_multipart(request, limits, pictures);
  } else if (type == "application/json") {
    read_json(request, limits, pictures);
  } else if (type.empty() || type.substr(0, 6) == "image/" || type == "application/octet-stream" ||
             type == "application/x-www-form-urlencoded") {
    // The last one is what curl --data-binary says of any file.
    if (!request.body.empty()) pictures.items.push_back({"", request.body});
  } else {
    refuse(415, "content-type",
           {fmt::format("pictures do not come as {}", type.substr(0, 100)),
            fmt::format("不支持以 {} 发送图片", type.substr(0, 100))},
           kHowTo);
  }
  if (pictures.items.empty())
    refuse(400, "no-picture", {"the request has no picture", "请求中没有图片"}, kHowTo);
  if (pictures.items.size() > static_cast<std::size_t>(limits.max_batch))
    refuse(
        413, "too-many-pictures",
        {fmt::format("{} pictures, at most {} are taken", pictures.items.size(), limits.max_batch),
         fmt::format("共 {} 张图片，最多 {} 张", pictures.items.size(), limits.max_batch)},
        {"send several requests", "请分成多个请求"});
  return pictures;
}

int read_top_k(const Request& request, const Pictures& pictures, const ModelInfo& info) {
  const std::string* text = request.parameter("top_k");
  if (!text && pictures.top_k) text = &*pictures.top_k;
  const int labels = std::max(1, static_cast<int>(info.labels.size()));
  if (!text) return std::min(5, labels);
  int top_k = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), top_k);
  const bool too_large = error == std::errc::result_out_of_range && text->front() != '-';
  if (too_large) return labels;
  if (error != std::errc() || end != text->data() + text->size() || top_k < 1)
    refuse(400, "bad-top-k", {"top_k must be a whole number from 1", "top_k 必须是正整数"});
  return std::min(top_k, labels);
}

/// Runs `step` for one picture; among several, what it throws says which one it was.
template <class F>
auto for_picture(const Pictures& pictures, std::size_t index, F step) {
  try {
    return step();
  } catch (const std::exception& error) {
    Problem problem = problem_of(error);
    if (!pictures.several || problem.status >= 500) throw;
    const std::string& file = pictures.items[index].file;
    const std::string name = file.empty() ? "" : " (" + file.substr(0, 100) + ")";
    problem.detail.en = fmt::format("picture {}{}: {}", index + 1, name, problem.detail.en);
    problem.detail.zh = fmt::format("第 {} 张图片{}：{}", index + 1, name, problem.detail.zh);
    throw HttpError(problem);
  }
}

Response predict(const ModelRepository& models, const Limits& limits, const Request& request,
                 const PathParams& params) {
  const ServedEntry& entry = models.find(params["name"]);
  const ModelInfo& info = entry.model->info();
  if (!info.takes_pictures)
    refuse(400, "no-picture-model",
           {fmt::format("model '{}' does not take pictures", info.name),
            fmt::format("模型 '{}' 不接受图片", info.name)},
           {fmt::format("use POST /v2/models/{}/infer", info.name),
            fmt::format("请使用 POST /v2/models/{}/infer", info.name)});
  const Pictures pictures = read_pictures(request, limits);
  const int top_k = read_top_k(request, pictures, info);

  // All pictures are in the batcher before the first is awaited, so that they share runs.
  std::vector<std::shared_ptr<Batcher::Ticket>> tickets;
  for (std::size_t i = 0; i < pictures.items.size(); ++i) {
    auto inputs = for_picture(pictures, i, [&] {
      if (pictures.items[i].bytes.empty()) throw FormatError("the picture is empty");
      return entry.model->prepare(pictures.items[i].bytes, limits.max_pixels);
    });
    tickets.push_back(entry.batcher->submit(std::move(inputs)));
  }
  Json predictions = Json::array();
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const auto outputs =
        for_picture(pictures, i, [&] { return entry.batcher->wait(tickets[i], request.deadline); });
    Json results = Json::array();
    for (const Prediction& p : entry.model->interpret(outputs, top_k))
      results.push_back({{"label", p.label}, {"score", p.score}});
    Json prediction = Json::object();
    if (!pictures.items[i].file.empty()) prediction["file"] = pictures.items[i].file;
    prediction["results"] = std::move(results);
    predictions.push_back(std::move(prediction));
  }
  Json answer{{"model", info.name}, {"version", info.version}, {"task", info.task}};
  if (pictures.several)
    answer["predictions"] = std::move(predictions);
  else
    answer.update(predictions[0]);
  Response response;
  response.body = answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

}  // namespace

void add_predict_routes(Router& router, std::shared_ptr<const ModelRepository> models,
                        const Limits& limits) {
  router.add("POST", "/predict/{name}",
             [models, limits](const Request& request, const PathParams& params) {
               return predict(*models, limits, request, params);
             });
}

}  // namespace athanor::serve
