#pragma once

#include <string>
#include <vector>

#include "athanor/tensor/tensor_map.hpp"
#include "athanor/vision/models/model.hpp"

namespace athanor::vision {

/// Exactly what load_pretrained() did, by name.
struct PretrainedReport {
  std::vector<std::string> loaded;    ///< copied as they are
  std::vector<std::string> adapted;   ///< the first layer, for another number of input channels
  std::vector<std::string> replaced;  ///< the classifier, for other classes: kept as initialised
  std::vector<std::string> missing;   ///< running statistics that the file does not have
  std::vector<std::string> ignored;   ///< in the file, without a place in the model
  std::int64_t file_classes = 0;      ///< classes of the file's classifier
};

/// Copies trained weights into a model. Every parameter must be there with its shape; only the
/// classifier may be of another number of classes, and the first layer of another number of input
/// channels (its weights are summed and spread over the new channels, which keeps the response to
/// grey pictures). Throws RefusalError (Exit::model) for weights of another model, or with numbers
/// that are not finite; the model is then unchanged. `origin` names the file in messages.
PretrainedReport load_pretrained(ImageModel& model, const TensorMap& weights,
                                 const std::string& origin);

}  // namespace athanor::vision
