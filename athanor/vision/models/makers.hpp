#pragma once

#include "athanor/vision/models/model.hpp"

// One maker for each family; make_model() is the public door.
namespace athanor::vision {

std::unique_ptr<ImageModel> make_small_cnn(const std::string& name, const ModelOptions& options);
std::unique_ptr<ImageModel> make_resnet(const std::string& name, const ModelOptions& options);
std::unique_ptr<ImageModel> make_cifar_resnet(const std::string& name, const ModelOptions& options);
std::unique_ptr<ImageModel> make_mobilenet_v2(const std::string& name, const ModelOptions& options);
std::unique_ptr<ImageModel> make_mobilenet_v3(const std::string& name, const ModelOptions& options);

}  // namespace athanor::vision
