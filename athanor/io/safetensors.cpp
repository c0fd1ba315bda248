#include "athanor/io/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "athanor/io/writer.hpp"

namespace athanor::io {

namespace {

using nlohmann::json;

// A dtype of the format, and what it becomes here.
struct FileType {
  const char* name;
  std::size_t bytes;
  std::optional<DType> dtype;  // empty: not supported
  bool widened = false;
};

constexpr FileType kTypes[] = {
    {"BOOL", 1, DType::boolean},  {"U8", 1, DType::u8},         {"I8", 1, DType::i8},
    {"I32", 4, DType::i32},       {"I64", 8, DType::i64},       {"F16", 2, DType::f16},
    {"BF16", 2, DType::bf16},     {"F32", 4, DType::f32},       {"F64", 8, DType::f64},
    {"I16", 2, DType::i32, true}, {"U16", 2, DType::i32, true}, {"U32", 4, DType::i64, true},
    {"U64", 8, std::nullopt},     {"F8_E4M3", 1, std::nullopt}, {"F8_E5M2", 1, std::nullopt}};

const char* file_name_of(DType dtype) {
  for (const FileType& type : kTypes)
    if (type.dtype == dtype && !type.widened) return type.name;
  raise<InternalError>("safetensors: no name for {}", name_of(dtype));
}

struct Item {
  std::string name;
  const FileType* type = nullptr;
  std::optional<Shape> shape;
  std::optional<std::uint64_t> begin, end;
};

constexpr std::size_t kMaxRank = 64;

// The header is an object of objects; anything else is refused as it comes, so memory stays in
// proportion to the header.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}
  std::vector<Item> items;
  Metadata metadata;

  bool start_object(std::size_t) override {
    if (depth_ == 0) return ++depth_, true;
    if (depth_ != 1 || in_array_) fail("an object where a value was expected");
    ++depth_;
    fields_.clear();
    in_metadata_ = key_ == "__metadata__";
    if (!in_metadata_) items.push_back({key_, nullptr, {}, {}, {}});
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      const Item& item = items.back();
      if (!item.type || !item.shape || !item.end)
        fail("it needs dtype, shape and two data_offsets");
    }
    --depth_;
    return true;
  }
  bool key(std::string& text) override {
    if (depth_ == 1) {
      key_ = text;
      if (!names_.insert(text).second) fail("the name is there twice");
    } else {
      field_ = text;
      if (!fields_.insert(text).second) fail(fmt::format("'{}' is there twice", text));
      if (!in_metadata_ && text != "dtype" && text != "shape" && text != "data_offsets")
        fail(fmt::format("unknown field '{}'", text));
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata_) return metadata[field_] = text, true;
    if (depth_ != 2 || in_array_ || field_ != "dtype") fail("a text where it does not belong");
    for (const FileType& type : kTypes)
      if (text == type.name) return items.back().type = &type, true;
    fail(fmt::format("unknown dtype '{}'", text));
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_array_ || in_metadata_ || field_ == "dtype")
      fail("a list where it does not belong");
    in_array_ = true;
    if (field_ == "shape") items.back().shape.emplace();
    return true;
  }
  bool end_array() override { return in_array_ = false, true; }
  bool number_unsigned(json::number_unsigned_t value) override {
    if (!in_array_) fail("a number where it does not belong");
    if (value > (std::uint64_t{1} << 62)) fail(fmt::format("{} is too large", value));
    Item& item = items.back();
    if (field_ == "shape") {
      if (item.shape->size() == kMaxRank) fail("more than 64 axes");
      item.shape->push_back(static_cast<std::int64_t>(value));
    } else if (!item.begin) {
      item.begin = value;
    } else if (!item.end) {
      item.end = value;
    } else {
      fail("more than two data_offsets");
    }
    return true;
  }
  bool number_integer(json::number_integer_t) override { fail("a negative number"); }
  bool number_float(json::number_float_t, const std::string&) override { fail("a broken number"); }
  bool boolean(bool) override { fail("true or false where it does not belong"); }
  bool null() override { fail("null where it does not belong"); }
  bool binary(json::binary_t&) override { fail("binary where it does not belong"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    raise<FormatError>("{}: the safetensors header is not JSON (byte {})", file_, position);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    raise<FormatError>("{}: safetensors header, '{}': {}", file_, key_, what);
  }
  const std::string& file_;
  std::set<std::string> names_, fields_;
  std::string key_, field_;
  int depth_ = 0;
  bool in_array_ = false, in_metadata_ = false;
};

