#include "athanor/serve/package/classifier.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "athanor/graph/passes/passes.hpp"
#include "athanor/io/onnx/onnx.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/image/codec.hpp"

namespace athanor::serve {

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw RefusalError(
      {"model-does-not-fit",
       Exit::model,
       {"The model in the package cannot be used", "模型包中的模型无法使用"},
       "model.onnx",
       {why, why},
       {"train the model again, or export it with the inputs and outputs that manifest.json names",
        "重新训练，或按 manifest.json 中的输入输出重新导出"}});
}

}  // namespace

Classifier::Classifier(Package package) : manifest_(std::move(package.manifest)) {
  graph::Graph graph;
  try {
    graph = io::import_onnx(package.onnx);
    graph::optimize(graph);
  } catch (const Error& e) {
    refuse(e.what());
  }
  const vision::Preprocess& p = manifest_.preprocess;
  if (graph.inputs.size() != 1 || graph.outputs.size() != 1)
    refuse(fmt::format("it has {} inputs and {} outputs, one of each is needed",
                       graph.inputs.size(), graph.outputs.size()));
  const graph::Value& input = graph[graph.inputs[0]];
  const Shape& s = input.meta.shape;
  if (input.name != manifest_.input || input.meta.dtype != DType::f32 || s.size() != 4 ||
      s[1] != p.channels || s[2] != p.height || s[3] != p.width)
    refuse(fmt::format("its input is '{}' {}{}, the manifest says '{}' f32[?,{},{},{}]", input.name,
                       name_of(input.meta.dtype), to_string(s), manifest_.input, p.channels,
                       p.height, p.width));
  const graph::Value& output = graph[graph.outputs[0].value];
  const Shape& o = output.meta.shape;
  if (output.meta.dtype != DType::f32 || o.size() != 2 ||
      o[1] != static_cast<std::int64_t>(manifest_.labels.size()))
    refuse(fmt::format("its output is {}{}, there are {} labels", name_of(output.meta.dtype),
                       to_string(o), manifest_.labels.size()));
  executor_ = std::make_unique<graph::Executor>(std::move(graph));
}

Tensor Classifier::scores(const Tensor& pixels) const {
  const std::array<Tensor, 1> inputs{ops::channels_last(pixels)};
  return ops::contiguous(executor_->run(inputs)[0]);
}

Tensor Classifier::prepare(std::span<const std::uint8_t> picture, std::int64_t max_pixels) const {
  const vision::Preprocess& p = manifest_.preprocess;
  vision::DecodeOptions options;
  options.max_pixels = max_pixels;
  options.color = p.channels == 1 ? vision::Color::gray : vision::Color::rgb;
  const vision::Image image = vision::decode(picture, options);
  const Shape shape{1, p.channels, p.height, p.width};
  const Tensor pixels = Tensor::empty_strided(shape, channels_last_strides(shape), DType::f32);
  vision::preprocess(image, p, pixels.data<float>());
  return pixels;
}

std::vector<Prediction> Classifier::ranked(std::span<const float> scores, int top_k) const {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<Prediction> out;
  for (std::size_t i : order) {
    if (static_cast<int>(out.size()) >= top_k) break;
    out.push_back({manifest_.labels[i], static_cast<double>(scores[i])});
  }
  return out;
}

namespace {

class ServedClassifier final : public ServedModel {
 public:
  ServedClassifier(std::shared_ptr<const Classifier> classifier, std::string name,
                   std::string version)
      : classifier_(std::move(classifier)) {
    const Manifest& m = classifier_->manifest();
    const vision::Preprocess& p = m.preprocess;
    info_ = {.name = std::move(name),
             .version = std::move(version),
             .platform = "athanor",
             .inputs = {{m.input, "FP32", {-1, p.channels, p.height, p.width}}},
             .outputs = {{m.output, "FP32", {-1, static_cast<std::int64_t>(m.labels.size())}}},
             .task = m.task,
             .labels = m.labels,
             .takes_pictures = true};
  }
  const ModelInfo& info() const override { return info_; }

  std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) override {
    const TensorValue& in = inputs[0];
    const Tensor pixels = Tensor::empty(Shape(in.shape.begin(), in.shape.end()), DType::f32);
    std::memcpy(pixels.raw(), in.data.data(), in.data.size());
    const Tensor scores = classifier_->scores(pixels);
    return {TensorValue{info_.outputs[0].name,
                        "FP32",
                        {scores.shape().begin(), scores.shape().end()},
                        scores.to_bytes()}};
  }
  std::vector<TensorValue> prepare(std::span<const std::uint8_t> picture,
                                   std::int64_t max_pixels) const override {
    const Tensor pixels = classifier_->prepare(picture, max_pixels);
    return {TensorValue{info_.inputs[0].name,
                        "FP32",
                        {pixels.shape().begin(), pixels.shape().end()},
                        pixels.to_bytes()}};
  }
  std::vector<Prediction> interpret(const std::vector<TensorValue>& outputs,
                                    int top_k) const override {
    std::vector<float> scores(outputs[0].data.size() / sizeof(float));
    std::memcpy(scores.data(), outputs[0].data.data(), scores.size() * sizeof(float));
    return classifier_->ranked(scores, top_k);
  }

 private:
  std::shared_ptr<const Classifier> classifier_;
  ModelInfo info_;
};

}  // namespace

std::shared_ptr<ServedModel> make_served(std::shared_ptr<const Classifier> classifier,
                                         std::string name, std::string version) {
  return std::make_shared<ServedClassifier>(std::move(classifier), std::move(name),
                                            std::move(version));
}

}  // namespace athanor::serve
