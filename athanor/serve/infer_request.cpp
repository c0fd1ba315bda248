#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "athanor/serve/infer.hpp"
#include "athanor/serve/json.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

using Json = nlohmann::json;

std::string shown(std::string_view text) {
  // Names come from the client: bounded in the answer.
  return std::string(text.substr(0, 100));
}

[[noreturn]] void bad_request(std::string code, std::string en, std::string zh) {
  refuse(400, std::move(code), {std::move(en), std::move(zh)});
}

[[noreturn]] void bad_field(const std::string& field, const std::string& en,
                            const std::string& zh) {
  bad_request("bad-field", field + " " + en, field + " " + zh);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  if (shape.size() > 16) return fmt::format("of {} dimensions", shape.size());
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<std::int64_t> parse_shape(const Json& json, const std::string& where) {
  if (!json.is_array()) bad_field(where, "must be an array of integers", "必须是整数数组");
  std::vector<std::int64_t> shape;
  for (const Json& dim : json) {
    const bool fits = dim.is_number_unsigned()
                          ? dim.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max()
                          : dim.is_number_integer();
    if (!fits) bad_field(where, "must be an array of integers", "必须是整数数组");
    shape.push_back(dim.get<std::int64_t>());
    if (shape.back() < 0)
      bad_request("bad-shape", fmt::format("{}: dimension {} is negative", where, shape.back()),
                  fmt::format("{}：维度 {} 为负数", where, shape.back()));
  }
  std::int64_t count = 0, bytes = 0;
  if (!element_count(shape, count) || __builtin_mul_overflow(count, std::int64_t{16}, &bytes))
    bad_request("bad-shape", fmt::format("{}: the number of elements is too large", where),
                fmt::format("{}：元素总数过大", where));
  return shape;
}

/// Where the values of one JSON tensor go, and how far the reading is.
struct DataReader {
  bool skip = false;  ///< datatype or shape come later: count brackets only
  std::string where;
  std::string datatype;
  std::vector<std::int64_t> shape;
  std::int64_t expected = 0;
  std::int64_t count = 0;
  int depth = 0;
  int value_depth = -1;                ///< the depth at which values stand
  std::vector<std::int64_t> children;  ///< per open array
  std::vector<std::uint8_t> bytes;

  template <class T>
  void push(T value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof value);
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
};

class InferBuilder : public JsonBuilder {
 public:
  InferBuilder(JsonLimits limits, std::size_t text_size)
      : JsonBuilder(limits), text_size_(text_size) {}

  /// The second reading, when the data of some input came before its datatype and shape.
  void know(const Json& inputs) { known_ = &inputs; }

  std::vector<DataReader> data;  ///< by index of the input; empty where there is none
  bool incomplete = false;

 protected:
  bool takes_value() override {
    const auto& f = frames();
    if (f.size() != 3 || f[0].key != "inputs" || !f[0].value->is_object() ||
        !f[1].value->is_array() || !f[2].value->is_object() || f[2].key != "data")
      return false;
    const std::size_t index = f[1].value->size() - 1;
    if (data.size() <= index) data.resize(index + 1);
    begin_data(index, known_ ? (*known_)[index] : *f[2].value);
    return true;
  }

  void take_begin_array() override {
    DataReader& d = *current_;
    if (!d.children.empty()) ++d.children.back();
    d.children.push_back(0);
    if (++d.depth; !d.skip && d.value_depth >= 0 && d.depth > d.value_depth) uneven();
  }

  void take_end_array() override {
    DataReader& d = *current_;
    const std::int64_t size = d.children.back();
    d.children.pop_back();
    if (!d.skip && (d.value_depth > 1 || (d.value_depth < 0 && d.depth > 1))) {
      const auto level = static_cast<std::size_t>(d.depth - 1);
      if (level < d.shape.size() && size != d.shape[level])
        bad_request("bad-data",
                    fmt::format("{}: a list at level {} has {} items, the shape {} says {}",
                                d.where, d.depth, size, shape_text(d.shape), d.shape[level]),
                    fmt::format("{}：第 {} 层列表有 {} 项，形状 {} 要求 {}", d.where, d.depth, size,
                                shape_text(d.shape), d.shape[level]));
    }
    --d.depth;
  }

  void take_begin_object() override {
    bad_field(current_->where, "must be an array of values", "必须是值的数组");
  }

  void take_scalar(const Scalar& scalar) override {
    DataReader& d = *current_;
    if (d.depth == 0) bad_field(d.where, "must be an array of values", "必须是值的数组");
    if (d.skip) return;
    if (d.value_depth < 0) {
      // Flat (one level), or nested exactly as the shape.
      if (d.depth != 1 && d.depth != static_cast<int>(d.shape.size())) uneven();
      d.value_depth = d.depth;
    } else if (d.depth != d.value_depth) {
      uneven();
    }
    ++d.children.back();
    if (++d.count > d.expected)
      bad_request(
          "bad-data",
          fmt::format("{}: more values than the {} of shape {}", d.where, d.expected,
                      shape_text(d.shape)),
          fmt::format("{}：值的个数超过形状 {} 的 {}", d.where, shape_text(d.shape), d.expected));
    append(d, scalar);
  }

  void take_end() override {
    DataReader& d = *current_;
    if (d.skip || d.count == d.expected) return;
    bad_request("bad-data",
                fmt::format("{}: {} values, shape {} needs {}", d.where, d.count,
                            shape_text(d.shape), d.expected),
                fmt::format("{}：有 {} 个值，形状 {} 需要 {} 个", d.where, d.count,
                            shape_text(d.shape), d.expected));
  }

 private:
  [[noreturn]] void uneven() {
    bad_request("bad-data",
                fmt::format("{}: the lists must be flat or nested as the shape {}", current_->where,
                            shape_text(current_->shape)),
                fmt::format("{}：列表必须是一维或按形状 {} 嵌套", current_->where,
                            shape_text(current_->shape)));
  }

  void begin_data(std::size_t index, const Json& input) {
    DataReader& d = data[index];
    d = DataReader();
    current_ = &d;
    d.where = fmt::format("inputs[{}].data", index);
    const auto datatype = input.find("datatype");
    const auto shape = input.find("shape");
    if (datatype == input.end() || shape == input.end()) {
      d.skip = true;
      incomplete = true;
      return;
    }
    if (!datatype->is_string())
      bad_field(fmt::format("inputs[{}].datatype", index), "must be a string", "必须是字符串");
    d.datatype = datatype->get<std::string>();
    const int size = datatype_size(d.datatype);
    if (size < 0)
      bad_request("bad-datatype",
                  fmt::format("inputs[{}]: there is no datatype '{}'", index, shown(d.datatype)),
                  fmt::format("inputs[{}]：没有数据类型 '{}'", index, shown(d.datatype)));
    if (d.datatype == "FP16" || d.datatype == "BF16")
      bad_request(
          "bad-datatype",
          fmt::format("inputs[{}]: {} has no JSON form, send it as binary data", index, d.datatype),
          fmt::format("inputs[{}]：{} 没有 JSON 形式，请用二进制数据", index, d.datatype));
    d.shape = parse_shape(*shape, fmt::format("inputs[{}].shape", index));
    element_count(d.shape, d.expected);
    // Each value takes two bytes of text at least; and a claim alone reserves no more than 8 MiB.
    const auto most = static_cast<std::int64_t>(std::min<std::size_t>(text_size_ / 2 + 1, 1 << 20));
    d.bytes.reserve(static_cast<std::size_t>(std::min(d.expected, most)) *
                    static_cast<std::size_t>(size));
  }

  [[noreturn]] void wrong_value(const DataReader& d, const char* en, const char* zh) {
    bad_request("bad-data",
                fmt::format("{}: value {} is not {} ({})", d.where, d.count - 1, d.datatype, en),
                fmt::format("{}：第 {} 个值不是 {}（{}）", d.where, d.count - 1, d.datatype, zh));
  }

  template <class T>
  void append_integer(DataReader& d, const Scalar& s) {
    using Kind = Scalar::Kind;
    if (s.kind == Kind::positive) {
      if (s.positive > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
        wrong_value(d, "out of range", "超出范围");
      d.push(static_cast<T>(s.positive));
    } else if (s.kind == Kind::negative) {
      if constexpr (std::is_unsigned_v<T>) {
        if (s.negative != 0) wrong_value(d, "out of range", "超出范围");
      } else if (s.negative < std::numeric_limits<T>::min()) {
        wrong_value(d, "out of range", "超出范围");
      }
      d.push(static_cast<T>(s.negative));
    } else {
      wrong_value(d, "a whole number is needed", "需要整数");
    }
  }

  /// The nearest float. Rounding text to double and the double to float is the same except when
  /// the double lies exactly between two floats: then the text decides.
  float nearest_float(const DataReader& d, const Scalar& s) {
    const auto narrowed = static_cast<float>(s.real);
    if (!std::isfinite(narrowed)) wrong_value(d, "out of range", "超出范围");
    const double back = narrowed;
    if (back == s.real) return narrowed;
    const float other =
        std::nextafterf(narrowed, s.real > back ? std::numeric_limits<float>::infinity()
                                                : -std::numeric_limits<float>::infinity());
    if (s.real - back != static_cast<double>(other) - s.real) return narrowed;
    float exact = narrowed;
    std::from_chars(s.text->data(), s.text->data() + s.text->size(), exact);
    return exact;
  }

  template <class T>
  void append_real(DataReader& d, const Scalar& s) {
    switch (s.kind) {
      case Scalar::Kind::positive: return d.push(static_cast<T>(s.positive));
      case Scalar::Kind::negative:
        // The parser reads "-0" as the integer 0.
        return d.push(s.negative == 0 ? static_cast<T>(-0.0) : static_cast<T>(s.negative));
      case Scalar::Kind::real:
        if constexpr (std::is_same_v<T, float>)
          return d.push(nearest_float(d, s));
        else
          return d.push(s.real);
      default: wrong_value(d, "a number is needed", "需要数值");
    }
  }

  void append(DataReader& d, const Scalar& s) {
    const std::string& type = d.datatype;
    if (type == "FP32") return append_real<float>(d, s);
    if (type == "FP64") return append_real<double>(d, s);
    if (type == "UINT8") return append_integer<std::uint8_t>(d, s);
    if (type == "UINT16") return append_integer<std::uint16_t>(d, s);
    if (type == "UINT32") return append_integer<std::uint32_t>(d, s);
    if (type == "UINT64") return append_integer<std::uint64_t>(d, s);
    if (type == "INT8") return append_integer<std::int8_t>(d, s);
    if (type == "INT16") return append_integer<std::int16_t>(d, s);
    if (type == "INT32") return append_integer<std::int32_t>(d, s);
    if (type == "INT64") return append_integer<std::int64_t>(d, s);
    if (type == "BOOL") {
      if (s.kind != Scalar::Kind::boolean)
        wrong_value(d, "true or false is needed", "需要 true 或 false");
      return d.push(static_cast<std::uint8_t>(s.boolean));
    }
    if (s.kind != Scalar::Kind::text) wrong_value(d, "a string is needed", "需要字符串");
    d.push(static_cast<std::uint32_t>(s.text->size()));
    d.bytes.insert(d.bytes.end(), s.text->begin(), s.text->end());
  }

  std::size_t text_size_;
  const Json* known_ = nullptr;
  DataReader* current_ = nullptr;
};

const Json* member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

const Json& parameters_of(const Json& object, const std::string& where) {
  static const Json kNone = Json::object();
  const Json* parameters = member(object, "parameters");
  if (!parameters) return kNone;
  if (!parameters->is_object()) bad_field(where + "parameters", "must be an object", "必须是对象");
  return *parameters;
}

bool boolean_parameter(const Json& parameters, const char* name, bool otherwise) {
  const Json* value = member(parameters, name);
  if (!value) return otherwise;
  if (!value->is_boolean())
    bad_field(fmt::format("parameters.{}", name), "must be true or false", "必须是 true 或 false");
  return value->get<bool>();
}

std::string text_member(const Json& object, const char* name, const std::string& where) {
  const Json* value = member(object, name);
  if (!value || !value->is_string())
    bad_field(where + name, "must be there and a string", "必须存在且为字符串");
  return value->get<std::string>();
}

std::string names_of(const std::vector<TensorInfo>& tensors) {
  std::string text;
  for (const TensorInfo& t : tensors) text += (text.empty() ? "" : ", ") + t.name;
  return text;
}

std::size_t index_of(const std::vector<TensorInfo>& tensors, const std::string& name, bool input) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].name == name) return i;
  bad_request(input ? "unknown-input" : "unknown-output",
              fmt::format("the model has no {} '{}'; it has: {}", input ? "input" : "output",
                          shown(name), names_of(tensors)),
              fmt::format("模型没有{} '{}'；可用：{}", input ? "输入" : "输出", shown(name),
                          names_of(tensors)));
}

