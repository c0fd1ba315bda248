#pragma once

#include <memory>
#include <span>

#include "athanor/graph/executor.hpp"
#include "athanor/serve/model.hpp"
#include "athanor/serve/package/package.hpp"

namespace athanor::serve {

/// A packaged picture classifier, ready to answer. May be used by several threads at once.
class Classifier {
 public:
  /// Reads the graph and holds it against the manifest. Throws RefusalError (Exit::model).
  explicit Classifier(Package package);

  const Manifest& manifest() const { return manifest_; }
  /// pixels: f32 [N, channels, height, width], prepared. Returns f32 [N, labels].
  Tensor scores(const Tensor& pixels) const;
  /// The prepared pixels of one encoded picture, [1, channels, height, width]. Throws as
  /// vision::decode.
  Tensor prepare(std::span<const std::uint8_t> picture,
                 std::int64_t max_pixels = 100'000'000) const;
  /// Labels by falling score, at most top_k.
  std::vector<Prediction> ranked(std::span<const float> scores, int top_k) const;

 private:
  Manifest manifest_;
  std::unique_ptr<graph::Executor> executor_;
};

/// The classifier as the server sees it.
std::shared_ptr<ServedModel> make_served(std::shared_ptr<const Classifier> classifier,
                                         std::string name, std::string version = "1");

}  // namespace athanor::serve
