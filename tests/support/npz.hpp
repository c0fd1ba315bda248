#pragma once

#include <cstring>
#include <filesystem>
#include <string>

#include "athanor/io/zip.hpp"
#include "athanor/tensor/tensor_map.hpp"

// NumPy's .npz for tests: C order, little endian, f4 f8 i4 i8 u1 b1.
namespace athanor::test {

inline Tensor parse_npy(const Bytes& bytes, const std::string& name) {
  require<FormatError>(bytes.size() > 10 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0,
                       "{} is not npy", name);
  const std::size_t header = bytes[8] | std::size_t{bytes[9]} << 8;
  const std::string text(bytes.begin() + 10, bytes.begin() + 10 + static_cast<long>(header));
  require<FormatError>(text.find("'fortran_order': False") != std::string::npos, "{}: order", name);
  DType dtype = DType::f32;
  bool known = false;
  const std::pair<const char*, DType> types[] = {{"<f4", DType::f32}, {"<f8", DType::f64},
                                                 {"<i8", DType::i64}, {"<i4", DType::i32},
                                                 {"|u1", DType::u8},  {"|b1", DType::boolean}};
  for (const auto& [code, type] : types)
    if (text.find("'" + std::string(code) + "'") != std::string::npos) dtype = type, known = true;
  require<FormatError>(known, "{}: dtype in {}", name, text);
  Shape shape;
  const std::size_t open = text.find('(', text.find("'shape'"));
  for (std::size_t at = open + 1; text[at] != ')';) {
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    std::size_t used = 0;
    shape.push_back(std::stoll(text.substr(at), &used));
    at += used;
  }
  const Tensor out = Tensor::empty(shape, dtype);
  const std::size_t size = static_cast<std::size_t>(out.count()) * size_of(dtype);
  require<FormatError>(bytes.size() == 10 + header + size, "{}: size", name);
  if (size) std::memcpy(out.raw(), bytes.data() + 10 + header, size);
  return out;
}

inline TensorMap read_npz(const std::filesystem::path& path) {
  const MappedFile file(path);
  const io::ZipReader zip(file.bytes(), path.string());
  TensorMap out;
  for (const auto& [member, info] : zip.members())
    out.emplace(member.substr(0, member.size() - 4),
                parse_npy(zip.read(member, std::uint64_t{1} << 32), member));
  return out;
}

}  // namespace athanor::test
