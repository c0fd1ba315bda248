#include <cstring>
#include <map>
#include <optional>

#include "athanor/io/pickle.hpp"
#include "athanor/io/weights.hpp"
#include "athanor/io/zip.hpp"

namespace athanor::io {

namespace {

using Kind = PickleValue::Kind;

constexpr std::uint64_t kPickleLimit = std::uint64_t{64} << 20;
// The magic number of the legacy form, 0x1950a86a20f9469cfc6c, as LONG1 writes it.
constexpr std::string_view kLegacyMagic{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
constexpr std::int64_t kLegacyProtocol = 1001;
constexpr std::size_t kMaxRank = 64;

struct StorageType {
  std::string_view name;
  DType dtype;
  std::size_t bytes;
};
constexpr StorageType kStorageTypes[] = {
    {"torch FloatStorage", DType::f32, 4},   {"torch DoubleStorage", DType::f64, 8},
    {"torch HalfStorage", DType::f16, 2},    {"torch BFloat16Storage", DType::bf16, 2},
    {"torch LongStorage", DType::i64, 8},    {"torch IntStorage", DType::i32, 4},
    {"torch ShortStorage", DType::i32, 2},  // widened
    {"torch CharStorage", DType::i8, 1},     {"torch ByteStorage", DType::u8, 1},
    {"torch BoolStorage", DType::boolean, 1}};

/// Turns the records of a pickle into tensors; a storage becomes one tensor that all its views
/// share.
class Builder {
 public:
  Builder(std::string name, std::uint64_t file_bytes)
      : name_(std::move(name)), budget_(16 * file_bytes + (std::uint64_t{64} << 20)) {}
  virtual ~Builder() = default;

  /// The tensors of a dictionary, unwrapped.
  TensorMap state_dict(const PickleValue& root) {
    const PickleValue* dict = &root;
    // "state_dict" inside "model" and the like: two levels are enough.
    for (int level = 0; level < 2; ++level)
      for (const std::string_view key : {"state_dict", "model_state_dict", "model"})
        if (const PickleValue* inner = dict->find(key); inner && inner->is(Kind::dict)) {
          dict = inner;
          break;
        }
    require<FormatError>(dict->is(Kind::dict), "{}: the file does not hold a dictionary of tensors",
                         name_);
    TensorMap out;
    for (std::size_t i = 0; i + 1 < dict->items.size(); i += 2) {
      const PickleValue& key = *dict->items[i];
      const std::optional<Tensor> value = tensor(*dict->items[i + 1]);
      if (key.is(Kind::text) && value) out[std::string(key.text)] = *value;
    }
    require<FormatError>(!out.empty(), "{}: the file holds no tensors", name_);
    return out;
  }

 protected:
  [[noreturn]] void fail(const std::string& what) const {
    raise<FormatError>("{}: {}", name_, what);
  }
  /// The storage's elements, converted, rank 1.
  virtual Tensor load(const std::string& key, const StorageType& type, std::int64_t count) = 0;

  Tensor decode(std::span<const std::uint8_t> raw, const StorageType& type, std::int64_t count) {
    const auto wanted = static_cast<std::uint64_t>(count) * type.bytes;
    if (raw.size() < wanted)
      fail(fmt::format("a storage of {} elements of {} bytes is cut short at {} bytes", count,
                       type.bytes, raw.size()));
    const Tensor out = Tensor::empty({count}, type.dtype);
    if (type.name == "torch ShortStorage") {
      for (std::int64_t i = 0; i < count; ++i) {
        std::int16_t value = 0;
        std::memcpy(&value, raw.data() + 2 * i, 2);
        out.data<std::int32_t>()[i] = value;
      }
    } else {
      if (type.dtype == DType::boolean)
        for (std::uint64_t i = 0; i < wanted; ++i)
          if (raw[i] > 1) fail("a storage of booleans holds other bytes than 0 and 1");
      if (wanted) std::memcpy(out.raw(), raw.data(), wanted);
    }
    return out;
  }

  struct StorageRecord {
    std::string key;
    const StorageType* type;
    std::int64_t count;
    std::int64_t view_offset = 0, view_count = -1;  // legacy views of a storage
  };
  StorageRecord storage_record(const PickleValue& value) const {
    if (!value.is(Kind::persistent)) fail("a tensor without a storage");
    const PickleValue& id = *value.items[0];
    if (!id.is(Kind::tuple) || id.items.size() < 5 || !id.items[0]->is(Kind::text) ||
        id.items[0]->text != "storage" || !id.items[1]->is(Kind::global) ||
        !id.items[2]->is(Kind::text) || !id.items[4]->is(Kind::integer))
      fail("a storage record of an unknown form");
    StorageRecord record{std::string(id.items[2]->text), nullptr, id.items[4]->integer};
    for (const StorageType& type : kStorageTypes)
      if (type.name == id.items[1]->text) record.type = &type;
    if (!record.type) fail(fmt::format("storages of type {} cannot be read", id.items[1]->text));
    if (record.count < 0 || record.count > (std::int64_t{1} << 48))
      fail(fmt::format("a storage of {} elements", record.count));
    if (id.items.size() > 5 && id.items[5]->is(Kind::tuple)) {
      const PickleValue& view = *id.items[5];
      if (view.items.size() != 3 || !view.items[1]->is(Kind::integer) ||
          !view.items[2]->is(Kind::integer))
        fail("a storage view of an unknown form");
      record.view_offset = view.items[1]->integer;
      record.view_count = view.items[2]->integer;
    }
    return record;
  }
  const std::string& name() const { return name_; }

 private:
  static std::optional<Dims> integers(const PickleValue& value) {
    const PickleValue* list = &value;
    if (value.is(Kind::made) && value.items[0]->text == "torch Size" && value.items.size() == 2)
      list = value.items[1];
    if (!list->is(Kind::tuple) && !list->is(Kind::list)) return std::nullopt;
    if (list->items.size() > kMaxRank) return std::nullopt;
    Dims out;
    for (const PickleValue* item : list->items) {
      if (!item->is(Kind::integer)) return std::nullopt;
      out.push_back(item->integer);
    }
    return out;
  }

  std::optional<Tensor> tensor(const PickleValue& first) {
    const PickleValue* value = &first;
    // A parameter is a record around a tensor.
    if (value->is(Kind::made) && value->items[0]->text == "torch._utils _rebuild_parameter") {
      if (value->items.size() < 2) fail("a parameter without data");
      value = value->items[1];
    }
    if (!value->is(Kind::made)) return std::nullopt;
    const std::string_view function = value->items[0]->text;
    if (function != "torch._utils _rebuild_tensor_v2" && function != "torch._utils _rebuild_tensor")
      return std::nullopt;
    if (value->items.size() < 5 || !value->items[2]->is(Kind::integer))
      fail("a tensor record of an unknown form");
    const StorageRecord record = storage_record(*value->items[1]);
    const auto shape = integers(*value->items[3]), strides = integers(*value->items[4]);
    if (!shape || !strides || shape->size() != strides->size())
      fail("a tensor whose shape and strides are not equally many numbers");
    if (!storages_.contains(record.key)) {
      spend(record.count, record.type->dtype);
      storages_.emplace(record.key, load(record.key, *record.type, record.count));
    }
    const Tensor& storage = storages_.at(record.key);
    if (storage.dtype() != record.type->dtype || storage.count() != record.count)
      fail(fmt::format("storage {} is described twice in different ways", record.key));
    return place(storage, record, *shape, *strides, value->items[2]->integer);
  }

  Tensor place(const Tensor& storage, const StorageRecord& record, const Shape& shape,
               const Strides& strides, std::int64_t offset) {
    const std::int64_t first = record.view_count < 0 ? 0 : record.view_offset;
    const std::int64_t last =
        record.view_count < 0 ? record.count : record.view_offset + record.view_count;
    if (first < 0 || last < first || last > record.count || record.view_offset > record.count ||
        record.view_count > record.count)
      fail("a storage view reaches outside its storage");
    std::int64_t count = 0;
    try {
      count = element_count(shape);
    } catch (const ShapeError& error) {
      fail(error.what());
    }
    if (count == 0) return Tensor::empty(shape, storage.dtype());
    // Overlapping views (a broadcast tensor) could stand for more memory than there is.
    if (offset < 0 || offset > record.count || count > record.count)
      fail(fmt::format("a tensor {} at {} in a storage of {} elements", to_string(shape), offset,
                       record.count));
    std::int64_t reach = first + offset;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (strides[i] < 0 || (shape[i] > 1 && strides[i] > record.count))
        fail(fmt::format("a tensor with strides {}", to_string(strides)));
      if (shape[i] > 1) reach += (shape[i] - 1) * strides[i];
      if (reach >= last)
        fail(fmt::format("a tensor {} with strides {} reaches outside its storage of {} elements",
                         to_string(shape), to_string(strides), last - first));
    }
    if (reach >= last) fail("a tensor begins behind its storage");
    // An axis of size 1 may carry any stride; ours are kept small.
    Strides clean = strides;
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) clean[i] = 1;
    Tensor view = storage.view_as(shape, clean, first + offset);
    if (view.is_contiguous() && count == storage.count()) return view;
    // Own memory: writing to one tensor must not change another.
    spend(count, storage.dtype());
    const Tensor own = Tensor::empty(shape, storage.dtype());
    own.copy_from(view);
    return own;
  }

