#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace athanor::serve {

struct JsonLimits {
  int max_depth = 64;
  int max_values = 100'000;
};

/// Builds a document from the events of nlohmann's iterative parser, within limits; duplicate keys
/// are refused. A subclass may take the values of chosen places for itself instead.
/// Everything wrong throws HttpError 400.
class JsonBuilder {
 public:
  using Json = nlohmann::json;

  explicit JsonBuilder(JsonLimits limits) : limits_(limits) {}
  virtual ~JsonBuilder() = default;

  /// Parses the whole text.
  void parse(std::span<const std::uint8_t> text);
  Json& root() { return root_; }

  // The events, as nlohmann::json::sax_parse calls them.
  bool null();
  bool boolean(bool value);
  bool number_integer(std::int64_t value);
  bool number_unsigned(std::uint64_t value);
  bool number_float(double value, const std::string& text);
  bool string(std::string& value);
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t);
  bool key(std::string& name);
  bool end_object() { return end(); }
  bool start_array(std::size_t);
  bool end_array() { return end(); }
  bool parse_error(std::size_t position, const std::string& token, const Json::exception& error);

 protected:
  /// A value that goes to the subclass; numbers come as the parser read them.
  struct Scalar {
    enum class Kind { null, boolean, negative, positive, real, text } kind;
    bool boolean = false;
    std::int64_t negative = 0;
    std::uint64_t positive = 0;
    double real = 0;
    const std::string* text = nullptr;  ///< a string's content or a real number as written
  };

  /// Asked before each value outside a taken one: the subclass takes it whole.
  virtual bool takes_value() { return false; }
  virtual void take_scalar(const Scalar&) {}
  virtual void take_begin_array() {}
  virtual void take_end_array() {}
  virtual void take_begin_object() {}
  virtual void take_end() {}  ///< the taken value is complete

  /// One open array or object, outermost first.
  struct Frame {
    Json* value;
    std::string key;  ///< of the member that is read now
  };
  const std::vector<Frame>& frames() const { return frames_; }

 private:
  bool takes_now();
  bool scalar(const Scalar& scalar, Json value);
  Json* place(Json value);
  bool begin(Json container, bool array);
  bool end();
  void deeper();

  JsonLimits limits_;
  Json root_;
  std::vector<Frame> frames_;
  std::vector<bool> taken_;  ///< open arrays (true) and objects of the value that is being taken
  int values_ = 0;
};

/// Throws HttpError 400.
nlohmann::json parse_json(std::span<const std::uint8_t> text, JsonLimits limits);

/// A JSON string literal of any bytes; what is not UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace athanor::serve
