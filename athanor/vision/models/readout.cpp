#include "athanor/vision/models/readout.hpp"

#include "athanor/nn/init.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::vision {

ReadoutModel::ReadoutModel(std::unique_ptr<ImageModel> trunk, std::int64_t classes)
    : trunk_(&add_child("trunk", std::move(trunk))) {
  require(classes >= 1, "readout: classes must be at least 1, not {}", classes);
  statistics_ = 2 * trunk_->options().in_channels;
  for (std::int64_t width : trunk_->stage_widths()) statistics_ += 2 * width;
  center = add_buffer("center", Tensor::zeros({statistics_}));
  scale = add_buffer("scale", Tensor::ones({statistics_}));
  weight = add_parameter("weight", Tensor::zeros({classes, statistics_}));
  bias = add_parameter("bias", Tensor::zeros({classes}));
}

Tensor ReadoutModel::statistics(const Tensor& x) {
  TensorList parts, maps = trunk_->stages(ops::channels_last(x));
  maps.insert(maps.begin(), x);
  for (const Tensor& map : maps) {
    parts.push_back(ops::mean(map, {2, 3}));
    parts.push_back(ops::amax(map, {2, 3}));
  }
  return ops::concat(parts, 1);
}

Tensor ReadoutModel::forward(const Tensor& x) {
  return ops::linear(ops::mul(ops::sub(statistics(x), center), scale), weight, bias);
}

std::string ReadoutModel::describe() const {
  return fmt::format("Readout({}, {} statistics)", trunk_->name(), statistics_);
}

}  // namespace athanor::vision
