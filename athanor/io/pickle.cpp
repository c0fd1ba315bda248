#include "athanor/io/pickle.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace athanor::io {

namespace {

// Everything that a state dict needs and nothing that does anything.
constexpr std::string_view kGlobals[] = {"collections OrderedDict",
                                         "torch._utils _rebuild_tensor",
                                         "torch._utils _rebuild_tensor_v2",
                                         "torch._utils _rebuild_parameter",
                                         "torch Size",
                                         "torch device",
                                         "torch FloatStorage",
                                         "torch DoubleStorage",
                                         "torch HalfStorage",
                                         "torch BFloat16Storage",
                                         "torch LongStorage",
                                         "torch IntStorage",
                                         "torch ShortStorage",
                                         "torch CharStorage",
                                         "torch ByteStorage",
                                         "torch BoolStorage",
                                         "torch float32",
                                         "torch float64",
                                         "torch float16",
                                         "torch bfloat16",
                                         "torch int64",
                                         "torch int32",
                                         "torch int16",
                                         "torch int8",
                                         "torch uint8",
                                         "torch bool"};

// Which of them may be called.
constexpr std::string_view kCallable[] = {"collections OrderedDict",
                                          "torch._utils _rebuild_tensor",
                                          "torch._utils _rebuild_tensor_v2",
                                          "torch._utils _rebuild_parameter",
                                          "torch Size",
                                          "torch device"};

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 100)) out += c >= 32 && c < 127 ? c : '?';
  return out;
}

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind != Kind::dict) return nullptr;
  for (std::size_t i = items.size(); i >= 2; i -= 2)
    if (items[i - 2]->is(Kind::text) && items[i - 2]->text == key) return items[i - 1];
  return nullptr;
}

PickleReader::PickleReader(std::span<const std::uint8_t> bytes, std::string name,
                           PickleLimits limits)
    : bytes_(bytes), name_(std::move(name)), limits_(limits) {}

void PickleReader::fail(const std::string& what) const {
  raise<FormatError>("{}: {} (byte {} of the pickle)", name_, what, at_);
}

std::span<const std::uint8_t> PickleReader::take(std::uint64_t count) {
  if (count > bytes_.size() - at_)
    fail(fmt::format("the pickle is cut short: {} bytes are needed, {} are left", count,
                     bytes_.size() - at_));
  const auto part = bytes_.subspan(at_, count);
  at_ += count;
  return part;
}

std::uint64_t PickleReader::number(std::size_t width) {
  std::uint64_t value = 0;
  const auto part = take(width);
  for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{part[i]} << (8 * i);
  return value;
}