  // Many records may stand for the same bytes of the file: what they make together is bounded.
  void spend(std::int64_t count, DType dtype) {
    const std::uint64_t bytes = static_cast<std::uint64_t>(count) * size_of(dtype);
    if (bytes > budget_) fail("its tensors are far larger than the file");
    budget_ -= bytes;
  }

  std::string name_;
  std::uint64_t budget_;
  std::map<std::string, Tensor> storages_;
};

class ZipBuilder final : public Builder {
 public:
  ZipBuilder(const ZipReader& zip, std::string prefix, std::string name, std::uint64_t file_bytes)
      : Builder(std::move(name), file_bytes), zip_(zip), prefix_(std::move(prefix)) {}

 protected:
  Tensor load(const std::string& key, const StorageType& type, std::int64_t count) override {
    const Bytes raw =
        zip_.read(prefix_ + "data/" + key, static_cast<std::uint64_t>(count) * type.bytes + 64);
    return decode(raw, type, count);
  }

 private:
  const ZipReader& zip_;
  std::string prefix_;
};

TensorMap parse_zip(std::span<const std::uint8_t> bytes, const std::string& name) {
  const ZipReader zip(bytes, name);
  std::string prefix;
  bool found = false;
  for (const auto& [member, info] : zip.members()) {
    constexpr std::string_view kData = "data.pkl";
    if (!member.ends_with(kData)) continue;
    const std::string folder = member.substr(0, member.size() - kData.size());
    if (!folder.empty() && (folder.back() != '/' || folder.find('/') + 1 != folder.size()))
      continue;
    require<FormatError>(!found, "{}: two data.pkl in one file", name);
    prefix = folder;
    found = true;
  }
  require<FormatError>(found, "{}: a zip file without data.pkl is not a PyTorch weights file",
                       name);
  require<UnsupportedError>(!zip.contains(prefix + "constants.pkl"),
                            "{}: a TorchScript program; save model.state_dict() instead", name);
  if (zip.contains(prefix + "byteorder")) {
    const Bytes order = zip.read(prefix + "byteorder", 16);
    require<UnsupportedError>(std::string(order.begin(), order.end()) == "little",
                              "{}: written on a big-endian machine", name);
  }
  const Bytes pickle = zip.read(prefix + "data.pkl", kPickleLimit);
  PickleReader reader(pickle, name);
  return ZipBuilder(zip, prefix, name, bytes.size()).state_dict(reader.read());
}

class LegacyBuilder final : public Builder {
 public:
  LegacyBuilder(std::span<const std::uint8_t> bytes, std::string name)
      : Builder(std::move(name), bytes.size()), bytes_(bytes) {}

