#include <charconv>
#include <nlohmann/json.hpp>

#include "athanor/serve/infer.hpp"
#include "athanor/serve/model_server.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

using Json = nlohmann::ordered_json;
using Models = std::shared_ptr<const ModelRepository>;

Response json_response(const Json& json, int status = 200) {
  Response response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

const ServedEntry& model_of(const ModelRepository& models, const PathParams& params) {
  return models.find(params["name"], params.has("version") ? params["version"] : "");
}

Json tensor_list(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& t : tensors)
    list.push_back({{"name", t.name}, {"datatype", t.datatype}, {"shape", t.shape}});
  return list;
}

Response metadata(const ModelRepository& models, const PathParams& params) {
  const ModelInfo& info = model_of(models, params).model->info();
  Json versions = Json::array();
  for (const ServedEntry& entry : models.entries())
    if (entry.model->info().name == info.name) versions.push_back(entry.model->info().version);
  return json_response({{"name", info.name},
                        {"versions", versions},
                        {"platform", info.platform},
                        {"inputs", tensor_list(info.inputs)},
                        {"outputs", tensor_list(info.outputs)}});
}

std::optional<std::size_t> json_length(const Request& request) {
  const std::string* text = request.headers.find("Inference-Header-Content-Length");
  if (!text) return std::nullopt;
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size())
    refuse(400, "bad-header-length",
           {"Inference-Header-Content-Length must be a number of bytes",
            "Inference-Header-Content-Length 必须是字节数"});
  return length;
}

Response infer(const ModelRepository& models, const Limits& limits, const Request& request,
               const PathParams& params) {
  const ServedEntry& entry = model_of(models, params);
  const ModelInfo& info = entry.model->info();
  InferRequest parsed = parse_infer_request(request.body, json_length(request), info, limits);
  const auto outputs = entry.batcher->run(std::move(parsed.inputs), request.deadline);
  return write_infer_response(info, parsed, outputs);
}

}  // namespace

void add_inference_routes(Router& router, Models models, const Limits& limits) {
  router.add(
      "GET", "/v2",
      [](const Request&, const PathParams&) {
        return json_response({{"name", "athanor"},
                              {"version", ATH_VERSION},
                              {"extensions", {"binary_tensor_data", "classification"}}});
      },
      Run::inline_now);
  router.add(
      "GET", "/v2/health/live",
      [](const Request&, const PathParams&) { return json_response({{"live", true}}); },
      Run::inline_now);
  router.add(
      "GET", "/v2/health/ready",
      [](const Request& request, const PathParams&) {
        return json_response({{"ready", !request.draining}}, request.draining ? 503 : 200);
      },
      Run::inline_now);
  for (const std::string prefix : {"/v2/models/{name}", "/v2/models/{name}/versions/{version}"}) {
    router.add(
        "GET", prefix,
        [models](const Request&, const PathParams& params) { return metadata(*models, params); },
        Run::inline_now);
    router.add(
        "GET", prefix + "/ready",
        [models](const Request& request, const PathParams& params) {
          const ModelInfo& info = model_of(*models, params).model->info();
          return json_response({{"name", info.name}, {"ready", !request.draining}},
                               request.draining ? 503 : 200);
        },
        Run::inline_now);
    router.add("POST", prefix + "/infer",
               [models, limits](const Request& request, const PathParams& params) {
                 return infer(*models, limits, request, params);
               });
  }
}

void add_metrics_route(Router& router, std::shared_ptr<const Metrics> metrics) {
  router.add(
      "GET", "/metrics",
      [metrics](const Request&, const PathParams&) {
        Response response;
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        response.body = metrics->text();
        return response;
      },
      Run::inline_now);
}

Router model_router(Models models, std::shared_ptr<const Metrics> metrics, const Limits& limits) {
  Router router;
  add_inference_routes(router, models, limits);
  add_predict_routes(router, models, limits);
  add_page_route(router, models);
  add_metrics_route(router, std::move(metrics));
  return router;
}

}  // namespace athanor::serve