std::string_view PickleReader::take_text(std::uint64_t count) {
  const auto part = take(count);
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::string_view PickleReader::line() {
  const auto rest = bytes_.subspan(at_);
  const auto end = std::find(rest.begin(), rest.end(), std::uint8_t{'\n'});
  if (end == rest.end()) fail("the pickle is cut short in a line");
  const std::string_view text = take_text(static_cast<std::uint64_t>(end - rest.begin()));
  ++at_;
  return text;
}

PickleValue& PickleReader::make(Kind kind) {
  if (values_.size() >= limits_.values)
    fail(fmt::format("the pickle makes more than {} values", limits_.values));
  values_.emplace_back().kind = kind;
  return values_.back();
}

// A few bytes can call a function with a long argument that the memo keeps, over and over.
void PickleReader::charge(std::uint64_t copies) {
  copies_ += copies;
  if (copies_ > limits_.values)
    fail(fmt::format("the pickle's calls have more than {} arguments", limits_.values));
}

void PickleReader::push(const PickleValue& value) {
  if (stack_.size() >= limits_.stack)
    fail(fmt::format("the pickle's stack is deeper than {}", limits_.stack));
  stack_.push_back(const_cast<PickleValue*>(&value));
}

PickleValue& PickleReader::push_new(Kind kind) {
  PickleValue& value = make(kind);
  push(value);
  return value;
}

PickleValue& PickleReader::top() {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
    fail("the pickle takes from an empty stack");
  return *stack_.back();
}

const PickleValue& PickleReader::pop() {
  const PickleValue& value = top();
  stack_.pop_back();
  return value;
}

std::vector<const PickleValue*> PickleReader::pop_to_mark() {
  if (marks_.empty()) fail("the pickle has no mark");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const PickleValue*> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleReader::put(std::uint64_t key) { memo_[key] = &top(); }

void PickleReader::get(std::uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail(fmt::format("the pickle reads memo {}, which is not set", key));
  push(*found->second);
}

void PickleReader::global(std::string_view module, std::string_view name) {
  texts_.push_back(fmt::format("{} {}", module, name));
  const std::string& full = texts_.back();
  if (std::find(std::begin(kGlobals), std::end(kGlobals), full) == std::end(kGlobals))
    fail(
        fmt::format("the file refers to Python's {}.{}, which is not part of plain weights; "
                    "nothing was executed. Save model.state_dict() instead of the model",
                    printable(module), printable(name)));
  push_new(Kind::global).text = full;
}

void PickleReader::reduce() {
  const PickleValue& arguments = pop();
  const PickleValue& function = pop();
  if (!function.is(Kind::global) || !arguments.is(Kind::tuple)) fail("a call of no function");
  if (std::find(std::begin(kCallable), std::end(kCallable), function.text) == std::end(kCallable))
    fail(fmt::format("the file calls {}, which is not a function of plain weights", function.text));
  if (function.text == "collections OrderedDict") {
    // OrderedDict() or, in old files, OrderedDict([[key, value], ...]).
    PickleValue& dict = make(Kind::dict);
    if (arguments.items.size() > 1) fail("OrderedDict takes one argument");
    if (arguments.items.size() == 1) {
      if (!arguments.items[0]->is(Kind::list)) fail("OrderedDict takes a list of pairs");
      charge(arguments.items[0]->items.size());
      for (const PickleValue* pair : arguments.items[0]->items) {
        if ((!pair->is(Kind::list) && !pair->is(Kind::tuple)) || pair->items.size() != 2)
          fail("OrderedDict takes a list of pairs");
        dict.items.push_back(pair->items[0]);
        dict.items.push_back(pair->items[1]);
      }
    }
    push(dict);
    return;
  }
  charge(arguments.items.size());
  PickleValue& made = push_new(Kind::made);
  made.items.push_back(&function);
  made.items.insert(made.items.end(), arguments.items.begin(), arguments.items.end());
}

// Attributes of an OrderedDict (a state dict's _metadata); they mean nothing to us.
void PickleReader::build() {
  pop();
  if (!top().is(Kind::dict)) fail("the pickle sets attributes of something that is no dictionary");
}

void PickleReader::long_bytes(std::uint64_t count) {
  const std::string_view raw = take_text(count);
  if (raw.size() > 8) {
    push_new(Kind::big_integer).text = raw;
    return;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < raw.size(); ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(raw[i])} << (8 * i);
  if (!raw.empty() && raw.size() < 8 && (static_cast<std::uint8_t>(raw.back()) & 0x80))
    value |= ~std::uint64_t{0} << (8 * raw.size());
  push_new(Kind::integer).integer = static_cast<std::int64_t>(value);
}

void PickleReader::append(PickleValue& target, const std::vector<const PickleValue*>& items) {
  if (!target.is(Kind::list)) fail("the pickle appends to something that is no list");
  target.items.insert(target.items.end(), items.begin(), items.end());
}

void PickleReader::set_items(PickleValue& target, const std::vector<const PickleValue*>& items) {
  if (!target.is(Kind::dict)) fail("the pickle sets items of something that is no dictionary");
  if (items.size() % 2 != 0) fail("a key without a value");
  target.items.insert(target.items.end(), items.begin(), items.end());
}

bool PickleReader::step() {
  const auto op = static_cast<char>(number(1));
  switch (op) {
    case '\x80': {  // PROTO
      const std::uint64_t protocol = number(1);
      if (protocol > 5) fail(fmt::format("pickle protocol {} is not known", protocol));
      break;
    }
    case '\x95': number(8); break;  // FRAME
    case '.': return false;         // STOP
    case '(': marks_.push_back(stack_.size()); break;
    case '0': pop(); break;
    case '1': pop_to_mark(); break;
    case '2': push(top()); break;
    case 'N': push_new(Kind::none); break;
    case '\x88': push_new(Kind::boolean).flag = true; break;
    case '\x89': push_new(Kind::boolean).flag = false; break;
    case 'J': push_new(Kind::integer).integer = static_cast<std::int32_t>(number(4)); break;
    case 'K': push_new(Kind::integer).integer = static_cast<std::int64_t>(number(1)); break;
    case 'M': push_new(Kind::integer).integer = static_cast<std::int64_t>(number(2)); break;
    case 'I':
    case 'L': {  // decimal lines; I01 and I00 are True and False
      std::string_view text = line();
      if (op == 'I' && (text == "01" || text == "00")) {
        push_new(Kind::boolean).flag = text == "01";
        break;
      }
      if (op == 'L' && text.ends_with('L')) text.remove_suffix(1);
      std::int64_t value = 0;
      const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (code != std::errc() || stop != text.data() + text.size()) fail("a broken number");
      push_new(Kind::integer).integer = value;
      break;
    }
    case '\x8a': long_bytes(number(1)); break;
    case '\x8b': long_bytes(number(4)); break;
    case 'G': {
      std::uint64_t bits = 0;
      for (const std::uint8_t byte : take(8)) bits = bits << 8 | byte;
      push_new(Kind::real).real = std::bit_cast<double>(bits);
      break;
    }
    case 'X': push_new(Kind::text).text = take_text(number(4)); break;
    case '\x8c': push_new(Kind::text).text = take_text(number(1)); break;
    case '\x8d': push_new(Kind::text).text = take_text(number(8)); break;
    case 'T': push_new(Kind::text).text = take_text(number(4)); break;
    case 'U': push_new(Kind::text).text = take_text(number(1)); break;
    case 'B': push_new(Kind::bytes).text = take_text(number(4)); break;
    case 'C': push_new(Kind::bytes).text = take_text(number(1)); break;
    case ']': push_new(Kind::list); break;
    case ')': push_new(Kind::tuple); break;
    case '}': push_new(Kind::dict); break;
    case 'l': {
      auto items = pop_to_mark();
      push_new(Kind::list).items = std::move(items);
      break;
    }
    case 't': {
      auto items = pop_to_mark();
      push_new(Kind::tuple).items = std::move(items);
      break;
    }
    case 'd': {
      auto items = pop_to_mark();
      set_items(push_new(Kind::dict), items);
      break;
    }
    case '\x85':
    case '\x86':
    case '\x87': {
      std::vector<const PickleValue*> items(static_cast<std::size_t>(op - '\x85') + 1);
      for (std::size_t i = items.size(); i-- > 0;) items[i] = &pop();
      push_new(Kind::tuple).items = std::move(items);
      break;
    }
    case 'a': {
      const PickleValue& item = pop();
      append(top(), {&item});
      break;
    }
    case 'e': {
      const auto items = pop_to_mark();
      append(top(), items);
      break;
    }
    case 's': {
      const PickleValue& value = pop();
      const PickleValue& key = pop();
      set_items(top(), {&key, &value});
      break;
    }
    case 'u': {
      const auto items = pop_to_mark();
      set_items(top(), items);
      break;
    }
    case 'c': {
      const std::string_view module = line();
      global(module, line());
      break;
    }
    case '\x93': {
      const PickleValue& name = pop();
      const PickleValue& module = pop();
      if (!name.is(Kind::text) || !module.is(Kind::text)) fail("a global without a name");
      global(module.text, name.text);
      break;
    }
    case 'R': reduce(); break;
    case 'b': build(); break;
    case 'q': put(number(1)); break;
    case 'r': put(number(4)); break;
    case '\x94': put(memo_.size()); break;
    case 'h': get(number(1)); break;
    case 'j': get(number(4)); break;
    case 'Q': {
      const PickleValue& id = pop();
      push_new(Kind::persistent).items.push_back(&id);
      break;
    }
    default:
      fail(fmt::format("pickle instruction 0x{:02x} is not one that plain weights need",
                       static_cast<std::uint8_t>(op)));
  }
  return true;
}

const PickleValue& PickleReader::read() {
  stack_.clear();
  marks_.clear();
  memo_.clear();
  while (step()) {
  }
  return pop();
}

}  // namespace athanor::io