  /// Finds each storage: behind the pickles they lie one after the other, each an int64 count and
  /// its elements, in the order of `keys`.
  void index(const PickleValue& keys, std::size_t at, const PickleValue& root) {
    std::map<std::string, StorageRecord> records;
    collect(root, records);
    if (!keys.is(Kind::list)) fail("the list of storages is missing");
    for (const PickleValue* key : keys.items) {
      if (!key->is(Kind::text)) fail("a storage key that is no text");
      const auto record = records.find(std::string(key->text));
      if (record == records.end())
        fail(fmt::format("storage {} is not used by any tensor", key->text));
      if (bytes_.size() - at < 8) fail("the file is cut short before a storage");
      std::int64_t count = 0;
      std::memcpy(&count, bytes_.data() + at, 8);
      at += 8;
      const auto size =
          static_cast<std::uint64_t>(record->second.count) * record->second.type->bytes;
      if (count != record->second.count)
        fail(fmt::format("storage {} has {} elements, its record says {}", key->text, count,
                         record->second.count));
      if (size > bytes_.size() - at) fail("the file is cut short inside a storage");
      if (!places_.emplace(record->first, bytes_.subspan(at, size)).second)
        fail(fmt::format("storage {} is there twice", key->text));
      at += size;
    }
  }

 protected:
  Tensor load(const std::string& key, const StorageType& type, std::int64_t count) override {
    const auto found = places_.find(key);
    if (found == places_.end()) fail(fmt::format("storage {} is not in the file", key));
    return decode(found->second, type, count);
  }

