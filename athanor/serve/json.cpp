#include "athanor/serve/json.hpp"

#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

[[noreturn]] void bad_json(const std::string& en, const std::string& zh) {
  refuse(400, "bad-json", {"the body is not valid JSON: " + en, "请求体不是有效的 JSON：" + zh});
}

}  // namespace

void JsonBuilder::parse(std::span<const std::uint8_t> text) {
  const auto* begin = text.data();
  if (text.empty()) bad_json("it is empty", "内容为空");
  Json::sax_parse(begin, begin + text.size(), this);
}

bool JsonBuilder::null() { return scalar({Scalar::Kind::null}, nullptr); }

bool JsonBuilder::boolean(bool value) {
  Scalar s{Scalar::Kind::boolean};
  s.boolean = value;
  return scalar(s, value);
}

bool JsonBuilder::number_integer(std::int64_t value) {
  Scalar s{Scalar::Kind::negative};
  s.negative = value;
  return scalar(s, value);
}

bool JsonBuilder::number_unsigned(std::uint64_t value) {
  Scalar s{Scalar::Kind::positive};
  s.positive = value;
  return scalar(s, value);
}

bool JsonBuilder::number_float(double value, const std::string& text) {
  Scalar s{Scalar::Kind::real};
  s.real = value;
  s.text = &text;
  return scalar(s, value);
}

bool JsonBuilder::string(std::string& value) {
  Scalar s{Scalar::Kind::text};
  s.text = &value;
  if (taken_.empty() && !takes_now()) {
    place(std::move(value));
    return true;
  }
  take_scalar(s);
  if (taken_.empty()) take_end();
  return true;
}

bool JsonBuilder::scalar(const Scalar& scalar, Json value) {
  if (taken_.empty() && !takes_now()) {
    place(std::move(value));
    return true;
  }
  take_scalar(scalar);
  if (taken_.empty()) take_end();
  return true;
}

/// A taken member leaves null in the document, so that a second one of its name is noticed.
bool JsonBuilder::takes_now() {
  if (!takes_value()) return false;
  place(nullptr);
  return true;
}

bool JsonBuilder::start_object(std::size_t) { return begin(Json::object(), false); }
bool JsonBuilder::start_array(std::size_t) { return begin(Json::array(), true); }

bool JsonBuilder::begin(Json container, bool array) {
  deeper();
  if (!taken_.empty() || takes_now()) {
    taken_.push_back(array);
    array ? take_begin_array() : take_begin_object();
    return true;
  }
  Json* placed = place(std::move(container));
  frames_.push_back({placed, ""});
  return true;
}

bool JsonBuilder::end() {
  if (taken_.empty()) {
    frames_.pop_back();
    return true;
  }
  if (taken_.back()) take_end_array();
  taken_.pop_back();
  if (taken_.empty()) take_end();
  return true;
}

void JsonBuilder::deeper() {
  if (static_cast<int>(frames_.size() + taken_.size()) >= limits_.max_depth)
    refuse(400, "json-too-deep",
           {fmt::format("the JSON is nested deeper than {} levels", limits_.max_depth),
            fmt::format("JSON 嵌套超过 {} 层", limits_.max_depth)});
}

bool JsonBuilder::key(std::string& name) {
  if (!taken_.empty()) return true;
  Frame& frame = frames_.back();
  if (frame.value->contains(name))
    bad_json(fmt::format("the key \"{}\" comes twice", name.substr(0, 100)),
             fmt::format("键 \"{}\" 重复", name.substr(0, 100)));
  frame.key = std::move(name);
  return true;
}

JsonBuilder::Json* JsonBuilder::place(Json value) {
  if (++values_ > limits_.max_values)
    refuse(400, "json-too-large",
           {fmt::format("the JSON has more than {} values besides tensor data", limits_.max_values),
            fmt::format("除张量数据外，JSON 的值超过 {} 个", limits_.max_values)});
  if (frames_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  Frame& frame = frames_.back();
  if (frame.value->is_array()) {
    frame.value->push_back(std::move(value));
    return &frame.value->back();
  }
  Json& slot = (*frame.value)[frame.key];
  slot = std::move(value);
  return &slot;
}

bool JsonBuilder::parse_error(std::size_t position, const std::string&, const Json::exception& e) {
  // nlohmann's text begins with its own error number and place, which help nobody.
  std::string text = e.what();
  if (const auto bracket = text.find("] "); bracket != std::string::npos)
    text.erase(0, bracket + 2);
  if (text.size() > 200) text.resize(200);
  bad_json(fmt::format("at byte {}: {}", position, text),
           fmt::format("第 {} 字节：{}", position, text));
}

nlohmann::json parse_json(std::span<const std::uint8_t> text, JsonLimits limits) {
  JsonBuilder builder(limits);
  builder.parse(text);
  return std::move(builder.root());
}

std::string json_quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace athanor::serve
