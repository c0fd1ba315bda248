#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/base/error.hpp"

namespace athanor::io {

/// A value of a pickle. Nothing that a pickle names is ever called: the few known constructors
/// become plain records of what was to be made.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,      ///< 64 bits
    big_integer,  ///< more: `text` holds the little-endian two's complement bytes
    real,
    text,
    bytes,
    list,
    tuple,
    dict,       ///< items: key, value, key, value ...; OrderedDict too
    global,     ///< text: "module name", one of the whitelist
    made,       ///< items[0] is the global, the rest its arguments
    persistent  ///< items[0]: what the pickle says of an object that is stored elsewhere
  };
  Kind kind = Kind::none;
  bool flag = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text;  ///< into the pickle's bytes, or into the reader
  std::vector<const PickleValue*> items;

  bool is(Kind k) const { return kind == k; }
  /// The value of a dict's text key, or null. The last one wins, as in Python.
  const PickleValue* find(std::string_view key) const;
};

struct PickleLimits {
  std::uint64_t values = 2'000'000;  ///< values that are made, and arguments that are copied
  std::uint64_t stack = 1'000'000;
};

/// Reads pickles (protocols 0 to 5) of state dicts through a whitelist of globals:
/// collections.OrderedDict, torch._utils._rebuild_tensor, _rebuild_tensor_v2 and
/// _rebuild_parameter, the torch.*Storage types, torch.Size, torch.device and the names of
/// torch's dtypes. Any other global, and any instruction outside about 45 harmless ones, is a
/// FormatError that names it. Work and memory are in proportion to the bytes; values live as long
/// as the reader, which also makes deep nesting and cycles harmless.
class PickleReader {
 public:
  /// `name` stands in messages. The bytes must outlive the reader.
  PickleReader(std::span<const std::uint8_t> bytes, std::string name, PickleLimits limits = {});

  /// Reads one pickle, up to its STOP. Throws FormatError.
  const PickleValue& read();
  /// Bytes behind the pickles that were read.
  std::size_t position() const { return at_; }

 private:
  using Kind = PickleValue::Kind;
  [[noreturn]] void fail(const std::string& what) const;
  std::span<const std::uint8_t> take(std::uint64_t count);
  std::uint64_t number(std::size_t width);
  std::string_view take_text(std::uint64_t count);
  std::string_view line();
  PickleValue& make(Kind kind);
  void charge(std::uint64_t copies);
  void push(const PickleValue& value);
  PickleValue& push_new(Kind kind);
  const PickleValue& pop();
  PickleValue& top();
  std::vector<const PickleValue*> pop_to_mark();
  void put(std::uint64_t key);
  void get(std::uint64_t key);
  void global(std::string_view module, std::string_view name);
  void reduce();
  void build();
  void long_bytes(std::uint64_t count);
  void append(PickleValue& target, const std::vector<const PickleValue*>& items);
  void set_items(PickleValue& target, const std::vector<const PickleValue*>& items);
  /// False at STOP.
  bool step();

  std::span<const std::uint8_t> bytes_;
  std::string name_;
  PickleLimits limits_;
  std::size_t at_ = 0;
  std::deque<PickleValue> values_;
  std::uint64_t copies_ = 0;
  std::deque<std::string> texts_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleValue*> memo_;
};

}  // namespace athanor::io
