#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.hpp"

// Everything that a user can do wrong: a clear error with what, why and what to do, and nothing is
// lost.
namespace athanor::test {

namespace fs = std::filesystem;

namespace {

/// The refusal has an exit status of its own, says what to do in both languages, and shows no
/// stack.
void expect_refusal(const Workplace& place, std::vector<std::string> arguments, int status,
                    const std::string& part) {
  const Outcome english = athanor(place, arguments);
  EXPECT_EQ(english.status, status) << english.out << english.err;
  EXPECT_NE(english.err.find("Error: "), std::string::npos) << english.err;
  EXPECT_NE(english.err.find("Fix: "), std::string::npos) << english.err;
  EXPECT_NE(english.err.find(part), std::string::npos) << english.err;
  arguments.insert(arguments.end(), {"--lang", "zh"});
  const Outcome chinese = athanor(place, arguments);
  EXPECT_EQ(chinese.status, status);
  EXPECT_NE(chinese.err.find("错误："), std::string::npos) << chinese.err;
  EXPECT_NE(chinese.err.find("处理："), std::string::npos) << chinese.err;
}

std::vector<std::string> fit(const Workplace& place, const fs::path& data) {
  return {"fit", data.string(), "--epochs", "1", "--out", (place / "m.zip").string()};
}

}  // namespace

TEST(BadInput, AnEmptyFolderIsRefused) {
  const Workplace place;
  fs::create_directories(place / "empty");
  expect_refusal(place, fit(place, place / "empty"), 3, "");
}

TEST(BadInput, DataThatDoesNotExistIsRefused) {
  const Workplace place;
  expect_refusal(place, fit(place, place / "nowhere"), 4, "nowhere");
}

TEST(BadInput, OneClassOnlyIsRefused) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40);
  for (const char* name : {"dent", "stain", "scratch"}) fs::remove_all(data / name);
  expect_refusal(place, fit(place, data), 3, "class");
}

TEST(BadInput, OnePictureForEachClassIsRefused) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 4);
  expect_refusal(place, fit(place, data), 3, "");
}

TEST(BadInput, ATextNamedJpgAndATruncatedPictureAreNamedAndLeftOut) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 80);
  write_text(data / "good" / "notes.jpg", "these are my notes, not a picture");
  const std::string whole = read_text(data / "dent" / "00002.jpg");
  write_text(data / "dent" / "cut.jpg", whole.substr(0, whole.size() / 2));
  const Outcome check = athanor(place, {"data", "check", data.string(), "--json"});
  EXPECT_EQ(check.status, 0) << check.err;
  const std::string problems = check.json()["problems"].dump();
  EXPECT_NE(problems.find("notes.jpg"), std::string::npos) << problems;
  EXPECT_NE(problems.find("cut.jpg"), std::string::npos) << problems;
  const Outcome trained = athanor(place, fit(place, data));
  EXPECT_EQ(trained.status, 0) << trained.err;
}

TEST(BadInput, AFolderOfTextsIsRefused) {
  const Workplace place;
  for (int i = 0; i < 10; ++i)
    for (const char* name : {"a", "b"})
      write_text(place / ("texts/" + std::string(name) + "/" + std::to_string(i) + ".jpg"),
                 "text " + std::to_string(i));
  expect_refusal(place, fit(place, place / "texts"), 3, "");
}

TEST(BadInput, AHeaderOf60000By60000PixelsIsRefusedBeforeMemoryIsTaken) {
  const Workplace place;
  // Signature and IHDR of a 60000 x 60000 RGB picture.
  const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0", 29);
  for (int i = 0; i < 10; ++i) {
    write_text(place / ("huge/a/" + std::to_string(i) + ".png"), png + std::string("\0\0\0\0", 4));
    write_text(place / ("huge/b/" + std::to_string(i) + ".png"), png + std::string("\0\0\0\0", 4));
  }
  expect_refusal(place, fit(place, place / "huge"), 3, "");
}

TEST(BadInput, AZipWithNamesThatLeaveTheFolderIsRefusedAndWritesNothing) {
  const Workplace place;
  ASSERT_EQ(
      shell("/usr/bin/python3 - '" + (place / "evil.zip").string() +
            "' <<'E'\nimport sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], "
            "'w')\nz.writestr('../escaped.txt', 'x')\nz.writestr('a/1.jpg', 'x')\nz.close()\nE"),
      0);
  expect_refusal(place, fit(place, place / "evil.zip"), 3, "..");
  EXPECT_FALSE(fs::exists(place.home() / "escaped.txt"));
  EXPECT_FALSE(fs::exists(place.home() / "unpacked" / "escaped.txt"));
}

TEST(BadInput, AZipBombIsRefused) {
  const Workplace place;
  ASSERT_EQ(shell("/usr/bin/python3 - '" + (place / "bomb.zip").string() +
                  "' <<'E'\nimport sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w', "
                  "zipfile.ZIP_DEFLATED)\nblock = bytes(1 << 20)\nwith z.open('a/1.jpg', 'w', "
                  "force_zip64=True) as f:\n    for _ in range(600): f.write(block)\nz.close()\nE"),
            0);
  expect_refusal(place, fit(place, place / "bomb.zip"), 3, "");
}

