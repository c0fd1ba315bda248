#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <list>
#include <numeric>

#include "athanor/serve/infer.hpp"
#include "athanor/serve/json.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

[[noreturn]] void not_in_json(const TensorValue& tensor, const char* en, const char* zh) {
  refuse(422, "not-in-json",
         {fmt::format("output '{}' {}", tensor.name, en),
          fmt::format("输出 '{}' {}", tensor.name, zh)},
         {"ask for it as binary: parameters.binary_data = true",
          "请用二进制输出：parameters.binary_data = true"});
}

template <class T>
T element(const TensorValue& tensor, std::size_t index) {
  T value;
  std::memcpy(&value, tensor.data.data() + index * sizeof value, sizeof value);
  return value;
}

template <class T>
void append_numbers(const TensorValue& tensor, std::string& out) {
  const std::size_t count = tensor.data.size() / sizeof(T);
  char digits[64];
  for (std::size_t i = 0; i < count; ++i) {
    if (i) out.push_back(',');
    const T value = element<T>(tensor, i);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value))
        not_in_json(tensor, "has NaN or infinite values, which JSON cannot say",
                    "含有 NaN 或无穷大，JSON 无法表示");
      if (value == 0 && std::signbit(value)) {
        out += "-0.0";  // many readers turn -0 into the integer 0
        continue;
      }
    }
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
  }
}

template <class F>
void each_string(const TensorValue& tensor, F f) {
  std::size_t at = 0;
  while (at + 4 <= tensor.data.size()) {
    std::uint32_t length = 0;
    std::memcpy(&length, tensor.data.data() + at, sizeof length);
    at += 4;
    ATH_ASSERT(length <= tensor.data.size() - at);
    f(std::string_view(reinterpret_cast<const char*>(tensor.data.data()) + at, length));
    at += length;
  }
}

void append_strings(const TensorValue& tensor, std::string& out) {
  bool first = true;
  each_string(tensor, [&](std::string_view text) {
    if (!first) out.push_back(',');
    first = false;
    try {
      out += nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
      not_in_json(tensor, "has strings that are not UTF-8", "含有非 UTF-8 字符串");
    }
  });
}

/// Triton's classification extension: the best classes of each row as "score:index:label".
TensorValue classify(const TensorValue& tensor, int top, const std::vector<std::string>& labels) {
  if ((tensor.datatype != "FP32" && tensor.datatype != "FP64") || tensor.shape.empty())
    refuse(
        400, "bad-field",
        {fmt::format("output '{}' cannot be classified: it is not a list of scores", tensor.name),
         fmt::format("输出 '{}' 不是分数列表，无法分类", tensor.name)});
  const auto classes = static_cast<std::size_t>(tensor.shape.back());
  const auto shown = std::min<std::size_t>(static_cast<std::size_t>(top), classes);
  const std::size_t size = tensor.datatype == "FP32" ? 4 : 8;
  const std::size_t rows = classes == 0 ? 0 : tensor.data.size() / size / classes;
  TensorValue result{tensor.name, "BYTES", tensor.shape, {}};
  result.shape.back() = static_cast<std::int64_t>(shown);
  std::vector<std::size_t> order(classes);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto score = [&](std::size_t i) {
      return size == 4 ? static_cast<double>(element<float>(tensor, row * classes + i))
                       : element<double>(tensor, row * classes + i);
    };
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Equal scores by index and NaN last, so that the order is one.
    const auto better = [&](std::size_t x, std::size_t y) {
      const double a = score(x), b = score(y);
      if (std::isnan(a) || std::isnan(b))
        return std::isnan(a) == std::isnan(b) ? x < y : std::isnan(b);
      return a != b ? a > b : x < y;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown),
                      order.end(), better);
    for (std::size_t i = 0; i < shown; ++i) {
      std::string text = fmt::format("{:f}:{}", score(order[i]), order[i]);
      if (order[i] < labels.size()) text += ":" + labels[order[i]];
      const auto length = static_cast<std::uint32_t>(text.size());
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(&length);
      result.data.insert(result.data.end(), bytes, bytes + sizeof length);
      result.data.insert(result.data.end(), text.begin(), text.end());
    }
  }
  return result;
}

