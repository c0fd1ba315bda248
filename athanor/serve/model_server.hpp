#pragma once

#include <memory>

#include "athanor/serve/limits.hpp"
#include "athanor/serve/metrics.hpp"
#include "athanor/serve/repository.hpp"
#include "athanor/serve/router.hpp"

namespace athanor::serve {

/// The Open Inference Protocol v2 over REST with the binary tensor and classification extensions:
/// /v2, /v2/health/{live,ready}, /v2/models/{name}[/versions/{version}][/ready|/infer].
void add_inference_routes(Router& router, std::shared_ptr<const ModelRepository> models,
                          const Limits& limits);

/// POST /predict/{name}: pictures as multipart/form-data, raw body or base64 in JSON, answered with
/// labels and scores.
void add_predict_routes(Router& router, std::shared_ptr<const ModelRepository> models,
                        const Limits& limits);

/// GET /: a page on which a person tries the models with own pictures.
void add_page_route(Router& router, std::shared_ptr<const ModelRepository> models);

/// GET /metrics in Prometheus' text format.
void add_metrics_route(Router& router, std::shared_ptr<const Metrics> metrics);

/// All of the above.
Router model_router(std::shared_ptr<const ModelRepository> models,
                    std::shared_ptr<const Metrics> metrics, const Limits& limits);

}  // namespace athanor::serve
