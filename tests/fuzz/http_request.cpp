// Any bytes as the stream of one connection: the parser, the routing and the handlers of the
// server.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "athanor/serve/model_server.hpp"
#include "athanor/serve/protocol.hpp"

namespace {

using namespace athanor::serve;

class Echo : public ServedModel {
 public:
  Echo() {
    info_.name = "m";
    info_.inputs = {{"x", "FP32", {-1, 2}}};
    info_.outputs = {{"y", "FP32", {-1, 2}}};
    info_.labels = {"a", "b"};
    info_.takes_pictures = true;
  }
  const ModelInfo& info() const override { return info_; }
  std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) override {
    std::vector<TensorValue> outputs = inputs;
    outputs[0].name = "y";
    return outputs;
  }
  std::vector<TensorValue> prepare(std::span<const std::uint8_t>, std::int64_t) const override {
    return {{"x", "FP32", {1, 2}, std::vector<std::uint8_t>(8)}};
  }
  std::vector<Prediction> interpret(const std::vector<TensorValue>&, int) const override {
    return {{"a", 1}};
  }

 private:
  ModelInfo info_;
};

struct Fixture {
  Fixture() {
    limits.max_body = 1 << 16;
    limits.max_header = 4096;
    models->add(std::make_shared<Echo>(), {8, std::chrono::microseconds(0)});
    router = model_router(models, std::make_shared<Metrics>(), limits);
  }
  Limits limits;
  std::shared_ptr<ModelRepository> models = std::make_shared<ModelRepository>();
  Router router;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string answer = answer_bytes(fixture.router, fixture.limits, bytes);
  // Nothing that a client sends may be answered as our own mistake. Heads that follow a body are
  // not looked for: a body may hold any text.
  if (answer.size() > 13 && answer.compare(8, 5, " 500 ") == 0) std::abort();
  return 0;
}
