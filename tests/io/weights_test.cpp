#include "athanor/io/weights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "athanor/base/file.hpp"
#include "athanor/io/pickle.hpp"
#include "athanor/io/safetensors.hpp"
#include "athanor/io/zip.hpp"
#include "tests/support/files.hpp"
#include "tests/support/npz.hpp"

namespace athanor {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string pickle_refusal(const std::string& pickle) {
  const Bytes bytes = bytes_of(pickle);
  try {
    io::PickleReader(bytes, "x.pth").read();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Weights, RealFilesOfThreeProjectsAreRead) {
  struct Case {
    const char* file;
    const char* name;
    const char* what;
    std::size_t tensors;
  };
  // Names, shapes and counts as PyTorch 1.13 prints them.
  const Case cases[] = {
      {"weights/cifar10-resnet20-12fca82f.th", "layer1.0.conv1.weight", "f32[16,16,3,3]", 97},
      {"weights/cifar10-resnet56-4bfd9763.th", "conv1.weight", "f32[16,3,3,3]", 277},
      {"weights/ultraface-RFB-320.pth", "base_net.0.1.num_batches_tracked", "i64[]", 244},
      {"weights/yunet_n.pth", "backbone.model0.conv1.weight", "f32[16,3,3,3]", 0},
      {"weights/silero_vad_16k.safetensors", "", "", 0}};
  for (const Case& c : cases) {
    const auto path = test::test_data(c.file);
    if (!std::filesystem::exists(path)) continue;
    const TensorMap weights = io::load_weights(path);
    EXPECT_FALSE(weights.empty());
    if (c.tensors) {
      EXPECT_EQ(weights.size(), c.tensors) << c.file;
    }
    if (*c.name) {
      EXPECT_EQ(describe(weights.at(c.name)), c.what) << c.file;
    }
  }
}

TEST(Weights, FilesThatPyTorchWritesGiveItsValues) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_python(R"py(
import numpy as np, torch
from collections import OrderedDict
g = torch.Generator().manual_seed(5)
base = torch.randn(6, 8, generator=g)
state = OrderedDict(
    f32=torch.randn(3, 4, generator=g), f64=torch.randn(2, generator=g, dtype=torch.float64),
    f16=torch.randn(5, generator=g).half(), bf16=torch.randn(5, generator=g).bfloat16(),
    i64=torch.arange(4), i32=torch.arange(3).int(), i16=torch.tensor([-5, 7]).short(),
    i8=torch.tensor([-1, 2]).char(), u8=torch.tensor([255]).byte(),
    flag=torch.tensor([True, False]), scalar=torch.tensor(1.5), empty=torch.zeros(0, 3),
    view=base[1:4, 2:6], transposed=base.t(), shared=base,
    parameter=torch.nn.Parameter(torch.randn(2, 2, generator=g)))
np.savez('want.npz', **{k: v.detach().float().contiguous().numpy() if v.is_floating_point() and k != 'f64'
                        else (v.short().int() if k == 'i16' else v.int() if k == 'i8' else v).detach().contiguous().numpy() for k, v in state.items()})
torch.save(state, 'zip.pth')
torch.save({'epoch': 3, 'state_dict': {'module.' + k: v for k, v in state.items()}}, 'wrapped.pth')
torch.save({'model': state, 'optimizer': {'lr': 0.1, 'betas': (0.9, 0.999)}, 'n': None}, 'model.pt')
torch.save(state, 'legacy.pth', _use_new_zipfile_serialization=False)
m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
torch.save(m.state_dict(), 'module.pth', pickle_protocol=4)
torch.save(m, 'whole.pth')
)py",
                               folder.path()));
  const TensorMap want = test::read_npz(folder / "want.npz");
  for (const char* file : {"zip.pth", "wrapped.pth", "model.pt", "legacy.pth"}) {
    const TensorMap got = io::load_weights(folder / file);
    ASSERT_EQ(got.size(), want.size()) << file;
    for (const auto& [name, tensor] : want) {
      EXPECT_EQ(got.at(name).shape(), tensor.shape()) << file << " " << name;
      EXPECT_EQ(got.at(name).to_vector<double>(), tensor.to_vector<double>())
          << file << " " << name;
    }
    EXPECT_EQ(got.at("f16").dtype(), DType::f16);
    EXPECT_EQ(got.at("bf16").dtype(), DType::bf16);
  }
  EXPECT_EQ(io::load_weights(folder / "module.pth").size(), 7u);
  try {
    io::load_weights(folder / "whole.pth");
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_THAT(error.what(), HasSubstr("torch.nn.modules.container.Sequential"));
    EXPECT_THAT(error.what(), HasSubstr("nothing was executed"));
  }
}

