#include "athanor/data/archive.hpp"

#include <sys/resource.h>

#include <csignal>

#include <map>
#include <thread>

#include "athanor/data/names.hpp"
#include "support.hpp"

namespace athanor::data {
namespace {

using test::Folder;
namespace fs = std::filesystem;
using test::python;
using test::refusal_of;

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

std::map<std::string, std::string> contents(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), root).string()] = read_text_file(entry.path());
  return files;
}

// Every hostile archive: refused when listed, and when unpacked nothing at all is left behind.
std::string refused(const Folder& folder, const std::string& name, ArchiveLimits limits = {}) {
  const std::string listed = refusal_of([&] {
    Archive(folder / name, limits).visit([](auto&, auto& pull) {
      while (!pull().empty()) {
      }
    });
  });
  const fs::path target = folder / "out" / "target";
  const std::string unpacked = refusal_of([&] { extract(Archive(folder / name, limits), target); });
  EXPECT_EQ(listed, unpacked);
  EXPECT_FALSE(fs::exists(target));
  EXPECT_TRUE(!fs::exists(folder / "out") || fs::is_empty(folder / "out"));
  return unpacked;
}

class EveryFormat : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryFormat, IsListedReadAndUnpacked) {
  const Folder folder;
  const std::string format = GetParam();
  python(folder.path(), R"(
import os, shutil
for name, data in {'d/好/猫 1.jpg': b'cat', 'd/b.txt': b'x' * 300000, 'd/empty': b''}.items():
    os.makedirs(os.path.dirname('in/' + name), exist_ok=True)
    open('in/' + name, 'wb').write(data)
shutil.make_archive('a', ')" +
                            format + R"(', 'in')
)");
  fs::path archive;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("a.")) archive = entry.path();
  EXPECT_TRUE(looks_like_archive(archive));
  const Archive opened(archive);
  std::map<std::string, std::uint64_t> sizes;
  for (const ArchiveEntry& entry : opened.entries())
    if (!entry.folder) sizes[entry.name] = entry.size;
  EXPECT_EQ(sizes, (std::map<std::string, std::uint64_t>{
                       {"d/好/猫 1.jpg", 3}, {"d/b.txt", 300000}, {"d/empty", 0}}));
  EXPECT_EQ(text(opened.read("d/好/猫 1.jpg")), "cat");
  EXPECT_EQ(refusal_of([&] { opened.read("d/none"); }), "archive-no-member");
  extract(opened, folder / "out");
  EXPECT_EQ(contents(folder / "out"), contents(folder / "in"));

  const Bytes bytes = read_file(archive);
  EXPECT_EQ(text(Archive(bytes, "memory").read("d/好/猫 1.jpg")), "cat");
}

INSTANTIATE_TEST_SUITE_P(Archive, EveryFormat,
                         ::testing::Values("zip", "tar", "gztar", "bztar", "xztar"));

TEST(Archive, NamesWithDotDotAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile, tarfile, io
z = zipfile.ZipFile('a.zip', 'w'); z.writestr('ok.txt', 'x'); z.writestr('../evil.txt', 'x'); z.close()
z = zipfile.ZipFile('b.zip', 'w'); z.writestr('a/../../evil.txt', 'x'); z.close()
z = zipfile.ZipFile('c.zip', 'w'); z.writestr('a\\..\\..\\evil.txt', 'x'); z.close()
t = tarfile.open('a.tar', 'w'); i = tarfile.TarInfo('a/../../evil'); i.size = 1
t.addfile(i, io.BytesIO(b'x')); t.close()
)");
  for (const char* name : {"a.zip", "b.zip", "c.zip", "a.tar"})
    EXPECT_EQ(refused(folder, name), "archive-unsafe-name") << name;
  EXPECT_FALSE(fs::exists(folder / "evil.txt"));
}

TEST(Archive, AbsolutePathsAndDrivesAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile, tarfile, io
for n, name in [('a', '/tmp/evil'), ('b', 'C:/evil'), ('c', 'C:\\evil'), ('d', '\\\\host\\evil'),
                ('e', './C:/evil')]:
    z = zipfile.ZipFile(n + '.zip', 'w'); i = zipfile.ZipInfo('x'); i.filename = name
    z.writestr(i, 'x'); z.close()
t = tarfile.open('a.tar.gz', 'w:gz'); i = tarfile.TarInfo('/tmp/athanor-evil'); i.size = 1
t.addfile(i, io.BytesIO(b'x')); t.close()
)");
  for (const char* name : {"a.zip", "b.zip", "c.zip", "d.zip", "e.zip", "a.tar.gz"})
    EXPECT_EQ(refused(folder, name), "archive-unsafe-name") << name;
}

TEST(Archive, LinksAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile, tarfile
i = zipfile.ZipInfo('link'); i.create_system = 3; i.external_attr = 0o120777 << 16
z = zipfile.ZipFile('a.zip', 'w'); z.writestr(i, '/etc/passwd'); z.close()
for name, kind in [('sym', tarfile.SYMTYPE), ('hard', tarfile.LNKTYPE)]:
    t = tarfile.open(name + '.tar', 'w'); i = tarfile.TarInfo('link'); i.type = kind
    i.linkname = '../../etc/passwd'; t.addfile(i); t.close()
)");
  for (const char* name : {"a.zip", "sym.tar", "hard.tar"})
    EXPECT_EQ(refused(folder, name), "archive-link") << name;
}

TEST(Archive, DevicesAndPipesAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import tarfile
for name, kind in [('chr', tarfile.CHRTYPE), ('blk', tarfile.BLKTYPE), ('fifo', tarfile.FIFOTYPE)]:
    t = tarfile.open(name + '.tar', 'w'); i = tarfile.TarInfo('dev'); i.type = kind
    i.devmajor = 1; i.devminor = 5; t.addfile(i); t.close()
)");
  for (const char* name : {"chr.tar", "blk.tar", "fifo.tar"})
    EXPECT_EQ(refused(folder, name), "archive-special-file") << name;
}

TEST(Archive, DuplicateNamesAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile, tarfile, io
z = zipfile.ZipFile('a.zip', 'w'); z.writestr('x', '1'); z.writestr('./x', '2'); z.close()
z = zipfile.ZipFile('b.zip', 'w'); z.writestr('x', '1'); z.writestr('x/y', '2'); z.close()
z = zipfile.ZipFile('c.zip', 'w'); z.writestr('x/y', '1'); z.writestr('x', '2'); z.close()
t = tarfile.open('a.tar', 'w')
for k in range(2):
    i = tarfile.TarInfo('x'); i.size = 1; t.addfile(i, io.BytesIO(b'x'))
t.close()
)");
  for (const char* name : {"a.zip", "b.zip", "c.zip", "a.tar"})
    EXPECT_EQ(refused(folder, name), "archive-duplicate-name") << name;
}

TEST(Archive, EncryptedZipsAreRefused) {
  const Folder folder;
  // Bit 0 of the flags in the local header (offset 6) and in the central directory (offset 8).
  python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('a.zip', 'w'); z.writestr('x', 'secret' * 10); z.close()
b = bytearray(open('a.zip', 'rb').read())
b[6] |= 1; b[b.index(b'PK\x01\x02') + 8] |= 1
open('a.zip', 'wb').write(b)
)");
  EXPECT_EQ(refused(folder, "a.zip"), "archive-encrypted");
}

TEST(Archive, AZipBombIsRefusedByTheDefaultLimits) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED)
for k in range(3): z.writestr('zeros%d' % k, bytes(64 << 20))
z.close()
)");
  EXPECT_EQ(refused(folder, "bomb.zip"), "archive-bomb");
}

