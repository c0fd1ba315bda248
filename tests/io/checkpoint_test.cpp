#include "athanor/io/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "athanor/base/file.hpp"
#include "athanor/io/sha256.hpp"
#include "tests/support/files.hpp"

namespace athanor {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

io::Checkpoint numbered(std::int64_t n) {
  io::Checkpoint c;
  c.tensors["weight"] = Tensor::full({64, 33}, static_cast<double>(n));
  c.tensors["count"] = Tensor::from(std::vector<std::int64_t>{n}, {});
  c.state = {{"step", n}, {"rate", 0.1}, {"name", "试验"}};
  return c;
}

int folders(const fs::path& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.is_directory();
  return count;
}

TEST(Sha256, GivesThePublishedDigests) {
  // FIPS 180-4 examples.
  EXPECT_EQ(io::sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "abc";
  EXPECT_EQ(io::sha256({reinterpret_cast<const std::uint8_t*>(abc.data()), 3}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Checkpoint, TensorsAndStateComeBackWithTheSameBits) {
  const test::TemporaryFolder folder;
  io::Checkpoint c = numbered(3);
  c.state["third"] = 1.0 / 3;
  c.state["big"] = 0x1.fffffffffffffp+1000;
  c.state["seed"] = 18446744073709551615ull;
  io::save_checkpoint(folder / "run", c);
  const auto back = io::load_checkpoint(folder / "run");
  EXPECT_EQ(back.state, c.state);
  EXPECT_EQ(back.state["third"].get<double>(), 1.0 / 3);
  EXPECT_EQ(back.tensors.at("weight").to_bytes(), c.tensors.at("weight").to_bytes());
  EXPECT_EQ(back.tensors.at("count").item(), 3);
  EXPECT_TRUE(back.warnings.empty());
  EXPECT_EQ(back.number, 1);
}

TEST(Checkpoint, TheNewestIsLoadedAndAsManyAsAskedAreKept) {
  const test::TemporaryFolder folder;
  for (int n = 1; n <= 5; ++n) io::save_checkpoint(folder / "run", numbered(n), {.keep = 2});
  EXPECT_EQ(io::load_checkpoint(folder / "run").state["step"], 5);
  EXPECT_EQ(folders(folder / "run"), 2);
}

TEST(Checkpoint, ManyTensorsAreSpreadOverShards) {
  const test::TemporaryFolder folder;
  io::Checkpoint c;
  for (int i = 0; i < 10; ++i) c.tensors["t" + std::to_string(i)] = Tensor::full({100}, i);
  const fs::path path = io::save_checkpoint(folder / "run", c, {.shard_bytes = 1000});
  int shards = 0;
  for (const auto& entry : fs::directory_iterator(path))
    shards += entry.path().extension() == ".safetensors";
  EXPECT_EQ(shards, 5);
  const auto back = io::load_checkpoint(folder / "run");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(back.tensors.at("t" + std::to_string(i)).to_vector<float>()[99],
              static_cast<float>(i));
}

TEST(Checkpoint, ADamagedNewestFallsBackToTheOneBeforeWithAWarning) {
  for (const char* name : {"tensors-00001-of-00001.safetensors", "state.json", "checkpoint.json",
                           "tensors.safetensors.index.json"}) {
    for (const bool cut : {true, false}) {
      const test::TemporaryFolder folder;
      io::save_checkpoint(folder / "run", numbered(1));
      const fs::path newest = io::save_checkpoint(folder / "run", numbered(2));
      Bytes content = read_file(newest / name);
      if (cut) {
        content.resize(content.size() / 2);
      } else {
        content[content.size() / 2] ^= 0x10;
      }
      write_file_atomic(newest / name, content);
      const auto back = io::load_checkpoint(folder / "run");
      EXPECT_EQ(back.state["step"], 1) << name << cut;
      ASSERT_EQ(back.warnings.size(), 1u);
      EXPECT_THAT(back.warnings[0].en, HasSubstr("is damaged and was passed over"));
      EXPECT_THAT(back.warnings[0].zh, HasSubstr("已损坏"));
      // Saving goes on from there.
      io::save_checkpoint(folder / "run", numbered(3));
      EXPECT_EQ(io::load_checkpoint(folder / "run").state["step"], 3);
    }
  }
}

TEST(Checkpoint, AMissingFileFallsBackAndNothingAtAllIsAnError) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(io::load_checkpoint(folder / "run"), IoError);
  EXPECT_FALSE(io::has_checkpoint(folder / "run"));
  const fs::path first = io::save_checkpoint(folder / "run", numbered(1));
  fs::remove(first / "state.json");
  EXPECT_THROW(io::load_checkpoint(folder / "run"), FormatError);
  EXPECT_TRUE(io::has_checkpoint(folder / "run"));
}

TEST(Checkpoint, AnUnwritableFolderIsAnErrorThatNamesIt) {
  try {
    io::save_checkpoint("/proc/none/run", numbered(1));
    FAIL();
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/proc/none/run"));
  }
}

TEST(Checkpoint, AWriteThatIsRefusedLeavesTheOldOneAndNoRest) {
  const test::TemporaryFolder folder;
  io::save_checkpoint(folder / "run", numbered(1));
  io::Checkpoint bad = numbered(2);
  bad.state["text"] = "\xff\xfe";
  EXPECT_THROW(io::save_checkpoint(folder / "run", bad), ValueError);
  EXPECT_EQ(folders(folder / "run"), 1);
  EXPECT_EQ(io::load_checkpoint(folder / "run").state["step"], 1);
}

// Saves in a child process that is killed (SIGKILL) at its `stop`-th system call boundary. True if
// the child had ended before.
bool save_until(const fs::path& folder, std::int64_t n, int stop) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    try {
      io::save_checkpoint(folder, numbered(n));
    } catch (...) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSTOPPED(status)) << "the child cannot be traced";
  for (int count = 0; WIFSTOPPED(status); ++count) {
    if (count == stop) ::kill(child, SIGKILL);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
  }
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << status;
  return WIFEXITED(status);
}

// Between two system calls nothing on the disk changes: these are all moments that there are.
TEST(Checkpoint, AKillAtAnyMomentLeavesAWholeCheckpoint) {
  const test::TemporaryFolder folder;
  io::save_checkpoint(folder / "run", numbered(1));
  std::int64_t last = 1;
  int stop = 1, kept = 0, renewed = 0;
  for (bool ended = false; !ended && stop < 20'000; stop += 2) {
    ended = save_until(folder / "run", last + 1, stop);
    const auto back = io::load_checkpoint(folder / "run");
    EXPECT_TRUE(back.warnings.empty()) << back.warnings[0].en;
    const auto step = back.state["step"].get<std::int64_t>();
    ASSERT_TRUE(step == last || step == last + 1) << step << " after " << last;
    EXPECT_EQ(back.tensors.at("count").item(), static_cast<double>(step));
    EXPECT_EQ(back.tensors.at("weight").to_vector<float>()[2111], static_cast<float>(step));
    (step == last ? kept : renewed) += 1;
    last = step;
  }
  EXPECT_GT(stop, 50);
  RecordProperty("moments", stop / 2);
  EXPECT_GT(kept, 0);
  EXPECT_GT(renewed, 0);
  // What the killed ones left is swept by the next save.
  io::save_checkpoint(folder / "run", numbered(last + 1));
  EXPECT_LE(folders(folder / "run"), 2);
}

}  // namespace
}  // namespace athanor