void check_shape(const TensorInfo& info, std::span<const std::int64_t> shape,
                 const Limits& limits) {
  bool fits = shape.size() == info.shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] > 0 && (info.shape[i] < 0 || info.shape[i] == shape[i]);
  if (!fits)
    bad_request("bad-shape",
                fmt::format("input '{}' has shape {}, the model takes {} (-1 is any size from 1)",
                            info.name, shape_text(shape), shape_text(info.shape)),
                fmt::format("输入 '{}' 的形状为 {}，模型要求 {}（-1 表示任意正整数）", info.name,
                            shape_text(shape), shape_text(info.shape)));
  if (!shape.empty() && info.shape[0] < 0 && shape[0] > limits.max_batch)
    refuse(413, "batch-too-large",
           {fmt::format("input '{}' has {} rows, at most {} are taken", info.name, shape[0],
                        limits.max_batch),
            fmt::format("输入 '{}' 有 {} 行，最多 {} 行", info.name, shape[0], limits.max_batch)},
           {"send several requests", "请分成多个请求"});
}

/// The elements of a BYTES tensor must fill its bytes exactly.
void check_bytes_tensor(std::span<const std::uint8_t> bytes, std::int64_t expected,
                        const std::string& where) {
  std::int64_t count = 0;
  std::size_t at = 0;
  while (at < bytes.size() && count < expected) {
    std::uint32_t length = 0;
    if (bytes.size() - at < sizeof length) break;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length > bytes.size() - at - sizeof length) break;
    at += sizeof length + length;
    ++count;
  }
  if (count != expected || at != bytes.size())
    bad_request("bad-data",
                fmt::format("{}: its bytes are not {} length-prefixed strings", where, expected),
                fmt::format("{}：字节内容不是 {} 个带长度前缀的字符串", where, expected));
}

