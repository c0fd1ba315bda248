#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/serve/batcher.hpp"
#include "athanor/serve/model.hpp"

namespace athanor::serve {

/// A model that is being served.
struct ServedEntry {
  std::shared_ptr<ServedModel> model;
  std::unique_ptr<Batcher> batcher;
};

/// The models of a server: filled before it starts, constant from then on.
class ModelRepository {
 public:
  explicit ModelRepository(std::shared_ptr<Metrics> metrics = nullptr)
      : metrics_(std::move(metrics)) {}

  /// Throws ValueError when name and version are taken, or when the model's metadata has an empty
  /// name, no input, or a datatype that does not exist.
  void add(std::shared_ptr<ServedModel> model, BatchOptions options = {});

  /// An empty version is the one that was added last. Throws HttpError 404.
  const ServedEntry& find(std::string_view name, std::string_view version = "") const;
  const std::vector<ServedEntry>& entries() const { return entries_; }

 private:
  std::shared_ptr<Metrics> metrics_;
  std::vector<ServedEntry> entries_;
};

}  // namespace athanor::serve