TEST(Weights, TensorsOfOneStorageCanBeWrittenToApart) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_python(
      "import torch\nb = torch.zeros(4)\ntorch.save({'a': b[:2], 'b': b[1:]}, 'x.pth')\n",
      folder.path()));
  const TensorMap weights = io::load_weights(folder / "x.pth");
  weights.at("a").fill(7);
  EXPECT_EQ(weights.at("b").to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(Weights, OtherFilesAreRefusedWithTheListOfWhatWorks) {
  for (const std::string& text : {""s, "hello"s, "GIF89a"s, std::string(100, '\0')})
    EXPECT_THROW(io::parse_weights(bytes_of(text), "x"), FormatError);
}

TEST(Pickle, AFunctionOfTheSystemIsRefusedByName) {
  EXPECT_THAT(pickle_refusal("\x80\x02"
                             "cposix\nsystem\nX\x02\0\0\0id\x85R."s),
              HasSubstr("posix.system"));
  EXPECT_THAT(pickle_refusal("\x80\x04\x8c\x02os\x8c\x06system\x93."s), HasSubstr("os.system"));
  EXPECT_THAT(pickle_refusal("c__builtin__\neval\n."s), HasSubstr("__builtin__.eval"));
  EXPECT_THAT(pickle_refusal("(S'id'\nios\nsystem\n."s), HasSubstr("instruction"));
  EXPECT_THAT(pickle_refusal("ctorch._utils\n_rebuild_tensor_v3\n."s),
              HasSubstr("_rebuild_tensor_v3"));
  EXPECT_THAT(pickle_refusal("ccollections\nOrderedDict\n)\x81."s), HasSubstr("instruction"));
}

TEST(Pickle, ATypeIsNotAFunction) {
  EXPECT_THAT(pickle_refusal("ctorch\nFloatStorage\n)R."s), HasSubstr("not a function"));
  EXPECT_THAT(pickle_refusal("K\x01)R."s), HasSubstr("no function"));
  EXPECT_THAT(pickle_refusal("K\x01}b."s), HasSubstr("no dictionary"));
}

TEST(Pickle, BrokenStacksAndMemosAreRefused) {
  for (const std::string& pickle : {"."s,
                                    "0."s,
                                    "t."s,
                                    "a."s,
                                    "]a."s,
                                    "(a."s,
                                    "s."s,
                                    "u."s,
                                    "h\x01."s,
                                    "q\x01."s,
                                    "\x86."s,
                                    "R."s,
                                    "b."s,
                                    "Q."s,
                                    "\x93."s,
                                    "2."s,
                                    "1."s,
                                    "}(K\x01u."s,
                                    "K\x01K\x02"
                                    "a."s,
                                    "\x80\x09."s,
                                    "Ix\n."s,
                                    "I99999999999999999999\n."s})
    EXPECT_NE(pickle_refusal(pickle), "accepted") << pickle;
}

TEST(Pickle, DeepNestingAndCyclesDoNoHarm) {
  std::string deep;
  for (int i = 0; i < 500'000; ++i) deep += ']';
  for (int i = 0; i < 499'999; ++i) deep += 'a';
  EXPECT_EQ(pickle_refusal(deep + "."), "accepted");
  std::string tuples = "K\x01";
  tuples += std::string(500'000, '\x85');
  EXPECT_EQ(pickle_refusal(tuples + "."), "accepted");
  EXPECT_EQ(pickle_refusal("]q\x01h\x01"
                           "a."s),
            "accepted");
}

TEST(Pickle, BombsEndAtTheLimits) {
  std::string many;
  for (int i = 0; i < 2'100'000; ++i) many += "]0";
  EXPECT_THAT(pickle_refusal(many), HasSubstr("more than 2000000 values"));
  EXPECT_THAT(pickle_refusal("K\x01" + std::string(2'000'000, '2')), HasSubstr("deeper than"));
  EXPECT_THAT(pickle_refusal("X\xff\xff\xff\xff"s + "abc"), HasSubstr("cut short"));
  EXPECT_THAT(pickle_refusal("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s), HasSubstr("cut short"));
  // A long list from the memo, given to a function over and over.
  std::string bomb = "]q\x01("s;
  for (int i = 0; i < 5000; ++i)
    bomb +=
        "]K\x01"
        "aK\x02"
        "a"s;
  bomb += "e0"s;
  for (int i = 0; i < 5000; ++i) bomb += "ccollections\nOrderedDict\n(h\x01tR0"s;
  EXPECT_THAT(pickle_refusal(bomb + "N."), HasSubstr("arguments"));
}

TEST(Pickle, NumbersAreReadAsPythonWritesThem) {
  const auto integer = [](const std::string& pickle) {
    const Bytes bytes = bytes_of(pickle);
    io::PickleReader reader(bytes, "x");
    return reader.read().integer;
  };
  EXPECT_EQ(integer("J\xff\xff\xff\xff."s), -1);
  EXPECT_EQ(integer("M\x34\x12."s), 0x1234);
  EXPECT_EQ(integer("\x8a\x01\xff."s), -1);
  EXPECT_EQ(integer("\x8a\x00."s), 0);
  EXPECT_EQ(integer("\x8a\x03\xff\xff\x00."s), 65535);
  EXPECT_EQ(integer("L-17L\n."s), -17);
}

// Every cut and many changed bytes of real files: refused or read, never anything else.
void cut_and_change(const std::string& program, const char* file) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_python(program, folder.path()));
  const Bytes whole = read_file(folder / file);
  ASSERT_FALSE(io::parse_weights(whole, file).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::span<const std::uint8_t> part(whole.data(), size);
    EXPECT_THROW(io::parse_weights(part, file), Error) << size << " of " << whole.size();
  }
  Bytes changed = whole;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      changed[i] = static_cast<std::uint8_t>(whole[i] ^ flip);
      try {
        io::parse_weights(changed, file);
      } catch (const Error&) {
      }
    }
    changed[i] = whole[i];
  }
}

TEST(Weights, AZipFileThatIsCutOrChangedAnywhereIsRefusedOrRead) {
  cut_and_change(
      "import torch\ntorch.save({'a': torch.ones(3), 'b': torch.zeros(2, 2).t()}, 'z.pth')\n",
      "z.pth");
}

TEST(Weights, ALegacyFileThatIsCutOrChangedAnywhereIsRefusedOrRead) {
  cut_and_change(
      "import torch\ntorch.save({'a': torch.ones(3), 'b': torch.zeros(2, 2).t()}, 'l.pth', "
      "_use_new_zipfile_serialization=False)\n",
      "l.pth");
}

// A state dict whose only tensor is described by `shape`, `strides` and `offset`, over a storage of
// two floats.
std::string with_tensor(const std::string& offset, const std::string& shape,
                        const std::string& strides) {
  const test::TemporaryFolder folder;
  if (!test::run_python(
          "import zipfile\n"
          "p = (b'\\x80\\x02}X\\x01\\x00\\x00\\x00actorch._utils\\n_rebuild_tensor_v2\\n'\n"
          "     b'((X\\x07\\x00\\x00\\x00storagectorch\\nFloatStorage\\nX\\x01\\x00\\x00\\x000'\n"
          "     b'X\\x03\\x00\\x00\\x00cpuK\\x02tQ' + " +
              offset + " + " + shape + " + " + strides +
              " + b'\\x89NtRs.')\n"
              "with zipfile.ZipFile('y.pth', 'w') as out:\n"
              "  out.writestr('archive/data.pkl', p)\n"
              "  out.writestr('archive/data/0', b'12345678')\n",
          folder.path()))
    return "python failed";
  try {
    const TensorMap weights = io::load_weights(folder / "y.pth");
    return describe(weights.at("a"));
  } catch (const FormatError& error) {
    return error.what();
  }
}

TEST(Weights, TensorsThatReachOutsideTheirStorageAreRefused) {
  EXPECT_EQ(with_tensor("b'K\\x00'", "b'K\\x02\\x85'", "b'K\\x01\\x85'"), "f32[2]");
  EXPECT_EQ(with_tensor("b'K\\x01'", "b'K\\x01\\x85'", "b'K\\x01\\x85'"), "f32[1]");
  EXPECT_THAT(with_tensor("b'K\\x01'", "b'K\\x02\\x85'", "b'K\\x01\\x85'"), HasSubstr("outside"));
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'K\\x03\\x85'", "b'K\\x01\\x85'"), HasSubstr("storage"));
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'K\\x02\\x85'", "b'K\\x02\\x85'"), HasSubstr("outside"));
  EXPECT_THAT(with_tensor("b'J\\xff\\xff\\xff\\xff'", "b'K\\x02\\x85'", "b'K\\x01\\x85'"),
              HasSubstr("storage"));
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'J\\xff\\xff\\xff\\xff\\x85'", "b'K\\x01\\x85'"),
              HasSubstr("a dimension is -1"));
  // A broadcast axis: a terabyte that two floats stand for.
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'\\x8a\\x06\\x00\\x00\\x00\\x00\\x00\\x01\\x85'",
                          "b'K\\x00\\x85'"),
              HasSubstr("storage of 2"));
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'K\\x02\\x85'", "b'J\\xff\\xff\\xff\\xff\\x85'"),
              HasSubstr("strides"));
  EXPECT_THAT(with_tensor("b'K\\x00'", "b'K\\x02\\x85'", "b')'"), HasSubstr("equally many"));
}

TEST(Zip, DeflatedMembersAreReadAndTheirCrcIsChecked) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_python(R"py(
import zipfile
with zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('long', b'abc' * 100000); z.writestr('empty', b'')
with zipfile.ZipFile('big.zip', 'w') as z:
    with z.open('zip64', 'w', force_zip64=True) as f: f.write(b'12345')
)py",
                               folder.path()));
  const Bytes bytes = read_file(folder / "a.zip");
  const io::ZipReader zip(bytes, "a.zip");
  const Bytes text = zip.read("long", 1 << 20);
  ASSERT_EQ(text.size(), 300000u);
  EXPECT_EQ(text[299999], 'c');
  EXPECT_TRUE(zip.read("empty", 0).empty());
  EXPECT_THROW(zip.read("long", 299999), FormatError);
  EXPECT_THROW(zip.read("none", 1), FormatError);
  Bytes damaged = bytes;
  damaged[60] ^= 1;
  EXPECT_THROW(io::ZipReader(damaged, "a.zip").read("long", 1 << 20), FormatError);
  const Bytes big = read_file(folder / "big.zip");
  EXPECT_EQ(io::ZipReader(big, "big.zip").read("zip64", 100), bytes_of("12345"));
}

}  // namespace
}  // namespace athanor