TEST(Archive, ABombThatLiesAboutItsSizeIsRefused) {
  const Folder folder;
  python(folder.path(), R"(
import tarfile, io, gzip, struct, zipfile
# The header declares 10 bytes, the packed data are 50 MiB.
z = zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED); z.writestr('x', bytes(50 << 20)); z.close()
b = bytearray(open('a.zip', 'rb').read())
struct.pack_into('<I', b, 22, 10); struct.pack_into('<I', b, b.index(b'PK\x01\x02') + 24, 10)
open('a.zip', 'wb').write(b)
)");
  ArchiveLimits limits;
  limits.ratio_from = 1 << 20;
  const std::string code = refused(folder, "a.zip", limits);
  EXPECT_TRUE(code == "archive-bomb" || code == "archive-damaged") << code;
}

TEST(Archive, ADeclaredSizeBeyondTheLimitsIsRefusedBeforeReading) {
  const Folder folder;
  // A sparse tar entry of 8 TiB in a few hundred bytes (GNU 1.0 sparse format, as GNU tar writes).
  python(folder.path(), R"(
import subprocess, os
f = open('hole', 'wb'); f.truncate(1 << 40); f.close()
subprocess.check_call(['tar', '--sparse', '-cf', 'a.tar', 'hole']); os.remove('hole')
)");
  EXPECT_EQ(refused(folder, "a.tar"), "archive-too-large");
}

TEST(Archive, EachLimitIsKept) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('a.zip', 'w')
for k in range(11): z.writestr('f%d' % k, 'x' * 1000)
z.close()
)");
  ArchiveLimits entries, entry_bytes, total;
  entries.entries = 10;
  entry_bytes.entry_bytes = 999;
  total.total_bytes = 10'999;
  EXPECT_EQ(refused(folder, "a.zip", entries), "archive-too-large");
  EXPECT_EQ(refused(folder, "a.zip", entry_bytes), "archive-too-large");
  EXPECT_EQ(refused(folder, "a.zip", total), "archive-too-large");
  entries.entries = 11;
  entries.entry_bytes = 1000;
  entries.total_bytes = 11'000;
  extract(Archive(folder / "a.zip", entries), folder / "good");
  EXPECT_EQ(contents(folder / "good").size(), 11u);
}

TEST(Archive, TruncationIsNoticedAtEveryLength) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile, tarfile, io, random
random.seed(1); data = bytes(random.randrange(256) for _ in range(5000))
z = zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED); z.writestr('x', data); z.writestr('y', data); z.close()
t = tarfile.open('a.tar.gz', 'w:gz')
for n in 'xy':
    i = tarfile.TarInfo(n); i.size = len(data); t.addfile(i, io.BytesIO(data))
t.close()
)");
  for (const char* name : {"a.zip", "a.tar.gz"}) {
    const Bytes whole = read_file(folder / name);
    for (std::size_t size = 0; size + 1 < whole.size(); size += 1 + whole.size() / 40) {
      const std::string code = refusal_of([&] {
        Archive(std::span(whole).first(size), "cut").visit([](auto&, auto& pull) {
          while (!pull().empty()) {
          }
        });
      });
      EXPECT_TRUE(code == "archive-damaged" || code == "archive-unknown")
          << name << " cut to " << size << " of " << whole.size() << ": '" << code << "'";
    }
  }
}

TEST(Archive, ZipMembersThatMayDemandGigabytesAreRefused) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile
for name, method in [('lzma', zipfile.ZIP_LZMA), ('bzip2', zipfile.ZIP_BZIP2)]:
    z = zipfile.ZipFile(name + '.zip', 'w', method); z.writestr('x', 'hello ' * 100); z.close()
)");
  EXPECT_EQ(refused(folder, "lzma.zip"), "archive-packing");
  EXPECT_EQ(Archive(folder / "bzip2.zip").read("x").size(), 600u);
}