void check_output(const TensorValue& tensor) {
  std::int64_t count = 0;
  const int size = datatype_size(tensor.datatype);
  ATH_ASSERT(size >= 0 && element_count(tensor.shape, count));
  ATH_ASSERT(size == 0 || tensor.data.size() == static_cast<std::size_t>(count * size));
}

}  // namespace

void append_json_values(const TensorValue& tensor, std::string& out) {
  const std::string& type = tensor.datatype;
  out.push_back('[');
  if (type == "FP32") {
    append_numbers<float>(tensor, out);
  } else if (type == "FP64") {
    append_numbers<double>(tensor, out);
  } else if (type == "UINT8") {
    append_numbers<std::uint8_t>(tensor, out);
  } else if (type == "UINT16") {
    append_numbers<std::uint16_t>(tensor, out);
  } else if (type == "UINT32") {
    append_numbers<std::uint32_t>(tensor, out);
  } else if (type == "UINT64") {
    append_numbers<std::uint64_t>(tensor, out);
  } else if (type == "INT8") {
    append_numbers<std::int8_t>(tensor, out);
  } else if (type == "INT16") {
    append_numbers<std::int16_t>(tensor, out);
  } else if (type == "INT32") {
    append_numbers<std::int32_t>(tensor, out);
  } else if (type == "INT64") {
    append_numbers<std::int64_t>(tensor, out);
  } else if (type == "BOOL") {
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
      if (i) out.push_back(',');
      out += tensor.data[i] ? "true" : "false";
    }
  } else if (type == "BYTES") {
    append_strings(tensor, out);
  } else {
    not_in_json(tensor, "is of a datatype without JSON form", "的数据类型没有 JSON 形式");
  }
  out.push_back(']');
}

Response write_infer_response(const ModelInfo& model, const InferRequest& request,
                              const std::vector<TensorValue>& outputs) {
  std::string json = "{\"model_name\":" + json_quote(model.name) +
                     ",\"model_version\":" + json_quote(model.version);
  if (request.id) json += ",\"id\":" + json_quote(*request.id);
  json += ",\"outputs\":[";
  std::list<TensorValue> classified;
  std::vector<std::span<const std::uint8_t>> binary;
  std::size_t binary_size = 0;
  bool first = true;
  for (const RequestedOutput& wanted : request.outputs) {
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const TensorValue& t) { return t.name == wanted.name; });
    ATH_ASSERT(found != outputs.end());
    check_output(*found);
    const TensorValue* tensor = &*found;
    if (wanted.classification > 0) {
      classified.push_back(classify(*found, wanted.classification, model.labels));
      tensor = &classified.back();
    }
    if (!first) json += ',';
    first = false;
    json += fmt::format("{{\"name\":{},\"datatype\":\"{}\",\"shape\":[{}],",
                        json_quote(tensor->name), tensor->datatype, fmt::join(tensor->shape, ","));
    if (wanted.binary) {
      binary_size += tensor->data.size();
      json += fmt::format("\"parameters\":{{\"binary_data_size\":{}}}}}", tensor->data.size());
      binary.emplace_back(tensor->data);
    } else {
      json += "\"data\":";
      append_json_values(*tensor, json);
      json += '}';
    }
  }
  json += "]}";
  Response response;
  if (!binary.empty()) {
    response.content_type = "application/octet-stream";
    response.headers.add("Inference-Header-Content-Length", std::to_string(json.size()));
  }
  response.body = std::move(json);
  response.body.reserve(response.body.size() + binary_size);
  for (const auto bytes : binary)
    response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return response;
}

}  // namespace athanor::serve
