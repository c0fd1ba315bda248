#include "athanor/io/weights.hpp"

#include <string_view>

#include "athanor/base/file.hpp"
#include "athanor/io/safetensors.hpp"

namespace athanor::io {

namespace {

constexpr std::string_view kModule = "module.";

// torch.nn.DataParallel puts "module." before every name.
TensorMap without_module(TensorMap weights) {
  for (const auto& entry : weights)
    if (!entry.first.starts_with(kModule)) return weights;
  TensorMap out;
  for (auto& [name, tensor] : weights) out.emplace(name.substr(kModule.size()), std::move(tensor));
  return out;
}

}  // namespace

TensorMap parse_weights(std::span<const std::uint8_t> bytes, const std::string& name) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 16));
  if (head.starts_with("PK") || head.starts_with('\x80'))
    return without_module(parse_pth(bytes, name));
  if (head.size() > 8 && head[8] == '{')
    return without_module(parse_safetensors(bytes, name).tensors);
  raise<FormatError>(
      "{}: neither safetensors nor a PyTorch weights file (.pth, .pt, .th); convert the weights "
      "to safetensors",
      name);
}

TensorMap load_weights(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_weights(file.bytes(), path.string());
}

}  // namespace athanor::io