TEST(Archive, AChangedByteIsNoticedByTheChecksum) {
  const Folder folder;
  python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('a.zip', 'w'); z.writestr('x', 'hello world'); z.close()
b = bytearray(open('a.zip', 'rb').read()); b[b.index(b'hello')] ^= 1; open('a.zip', 'wb').write(b)
)");
  EXPECT_EQ(refused(folder, "a.zip"), "archive-damaged");
}

TEST(Archive, WhatIsNoArchiveIsRefused) {
  const Folder folder;
  folder.write("text.zip", "this is a text");
  folder.write("empty.zip", "");
  folder.write("7z.zip", "7z\xBC\xAF\x27\x1C");
  for (const char* name : {"text.zip", "empty.zip", "7z.zip"})
    EXPECT_EQ(refused(folder, name), "archive-unknown") << name;
  EXPECT_THROW(Archive(folder / "none.zip").entries(), IoError);
}

TEST(Archive, ChineseNamesOfWindowsZipsAreReadAsGbk) {
  const Folder folder;
  // Names as the Chinese Windows Explorer writes them: GBK bytes, no UTF-8 flag.
  python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('a.zip', 'w')
for k, name in enumerate(['划痕/图片一.jpg', '良品/图片二.jpg']):
    raw = name.encode('gbk')
    z.writestr('x' * (len(raw) - 1) + str(k), str(k))
z.close()
b = open('a.zip', 'rb').read()
for k, name in enumerate(['划痕/图片一.jpg', '良品/图片二.jpg']):
    raw = name.encode('gbk'); b = b.replace(b'x' * (len(raw) - 1) + str(k).encode(), raw)
open('a.zip', 'wb').write(b)
)");
  std::vector<std::string> names;
  for (const ArchiveEntry& entry : Archive(folder / "a.zip").entries()) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"划痕/图片一.jpg", "良品/图片二.jpg"}));
  extract(Archive(folder / "a.zip"), folder / "out");
  EXPECT_TRUE(fs::exists(folder / "out" / "划痕" / "图片一.jpg"));
}

TEST(Names, OldWesternZipNamesAreReadAsCp437) {
  // "Müller/café.jpg" in code page 437: ü is 0x81, é is 0x82.
  EXPECT_EQ(decode_name("M\x81ller/caf\x82.jpg"), "Müller/café.jpg");
  // A folder has one name whatever file follows it.
  EXPECT_EQ(decode_name("M\x81ller/\xC4\xE3\xBA\xC3.jpg"), "Müller/你好.jpg");
}

TEST(Names, GbkThatIsUtf8ByAccidentIsNoticed) {
  EXPECT_EQ(decode_name("\xCD\xBC\xC6\xAC\xD2\xBB.jpg"), "图片一.jpg");
  for (const char* name : {"дом.jpg", "50°дом", "αβγ", "naïve ñ", "图片一", "café/дом"})
    EXPECT_EQ(decode_name(name), name);
}