Tensor widen(const std::uint8_t* from, const FileType& type, const Shape& shape) {
  const Tensor out = Tensor::empty(shape, *type.dtype);
  for (std::int64_t i = 0; i < out.count(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, from + static_cast<std::size_t>(i) * type.bytes, type.bytes);
    if (type.bytes == 4) {
      out.data<std::int64_t>()[i] = bits;
    } else {
      out.data<std::int32_t>()[i] =
          type.name[0] == 'I' ? static_cast<std::int16_t>(bits) : static_cast<std::int32_t>(bits);
    }
  }
  return out;
}

// Any other byte than 0 and 1 in a bool is undefined behaviour for who reads it.
void check_booleans(const std::uint8_t* from, std::uint64_t count, const std::string& file,
                    const std::string& name) {
  for (std::uint64_t i = 0; i < count; ++i)
    require<FormatError>(from[i] <= 1, "{}: tensor '{}' is BOOL and holds the byte {}", file, name,
                         from[i]);
}

struct MapOwner final : RefCounted {
  explicit MapOwner(const std::filesystem::path& path) : file(path) {}
  MappedFile file;
};

// With an owner, aligned tensors are views.
Safetensors parse(std::span<const std::uint8_t> bytes, const std::string& file,
                  const Ref<MapOwner>& owner) {
  require<FormatError>(bytes.size() >= 8, "{}: {} bytes are too few for a safetensors file", file,
                       bytes.size());
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) length |= std::uint64_t{bytes[i]} << (8 * i);
  require<FormatError>(length <= kSafetensorsHeaderLimit,
                       "{}: the safetensors header is said to have {} bytes, the limit is {}", file,
                       length, kSafetensorsHeaderLimit);
  require<FormatError>(length <= bytes.size() - 8,
                       "{}: the safetensors header is said to have {} bytes, {} are there", file,
                       length, bytes.size() - 8);
  const auto header = bytes.subspan(8, length);
  require<FormatError>(!header.empty() && header[0] == '{',
                       "{}: the safetensors header does not begin with an object", file);
  HeaderReader reader(file);
  json::sax_parse(header.begin(), header.end(), &reader);

  const auto data = bytes.subspan(8 + length);
  std::vector<const Item*> order;
  for (const Item& item : reader.items) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return std::pair(*a->begin, *a->end) < std::pair(*b->begin, *b->end);
  });
  Safetensors out;
  out.metadata = std::move(reader.metadata);
  std::uint64_t at = 0;
  for (const Item* item : order) {
    require<FormatError>(*item->begin == at && *item->end >= at && *item->end <= data.size(),
                         "{}: tensor '{}' has data_offsets [{},{}]; expected are {} as the begin "
                         "and at most {} as the end",
                         file, item->name, *item->begin, *item->end, at, data.size());
    std::int64_t count = 0;
    try {
      count = element_count(*item->shape);
    } catch (const ShapeError& error) {
      raise<FormatError>("{}: tensor '{}': {}", file, item->name, error.what());
    }
    const std::uint64_t space = *item->end - *item->begin;
    require<FormatError>(
        space % item->type->bytes == 0 &&
            space / item->type->bytes == static_cast<std::uint64_t>(count),
        "{}: tensor '{}', {}{}, needs {} elements of {} bytes, its data_offsets span {} bytes",
        file, item->name, item->type->name, to_string(*item->shape), count, item->type->bytes,
        space);
    require<UnsupportedError>(item->type->dtype.has_value(),
                              "{}: tensor '{}' is {}, which athanor does not have; convert it to "
                              "F32, F16, BF16 or an integer of at most 32 bits",
                              file, item->name, item->type->name);
    const std::uint8_t* from = data.data() + at;
    const DType dtype = *item->type->dtype;
    Tensor tensor;
    if (dtype == DType::boolean) check_booleans(from, space, file, item->name);
    if (item->type->widened) {
      tensor = widen(from, *item->type, *item->shape);
    } else if (owner && count > 0 &&
               reinterpret_cast<std::uintptr_t>(from) % item->type->bytes == 0) {
      tensor = Tensor::wrap(const_cast<std::uint8_t*>(from), *item->shape, dtype, owner);
    } else {
      tensor = Tensor::empty(*item->shape, dtype);
      if (space) std::memcpy(tensor.raw(), from, space);
    }
    out.tensors.emplace(item->name, std::move(tensor));
    at = *item->end;
  }
  require<FormatError>(at == data.size(), "{}: {} bytes after the last tensor", file,
                       data.size() - at);
  return out;
}