/// Takes the bytes of one input from the front of the binary part.
std::vector<std::uint8_t> take_binary(std::span<const std::uint8_t>& rest, const Json& size,
                                      const TensorInfo& info, std::int64_t count,
                                      const std::string& where) {
  if (!size.is_number_unsigned())
    bad_field(where + "parameters.binary_data_size", "must be a whole number from 0",
              "必须是非负整数");
  const auto bytes = size.get<std::uint64_t>();
  if (bytes > rest.size())
    bad_request("bad-data",
                fmt::format("{}parameters.binary_data_size is {}, but only {} bytes are left",
                            where, bytes, rest.size()),
                fmt::format("{}parameters.binary_data_size 为 {}，但只剩 {} 字节", where, bytes,
                            rest.size()));
  const auto data = rest.first(static_cast<std::size_t>(bytes));
  rest = rest.subspan(data.size());
  const int element = datatype_size(info.datatype);
  if (element == 0) {
    check_bytes_tensor(data, count, where + "data");
  } else if (data.size() != static_cast<std::uint64_t>(count) * static_cast<unsigned>(element)) {
    bad_request("bad-data",
                fmt::format("input '{}' has {} bytes, its shape needs {}", info.name, data.size(),
                            count * element),
                fmt::format("输入 '{}' 有 {} 字节，形状需要 {} 字节", info.name, data.size(),
                            count * element));
  } else if (info.datatype == "BOOL" &&
             std::any_of(data.begin(), data.end(), [](std::uint8_t b) { return b > 1; })) {
    bad_request("bad-data", fmt::format("input '{}': a BOOL is 0 or 1", info.name),
                fmt::format("输入 '{}'：BOOL 必须为 0 或 1", info.name));
  }
  return {data.begin(), data.end()};
}