 private:
  // All storages below a value, without recursion and each value once: pickles may be deep, shared
  // and cyclic.
  void collect(const PickleValue& root, std::map<std::string, StorageRecord>& out) const {
    std::map<const PickleValue*, bool> seen;
    std::vector<const PickleValue*> open{&root};
    while (!open.empty()) {
      const PickleValue* value = open.back();
      open.pop_back();
      if (!seen.emplace(value, true).second) continue;
      if (value->is(Kind::persistent)) {
        StorageRecord record = storage_record(*value);
        const auto [at, fresh] = out.emplace(record.key, record);
        if (!fresh && (at->second.type != record.type || at->second.count != record.count))
          fail(fmt::format("storage {} is described twice in different ways", record.key));
      }
      open.insert(open.end(), value->items.begin(), value->items.end());
    }
  }

  std::span<const std::uint8_t> bytes_;
  std::map<std::string, std::span<const std::uint8_t>> places_;
};

TensorMap parse_legacy(std::span<const std::uint8_t> bytes, const std::string& name) {
  PickleReader reader(bytes, name);
  const PickleValue& magic = reader.read();
  require<FormatError>(magic.is(Kind::big_integer) && magic.text == kLegacyMagic,
                       "{}: not a PyTorch file: the magic number is wrong", name);
  const PickleValue& protocol = reader.read();
  require<FormatError>(protocol.is(Kind::integer) && protocol.integer == kLegacyProtocol,
                       "{}: a PyTorch file of an unknown protocol", name);
  const PickleValue& system = reader.read();
  const PickleValue* little = system.find("little_endian");
  require<FormatError>(little && little->is(Kind::boolean), "{}: the system record is missing",
                       name);
  require<UnsupportedError>(little->flag, "{}: written on a big-endian machine", name);
  const PickleValue& root = reader.read();
  const PickleValue& keys = reader.read();
  require<FormatError>(reader.position() <= kPickleLimit, "{}: its pickles are larger than {} MiB",
                       name, kPickleLimit >> 20);
  LegacyBuilder builder(bytes, name);
  builder.index(keys, reader.position(), root);
  return builder.state_dict(root);
}

}  // namespace

TensorMap parse_pth(std::span<const std::uint8_t> bytes, const std::string& name) {
  return bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] == 'K' ? parse_zip(bytes, name)
                                                                 : parse_legacy(bytes, name);
}

}  // namespace athanor::io
