#include "npz.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <regex>
#include <stdexcept>

#include "athanor/base/file.hpp"

namespace athanor::testing_support {

namespace {

std::uint32_t little(const Bytes& b, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<std::uint32_t>(b.at(at + static_cast<std::size_t>(i))) << (8 * i);
  return value;
}

Bytes inflate_raw(const std::uint8_t* data, std::size_t size, std::size_t expected) {
  Bytes out(expected);
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) throw std::runtime_error("inflateInit2");
  stream.next_in = const_cast<std::uint8_t*>(data);
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("an entry of the .npz does not inflate");
  return out;
}

Tensor read_npy(const Bytes& bytes) {
  const bool second = bytes.at(6) >= 2;
  const std::size_t length = little(bytes, 8, second ? 4 : 2), begin = second ? 12 : 10;
  const std::string header(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                           bytes.begin() + static_cast<std::ptrdiff_t>(begin + length));
  if (header.find("'fortran_order': False") == std::string::npos)
    throw std::runtime_error("Fortran order in .npy");
  std::smatch match;
  Shape shape;
  std::regex_search(header, match, std::regex(R"('shape': \(([^)]*)\))"));
  const std::string dims = match[1];
  const std::regex number(R"(\d+)");
  for (std::sregex_iterator at(dims.begin(), dims.end(), number), end; at != end; ++at)
    shape.push_back(std::stoll(at->str()));
  DType dtype = DType::f32;
  if (header.find("'<f8'") != std::string::npos) dtype = DType::f64;
  if (header.find("'<i8'") != std::string::npos) dtype = DType::i64;
  Tensor out = Tensor::empty(shape, dtype);
  const std::size_t size = static_cast<std::size_t>(out.count()) * size_of(dtype);
  if (bytes.size() < begin + length + size) throw std::runtime_error(".npy is too short");
  std::memcpy(out.raw(), bytes.data() + begin + length, size);
  return out;
}

}  // namespace

std::map<std::string, Tensor> read_npz(const std::string& path) {
  const Bytes file = read_file(path);
  std::size_t end = file.size() - 22;
  while (end > 0 && little(file, end, 4) != 0x06054b50) --end;
  std::size_t at = little(file, end + 16, 4);
  const std::uint32_t entries = little(file, end + 10, 2);
  std::map<std::string, Tensor> arrays;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint32_t method = little(file, at + 10, 2), packed = little(file, at + 20, 4),
                        size = little(file, at + 24, 4), name = little(file, at + 28, 2),
                        extra = little(file, at + 30, 2), comment = little(file, at + 32, 2),
                        local = little(file, at + 42, 4);
    std::string key(file.begin() + static_cast<std::ptrdiff_t>(at + 46),
                    file.begin() + static_cast<std::ptrdiff_t>(at + 46 + name));
    const std::size_t data = local + 30 + little(file, local + 26, 2) + little(file, local + 28, 2);
    Bytes content = method == 8 ? inflate_raw(file.data() + data, packed, size)
                                : Bytes(file.begin() + static_cast<std::ptrdiff_t>(data),
                                        file.begin() + static_cast<std::ptrdiff_t>(data + size));
    if (key.ends_with(".npy")) key.resize(key.size() - 4);
    arrays.emplace(std::move(key), read_npy(content));
    at += 46 + name + extra + comment;
  }
  return arrays;
}

std::string test_data(const std::string& name) {
  const char* root = std::getenv("ATHANOR_TEST_DATA");
  const std::filesystem::path path =
      (root ? std::filesystem::path(root)
            : std::filesystem::path(ATH_SOURCE_DIR) / ".." / "shared" / "data") /
      name;
  if (!std::filesystem::exists(path))
    ADD_FAILURE() << "the test data " << path << " is missing; set ATHANOR_TEST_DATA";
  return path.string();
}

}  // namespace athanor::testing_support
