#include "athanor/io/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "athanor/base/error.hpp"
#include "tests/support/files.hpp"

namespace athanor {
namespace {

using testing::HasSubstr;

Bytes image(const std::string& header, const std::string& data = "") {
  Bytes out;
  for (std::size_t i = 0; i < 8; ++i)
    out.push_back(static_cast<std::uint8_t>(std::uint64_t{header.size()} >> (8 * i)));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

std::string refusal(const Bytes& bytes) {
  try {
    io::parse_safetensors(bytes, "x.safetensors");
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Safetensors, AHandMadeFileIsRead) {
  const std::string data("\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x80\x3f", 12);
  const auto file = io::parse_safetensors(
      image(R"({"__metadata__":{"who":"me"},"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
            R"("a":{"dtype":"I32","shape":[2,1],"data_offsets":[0,8]}}  )",
            data),
      "x");
  EXPECT_EQ(file.metadata.at("who"), "me");
  EXPECT_EQ(describe(file.tensors.at("a")), "i32[2,1]");
  EXPECT_EQ(file.tensors.at("a").to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(file.tensors.at("b").item(), 1.0);
}

TEST(Safetensors, SixteenAndThirtyTwoBitTypesAreWidened) {
  const std::string data("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  const auto file =
      io::parse_safetensors(image(R"({"i":{"dtype":"I16","shape":[1],"data_offsets":[0,2]},)"
                                  R"("u":{"dtype":"U16","shape":[1],"data_offsets":[2,4]},)"
                                  R"("w":{"dtype":"U32","shape":[1],"data_offsets":[4,8]}})",
                                  data),
                            "x");
  EXPECT_EQ(file.tensors.at("i").item(), -1);
  EXPECT_EQ(file.tensors.at("u").item(), 65535);
  EXPECT_EQ(file.tensors.at("w").item(), 4294967295.0);
  EXPECT_THROW(io::parse_safetensors(
                   image(R"({"x":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}})", data), "x"),
               UnsupportedError);
}

TEST(Safetensors, EveryDtypeSurvivesTheRoundTripWithTheSameBits) {
  const test::TemporaryFolder folder;
  TensorMap tensors;
  for (const DType dtype : kAllDTypes) {
    const Tensor t = Tensor::empty({3, 5}, dtype);
    for (std::size_t i = 0; i < 15 * size_of(dtype); ++i)
      static_cast<std::uint8_t*>(t.raw())[i] =
          static_cast<std::uint8_t>(dtype == DType::boolean ? i % 2 : i * 37 + 11);
    tensors.emplace(std::string(name_of(dtype)), t);
  }
  tensors.emplace("empty", Tensor::zeros({0, 4}));
  tensors.emplace("transposed", Tensor::arange(6).view_as({2, 3}, {1, 2}, 0));
  tensors.emplace("名字", Tensor::scalar(2.5));
  io::write_safetensors(folder / "t.safetensors", tensors, {{"k", "v"}});
  for (const bool mapped : {false, true}) {
    const auto back = mapped ? io::map_safetensors(folder / "t.safetensors")
                             : io::read_safetensors(folder / "t.safetensors");
    EXPECT_EQ(back.metadata, (io::Metadata{{"k", "v"}}));
    ASSERT_EQ(back.tensors.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
      EXPECT_EQ(describe(back.tensors.at(name)), describe(tensor));
      EXPECT_EQ(back.tensors.at(name).to_bytes(), tensor.to_bytes()) << name;
    }
  }
}

TEST(Safetensors, TheSameTensorsGiveTheSameBytes) {
  const TensorMap tensors{{"b", Tensor::ones({2})}, {"a", Tensor::ones({3}, DType::f64)}};
  EXPECT_EQ(io::safetensors_bytes(tensors), io::safetensors_bytes(tensors));
  EXPECT_EQ(io::safetensors_bytes(tensors).size() % 8, 0u);
}

TEST(Safetensors, HeadersThatLieAreRefused) {
  const std::string ok = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_EQ(refusal(image(ok, "1234")), "accepted");
  EXPECT_THAT(refusal({}), HasSubstr("too few"));
  EXPECT_THAT(refusal(image(ok, "12345")), HasSubstr("1 bytes after the last tensor"));
  EXPECT_THAT(refusal(image(ok, "123")), HasSubstr("data_offsets"));
  Bytes huge = image(ok, "1234");
  huge[7] = 0x7f;
  EXPECT_THAT(refusal(huge), HasSubstr("the limit is 100000000"));
  Bytes longer = image(ok, "1234");
  longer[0] = 200;
  EXPECT_THAT(refusal(longer), HasSubstr("are there"));
  EXPECT_THAT(refusal(image("[]")), HasSubstr("does not begin with an object"));
  EXPECT_THAT(refusal(image("{\"a\":")), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                            "1234")),
              HasSubstr("twice"));
  EXPECT_THAT(
      refusal(
          image(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234")),
      HasSubstr("'dtype' is there twice"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", "1234")),
              HasSubstr("unknown dtype"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234")),
              HasSubstr("needs 2 elements"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234")),
              HasSubstr("negative"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],)"
                            R"("data_offsets":[0,4]}})",
                            "1234")),
              HasSubstr("'a'"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "1234")),
              HasSubstr("data_offsets [4,0]"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                            "123456")),
              HasSubstr("expected are 4"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                            "123456789012")),
              HasSubstr("expected are 4"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"F32","shape":[1]}})")), HasSubstr("needs dtype"));
  EXPECT_THAT(refusal(image(R"({"a":{"x":{}}})")), HasSubstr("unknown field"));
  EXPECT_THAT(refusal(image(R"({"a":7})")), HasSubstr("does not belong"));
  EXPECT_THAT(refusal(image(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", "x")),
              HasSubstr("BOOL"));
  EXPECT_THAT(refusal(image(R"({"a":{"shape":)" + std::string(100000, '['))),
              HasSubstr("does not belong"));
}

TEST(Safetensors, AFileThatIsCutAnywhereIsRefused) {
  const Bytes whole =
      io::safetensors_bytes({{"a", Tensor::ones({3})}, {"b", Tensor::ones({2}, DType::u8)}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
              "accepted")
        << size;
}

TEST(Safetensors, AFileOfTheReferenceImplementationIsRead) {
  const auto path = test::test_data("weights/silero_vad_16k.safetensors");
  if (!std::filesystem::exists(path)) return;
  const auto file = io::read_safetensors(path);
  std::int64_t count = 0;
  for (const auto& entry : file.tensors) count += entry.second.count();
  EXPECT_GT(count, 250'000);
  const auto mapped = io::map_safetensors(path);
  for (const auto& [name, tensor] : file.tensors)
    EXPECT_EQ(mapped.tensors.at(name).to_bytes(), tensor.to_bytes());
}

TEST(Safetensors, AWriteThatFailsLeavesTheOldFile) {
  const test::TemporaryFolder folder;
  const auto path = folder / "w.safetensors";
  io::write_safetensors(path, {{"a", Tensor::ones({2})}});
  EXPECT_THROW(io::write_safetensors(path, {{"\xff\xfe", Tensor::ones({2})}}), ValueError);
  EXPECT_EQ(io::read_safetensors(path).tensors.size(), 1u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_THROW(io::write_safetensors("/proc/none/w.safetensors", {}), IoError);
}

}  // namespace
}  // namespace athanor
