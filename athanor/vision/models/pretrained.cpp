#include "athanor/vision/models/pretrained.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace athanor::vision {

namespace {

// The first few of a long list.
std::string shortened(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += fmt::format(" ... ({})", names.size());
  return text;
}

[[noreturn]] void refuse(const ImageModel& model, const std::string& origin, const Text& why,
                         const Text& fix) {
  Refusal refusal;
  refusal.code = "weights-do-not-fit";
  refusal.exit = Exit::model;
  refusal.what = {fmt::format("These weights do not fit the model {}", model.name()),
                  fmt::format("权重文件与模型 {} 不匹配", model.name())};
  refusal.where = origin;
  refusal.why = why;
  refusal.fix = fix;
  throw RefusalError(refusal);
}

bool finite(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return true;
  const std::vector<float> values = tensor.to_vector<float>();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// [O, from, kh, kw] -> [O, to, kh, kw], each new channel the sum divided by `to`.
Tensor spread_channels(const Tensor& weight, std::int64_t to) {
  const std::vector<float> from = weight.to_vector<float>();
  const auto out = static_cast<std::size_t>(weight.dim(0)),
             in = static_cast<std::size_t>(weight.dim(1)),
             kernel = static_cast<std::size_t>(weight.dim(2) * weight.dim(3)),
             channels = static_cast<std::size_t>(to);
  std::vector<float> result(out * channels * kernel);
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t k = 0; k < kernel; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < in; ++i)
        sum += static_cast<double>(from[(o * in + i) * kernel + k]);
      for (std::size_t i = 0; i < channels; ++i)
        result[(o * channels + i) * kernel + k] = static_cast<float>(sum / static_cast<double>(to));
    }
  return Tensor::from(result, {weight.dim(0), to, weight.dim(2), weight.dim(3)});
}

// Equal but for axis `axis`.
bool differs_only_in(const Shape& a, const Shape& b, std::size_t axis) {
  if (a.size() != b.size() || axis >= a.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (i != axis && a[i] != b[i]) return false;
  return true;
}

}  // namespace

PretrainedReport load_pretrained(ImageModel& model, const TensorMap& weights,
                                 const std::string& origin) {
  PretrainedReport report;
  std::vector<std::pair<Tensor, Tensor>> copies;
  std::vector<std::string> absent, misfits, not_finite;
  std::set<std::string> used;
  const std::vector<std::string> classifier = model.classifier_names();
  const auto is_classifier = [&](const std::string& name) {
    return std::find(classifier.begin(), classifier.end(), name) != classifier.end();
  };
  const auto place = [&](const std::string& name, const Tensor& target, bool buffer) {
    const auto found = weights.find(name);
    if (found == weights.end()) {
      (buffer ? report.missing : absent).push_back(name);
      return;
    }
    used.insert(name);
    const Tensor& source = found->second;
    if (!finite(source)) not_finite.push_back(name);
    if (is_classifier(name) && source.rank() > 0) report.file_classes = source.dim(0);
    if (source.shape() == target.shape()) {
      report.loaded.push_back(name);
      copies.emplace_back(target.detach(), source);
    } else if (is_classifier(name) && differs_only_in(source.shape(), target.shape(), 0)) {
      report.replaced.push_back(name);
    } else if (name == model.stem_name() && source.rank() == 4 &&
               differs_only_in(source.shape(), target.shape(), 1)) {
      report.adapted.push_back(name);
      copies.emplace_back(target.detach(), spread_channels(source, target.dim(1)));
    } else {
      misfits.push_back(
          fmt::format("{} {} ≠ {}", name, to_string(source.shape()), to_string(target.shape())));
    }
  };
  for (const auto& [name, tensor] : model.parameters()) place(name, tensor, false);
  for (const auto& [name, tensor] : model.buffers()) place(name, tensor, true);
  for (const auto& entry : weights)
    if (!used.contains(entry.first)) report.ignored.push_back(entry.first);

  const Text other{
      fmt::format("Give the weights of {}, or choose the model that these weights were made for",
                  model.name()),
      fmt::format("请提供 {} 的权重，或选择与该权重对应的模型", model.name())};
  if (!absent.empty() || !misfits.empty())
    refuse(model, origin,
           {fmt::format("of {} parameters {} are missing [{}] and {} have another shape [{}]; {} "
                        "tensors of the file have no place [{}]",
                        model.parameters().size(), absent.size(), shortened(absent), misfits.size(),
                        shortened(misfits), report.ignored.size(), shortened(report.ignored)),
            fmt::format("共 {} 个参数：缺少 {} 个 [{}]，形状不符 {} 个 [{}]；文件中有 {} "
                        "个张量无处可用 [{}]",
                        model.parameters().size(), absent.size(), shortened(absent), misfits.size(),
                        shortened(misfits), report.ignored.size(), shortened(report.ignored))},
           other);
  if (!not_finite.empty())
    refuse(model, origin,
           {fmt::format("numbers that are not finite in {}", shortened(not_finite)),
            fmt::format("以下张量含有非有限数值：{}", shortened(not_finite))},
           {"Use weights of a training that did not diverge", "请使用训练未发散的权重"});
  // A classifier whose weight fits and whose bias does not (or the other way) is replaced whole.
  if (!report.replaced.empty() && report.replaced.size() != classifier.size())
    refuse(model, origin,
           {"weight and bias of its classifier are of different numbers of classes",
            "分类层的权重与偏置类别数不一致"},
           other);
  for (const auto& [target, source] : copies) target.copy_from(source);
  return report;
}

}  // namespace athanor::vision