TEST(BadInput, AnOutputThatCannotBeWrittenIsRefusedBeforeTraining) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40);
  expect_refusal(place, {"fit", data.string(), "--epochs", "1", "--out", "/proc/athanor/m.zip"}, 4,
                 "/proc");
  EXPECT_FALSE(fs::exists(place.home() / "runs")) << "no run was begun";
}

TEST(BadInput, AFullDiskIsSaidAndLeavesTheOldModel) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 80);
  const fs::path disk = place / "disk";
  fs::create_directories(disk);
  if (shell("mount -t tmpfs -o size=200k tmpfs '" + disk.string() + "' 2>/dev/null") == 0) {
    write_text(disk / "m.zip", "the model of yesterday");
    const Outcome out =
        athanor(place, {"fit", data.string(), "--epochs", "1", "--out", (disk / "m.zip").string()});
    EXPECT_EQ(out.status, 4) << out.err;
    EXPECT_NE(out.err.find("disk is full"), std::string::npos) << out.err;
    EXPECT_EQ(read_text(disk / "m.zip"), "the model of yesterday");
    EXPECT_EQ(shell("umount '" + disk.string() + "'"), 0);
    return;
  }
  // Without the right to mount: /dev/full answers every write with "no space left".
  const Outcome out = athanor(place, {"data", "show", data.string(), "--out", "/dev/full"});
  EXPECT_EQ(out.status, 4) << out.err;
}

TEST(BadInput, APthFileWithAHostilePickleIsRefusedAndNothingRuns) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40);
  const fs::path witness = place / "executed";
  ASSERT_EQ(
      shell("/usr/bin/python3 - '" + (place / "evil.pth").string() + "' '" + witness.string() +
            "' <<'E'\nimport os, pickle, sys, zipfile\nclass Evil:\n    def __reduce__(self): "
            "return os.system, ('touch ' + sys.argv[2],)\nz = zipfile.ZipFile(sys.argv[1], "
            "'w')\nz.writestr('archive/data.pkl', pickle.dumps(Evil(), "
            "2))\nz.writestr('archive/version', '3')\nz.close()\nE"),
      0);
  expect_refusal(place,
                 {"fit", data.string(), "--epochs", "1", "--weights", (place / "evil.pth").string(),
                  "--out", (place / "m.zip").string()},
                 5, "");
  EXPECT_FALSE(fs::exists(witness));
}

TEST(BadInput, WeightsOfAnotherKindOfModelAreRefused) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40),
                 weights = test_data("weights/silero_vad_16k.safetensors");
  ASSERT_FALSE(weights.empty());
  expect_refusal(place,
                 {"fit", data.string(), "--epochs", "1", "--weights", weights.string(), "--out",
                  (place / "m.zip").string()},
                 5, "");
}

TEST(BadInput, AFileThatIsNoModelIsRefused) {
  const Workplace place;
  write_text(place / "m.zip", "not a zip");
  expect_refusal(place, {"predict", (place / "m.zip").string(), "x.jpg"}, 5, "m.zip");
  expect_refusal(place, {"serve", (place / "m.zip").string(), "--port", "0"}, 5, "m.zip");
  expect_refusal(place, {"serve", (place / "none.zip").string(), "--port", "0"}, 4, "none.zip");
}

TEST(BadInput, APortInUseIsSaid) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40);
  ASSERT_EQ(athanor(place, fit(place, data)).status, 0);
  const int holder = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(holder, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(holder, 1), 0);
  socklen_t size = sizeof address;
  getsockname(holder, reinterpret_cast<sockaddr*>(&address), &size);
  expect_refusal(
      place,
      {"serve", (place / "m.zip").string(), "--port", std::to_string(ntohs(address.sin_port))}, 6,
      "port");
  close(holder);
}

TEST(BadInput, APictureThatCannotBeReadDoesNotSpoilTheOthers) {
  const Workplace place;
  const fs::path data = sample(place, "parts", 40);
  ASSERT_EQ(athanor(place, fit(place, data)).status, 0);
  write_text(place / "bad.jpg", "no picture");
  const Outcome out =
      athanor(place, {"predict", (place / "m.zip").string(), (place / "bad.jpg").string(),
                      (data / "good/00000.jpg").string(), "--json"});
  EXPECT_EQ(out.status, 3);
  const auto list = out.json();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_TRUE(list[0].contains("error"));
  EXPECT_EQ(list[1]["results"].size(), 4u);
}

TEST(BadInput, UnknownOptionsAndValuesAreUsageErrors) {
  const Workplace place;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"fit"},
                                             {"frobnicate"},
                                             {"fit", "x", "--budget", "soon"},
                                             {"fit", "x", "--preset", "perfect"},
                                             {"run", "resume", "nothing"},
                                             {"serve", "x", "--port", "99999"}})
    expect_refusal(place, arguments, 2, "");
}

TEST(BadInput, JsonModeAnswersRefusalsWithOneObject) {
  const Workplace place;
  const Outcome out = athanor(place, {"fit", (place / "nowhere").string(), "--json"});
  EXPECT_EQ(out.status, 4);
  EXPECT_EQ(out.json()["error"]["code"], "data-not-found");
}

}  // namespace athanor::test