std::vector<TensorValue> read_inputs(InferBuilder& builder, std::span<const std::uint8_t> binary,
                                     const ModelInfo& model, const Limits& limits) {
  const Json* list = member(builder.root(), "inputs");
  if (!list || !list->is_array())
    bad_field("inputs", "must be there and an array", "必须存在且为数组");
  std::vector<TensorValue> inputs(model.inputs.size());
  std::vector<bool> seen(model.inputs.size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& entry = (*list)[i];
    const std::string where = fmt::format("inputs[{}].", i);
    if (!entry.is_object())
      bad_field(fmt::format("inputs[{}]", i), "must be an object", "必须是对象");
    const std::string name = text_member(entry, "name", where);
    const std::size_t index = index_of(model.inputs, name, true);
    const TensorInfo& info = model.inputs[index];
    if (seen[index])
      bad_request("repeated-input", fmt::format("input '{}' comes twice", name),
                  fmt::format("输入 '{}' 重复", name));
    seen[index] = true;
    const std::string datatype = text_member(entry, "datatype", where);
    if (datatype != info.datatype)
      bad_request("bad-datatype",
                  fmt::format("input '{}' has datatype '{}', the model takes {}", name,
                              shown(datatype), info.datatype),
                  fmt::format("输入 '{}' 的数据类型为 '{}'，模型要求 {}", name, shown(datatype),
                              info.datatype));
    const Json* shape = member(entry, "shape");
    if (!shape) bad_field(where + "shape", "is missing", "缺失");
    TensorValue& tensor = inputs[index];
    tensor.name = name;
    tensor.datatype = datatype;
    tensor.shape = parse_shape(*shape, where + "shape");
    check_shape(info, tensor.shape, limits);
    std::int64_t count = 0;
    element_count(tensor.shape, count);
    const bool has_data = i < builder.data.size() && entry.contains("data");
    const Json* size = member(parameters_of(entry, where), "binary_data_size");
    if (has_data && size)
      bad_request("bad-data", fmt::format("input '{}' has both data and binary_data_size", name),
                  fmt::format("输入 '{}' 同时有 data 和 binary_data_size", name));
    if (size)
      tensor.data = take_binary(binary, *size, info, count, where);
    else if (has_data)
      tensor.data = std::move(builder.data[i].bytes);
    else
      bad_request("missing-data", fmt::format("input '{}' has no data", name),
                  fmt::format("输入 '{}' 没有数据", name));
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (!seen[i])
      bad_request(
          "missing-input",
          fmt::format("input '{}' is missing; the model takes: {}", model.inputs[i].name,
                      names_of(model.inputs)),
          fmt::format("缺少输入 '{}'；模型需要：{}", model.inputs[i].name, names_of(model.inputs)));
  if (!binary.empty())
    bad_request("bad-data", fmt::format("{} bytes follow the last input's", binary.size()),
                fmt::format("最后一个输入之后还有 {} 字节", binary.size()));
  return inputs;
}

std::vector<RequestedOutput> read_outputs(const Json& root, const ModelInfo& model) {
  const bool binary = boolean_parameter(parameters_of(root, ""), "binary_data_output", false);
  std::vector<RequestedOutput> outputs;
  const Json* list = member(root, "outputs");
  if (list && !list->is_array()) bad_field("outputs", "must be an array", "必须是数组");
  if (!list || list->empty()) {
    for (const TensorInfo& info : model.outputs) outputs.push_back({info.name, binary, 0});
    return outputs;
  }
  std::vector<bool> seen(model.outputs.size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& entry = (*list)[i];
    const std::string where = fmt::format("outputs[{}].", i);
    if (!entry.is_object())
      bad_field(fmt::format("outputs[{}]", i), "must be an object", "必须是对象");
    RequestedOutput output;
    output.name = text_member(entry, "name", where);
    const std::size_t index = index_of(model.outputs, output.name, false);
    if (seen[index])
      bad_request("repeated-output", fmt::format("output '{}' is asked for twice", output.name),
                  fmt::format("输出 '{}' 重复", output.name));
    seen[index] = true;
    const Json& parameters = parameters_of(entry, where);
    output.binary = boolean_parameter(parameters, "binary_data", binary);
    if (const Json* top = member(parameters, "classification")) {
      if (!top->is_number_unsigned() || top->get<std::uint64_t>() > 1'000'000)
        bad_field(where + "parameters.classification", "must be a whole number from 0",
                  "必须是非负整数");
      output.classification = top->get<int>();
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace

InferRequest parse_infer_request(std::span<const std::uint8_t> body,
                                 std::optional<std::size_t> json_length, const ModelInfo& model,
                                 const Limits& limits) {
  if (json_length && *json_length > body.size())
    bad_request("bad-header-length",
                fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes",
                            *json_length, body.size()),
                fmt::format("Inference-Header-Content-Length 为 {}，但请求体只有 {} 字节",
                            *json_length, body.size()));
  const auto text = body.first(json_length.value_or(body.size()));
  const JsonLimits json_limits{limits.max_json_depth, limits.max_json_values};
  InferBuilder builder(json_limits, text.size());
  builder.parse(text);
  if (!builder.root().is_object())
    bad_request("bad-json", "the request must be a JSON object", "请求必须是 JSON 对象");
  InferRequest request;
  if (const Json* id = member(builder.root(), "id")) {
    if (!id->is_string()) bad_field("id", "must be a string", "必须是字符串");
    request.id = id->get<std::string>();
  }
  request.outputs = read_outputs(builder.root(), model);
  if (builder.incomplete) {
    const Json* inputs = member(builder.root(), "inputs");
    for (std::size_t i = 0; i < inputs->size(); ++i)
      for (const char* name : {"datatype", "shape"})
        if ((*inputs)[i].is_object() && !member((*inputs)[i], name))
          bad_field(fmt::format("inputs[{}].{}", i, name), "is missing", "缺失");
    InferBuilder again(json_limits, text.size());
    again.know(*inputs);
    again.parse(text);
    builder.data = std::move(again.data);
  }
  request.inputs = read_inputs(builder, body.subspan(text.size()), model, limits);
  return request;
}

}  // namespace athanor::serve