TEST(Names, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(is_utf8("a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80"));
  for (const char* bad :
       {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\xE4\xBD", "\x80"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Extract, NeverReplacesAFolderThatHoldsSomething) {
  const Folder folder;
  folder.write("in/x", "new");
  python(folder.path(), "import shutil; shutil.make_archive('a', 'zip', 'in')");
  folder.write("out/mine", "old");
  EXPECT_THROW(extract(Archive(folder / "a.zip"), folder / "out"), IoError);
  EXPECT_EQ(contents(folder / "out"), (std::map<std::string, std::string>{{"mine", "old"}}));
}

TEST(Extract, AFailedWriteLeavesNothingBehind) {
  const Folder folder;
  write_zip(folder / "a.zip", {{"a", Bytes(100, 1)}, {"b", Bytes(100'000, 2)}});
  // A limit on file sizes stands for a full disk: the second file cannot be written.
  struct rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit small = old;
  small.rlim_cur = 50'000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(extract(Archive(folder / "a.zip"), folder / "out" / "x"), IoError);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(fs::is_empty(folder / "out"));
  extract(Archive(folder / "a.zip"), folder / "out" / "x");
  EXPECT_EQ(contents(folder / "out" / "x").size(), 2u);
}

TEST(Extract, TheCacheUnpacksOnceAndAgainAfterAChange) {
  const Folder folder;
  write_zip(folder / "a.zip", {{"x", {1}}});
  const fs::path first = extract_cached(folder / "a.zip", folder / "work");
  write_file_atomic(first / "mark", "kept");
  EXPECT_EQ(extract_cached(folder / "a.zip", folder / "work"), first);
  EXPECT_TRUE(fs::exists(first / "mark"));
  write_zip(folder / "a.zip", {{"x", {1}}, {"y", {2}}});
  const fs::path second = extract_cached(folder / "a.zip", folder / "work");
  EXPECT_NE(second, first);
  EXPECT_TRUE(fs::exists(second / "y"));
  EXPECT_THROW(extract_cached(folder / "a.zip", ""), ValueError);
}

TEST(Extract, LeftoversOfAKilledProcessAreRemoved) {
  const Folder folder;
  write_zip(folder / "a.zip", {{"x", {1}}});
  const fs::path target = extract_cached(folder / "a.zip", folder / "work");
  fs::remove_all(target);
  // No process has the largest number that a pid can be.
  const fs::path left = target.string() + ".4194304-0.partial";
  fs::create_directories(left);
  extract_cached(folder / "a.zip", folder / "work");
  EXPECT_FALSE(fs::exists(left));
}

TEST(WriteZip, PythonReadsWhatWasWritten) {
  const Folder folder;
  write_zip(folder / "m.zip",
            {{"模型/model.onnx", Bytes(100'000, 7)}, {"manifest.json", {'{', '}'}}, {"none", {}}});
  EXPECT_NO_THROW(python(folder.path(), R"(
import zipfile
z = zipfile.ZipFile('m.zip')
assert z.testzip() is None
assert z.namelist() == ['manifest.json', 'none', '模型/model.onnx'], z.namelist()
assert z.read('模型/model.onnx') == b'\x07' * 100000
assert z.read('manifest.json') == b'{}' and z.read('none') == b''
)"));
  EXPECT_EQ(text(read_zip_member(folder / "m.zip", "manifest.json")), "{}");
  EXPECT_EQ(read_zip(folder / "m.zip").size(), 3u);
  EXPECT_EQ(refusal_of([&] { read_zip_member(folder / "m.zip", "模型/model.onnx", 99'999); }),
            "archive-too-large");
}

TEST(WriteZip, TheSameMembersGiveTheSameBytes) {
  const Folder folder;
  write_zip(folder / "a.zip", {{"a", {1}}, {"b", {2}}});
  write_zip(folder / "b.zip", {{"b", {2}}, {"a", {1}}});
  EXPECT_EQ(read_file(folder / "a.zip"), read_file(folder / "b.zip"));
}

TEST(WriteZip, UnsafeAndRepeatedNamesAreRefused) {
  const Folder folder;
  for (const char* name : {"../x", "/x", "", "a/../b", "a\\b", "a//b", "\xFF"})
    EXPECT_THROW(write_zip(folder / "a.zip", {{name, {}}}), Error) << name;
  EXPECT_THROW(write_zip(folder / "a.zip", {{"x", {}}, {"x", {}}}), ValueError);
  EXPECT_FALSE(fs::exists(folder / "a.zip"));
}

TEST(WriteZip, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  EXPECT_THROW(write_zip("/dev/full/a.zip", {{"x", {}}}), IoError);
  EXPECT_THROW(write_zip(folder / "none" / "a.zip", {{"x", {}}}), IoError);
}

}  // namespace
}  // namespace athanor::data