std::vector<std::pair<std::string, Tensor>> file_order(const TensorMap& tensors) {
  std::vector<std::pair<std::string, Tensor>> order(tensors.begin(), tensors.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return size_of(a.second.dtype()) > size_of(b.second.dtype());
  });
  return order;
}

std::uint64_t bytes_of(const Tensor& t) {
  return static_cast<std::uint64_t>(t.count()) * size_of(t.dtype());
}

}  // namespace

Safetensors parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& name) {
  return parse(bytes, name, nullptr);
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse(file.bytes(), path.string(), nullptr);
}

Safetensors map_safetensors(const std::filesystem::path& path) {
  const auto owner = make_ref<MapOwner>(path);
  return parse(owner->file.bytes(), path.string(), owner);
}

std::string safetensors_header(const TensorMap& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : file_order(tensors)) {
    require(name != "__metadata__", "safetensors: a tensor cannot be named __metadata__");
    require(tensor.defined() && !tensor.is_symbolic(), "safetensors: tensor '{}' has no data",
            name);
    const std::uint64_t end = at + bytes_of(tensor);
    header[name] = {
        {"dtype", file_name_of(tensor.dtype())},
        {"shape", std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())},
        {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw ValueError("safetensors: names and metadata must be UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  require(text.size() <= kSafetensorsHeaderLimit,
          "safetensors: the header would have {} bytes, the limit is {}", text.size(),
          kSafetensorsHeaderLimit);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i)
    out += static_cast<char>((std::uint64_t{text.size()} >> (8 * i)) & 0xff);
  return out + text;
}

Bytes safetensors_bytes(const TensorMap& tensors, const Metadata& metadata) {
  const std::string header = safetensors_header(tensors, metadata);
  Bytes out(header.begin(), header.end());
  for (const auto& [name, tensor] : file_order(tensors)) {
    const std::vector<std::uint8_t> data = tensor.to_bytes();
    out.insert(out.end(), data.begin(), data.end());
  }
  return out;
}

void detail::write_safetensors_to(FileWriter& file, const TensorMap& tensors,
                                  const Metadata& metadata) {
  file.write(safetensors_header(tensors, metadata));
  for (const auto& [name, tensor] : file_order(tensors)) {
    if (tensor.is_contiguous()) {
      file.write({static_cast<const std::uint8_t*>(tensor.raw()), bytes_of(tensor)});
    } else {
      file.write(tensor.to_bytes());
    }
  }
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const Metadata& metadata) {
  // The header is checked before anything is written.
  AtomicFile file(path);
  detail::write_safetensors_to(file.writer(), tensors, metadata);
  file.commit();
}

}  // namespace athanor::io
