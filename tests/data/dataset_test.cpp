#include "athanor/data/dataset.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <set>

#include "athanor/data/check.hpp"
#include "athanor/data/gzip.hpp"
#include "athanor/data/layout.hpp"
#include "athanor/data/scan.hpp"
#include "athanor/data/split.hpp"
#include "support.hpp"

namespace athanor::data {
namespace {

using test::codes;
using test::find_problem;
using test::Folder;
namespace fs = std::filesystem;
using test::python;
using test::refusal_of;
using test::shared_data;
using Strings = std::vector<std::string>;

std::map<std::string, std::string> labels_by_name(const ImageDataset& dataset) {
  std::map<std::string, std::string> result;
  for (const Item& item : dataset.items) {
    std::string labels;
    for (const int label : item.labels)
      labels += (labels.empty() ? "" : "+") + dataset.classes.at(static_cast<std::size_t>(label));
    result[item.name] = std::string(to_string(item.part)) + ":" + labels;
  }
  return result;
}

std::map<Part, int> part_counts(const ImageDataset& dataset) {
  std::map<Part, int> counts;
  for (const Item& item : dataset.items) ++counts[item.part];
  return counts;
}

TEST(Folder, ClassFoldersAreClasses) {
  const Folder folder;
  for (const char* name : {"cat/1.jpg", "cat/2.JPG", "dog/x.PnG", "好的/图 1.webp", "10/a.tif"})
    folder.picture(name);
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.classes, (Strings{"10", "cat", "dog", "好的"}));
  EXPECT_EQ(labels_by_name(dataset),
            (std::map<std::string, std::string>{{"cat/1.jpg", "unassigned:cat"},
                                                {"cat/2.JPG", "unassigned:cat"},
                                                {"dog/x.PnG", "unassigned:dog"},
                                                {"好的/图 1.webp", "unassigned:好的"},
                                                {"10/a.tif", "unassigned:10"}}));
  EXPECT_EQ(std::get<Bytes>(dataset.read(dataset.items[0])), read_file(folder / "10/a.tif"));
}

TEST(Folder, NumbersAreOrderedByValue) {
  const Folder folder;
  for (const char* name : {"10/1.jpg", "9/1.jpg", "1/1.jpg", "0/1.jpg"}) folder.picture(name);
  EXPECT_EQ(open_dataset(folder.path()).classes, (Strings{"0", "1", "9", "10"}));
}

TEST(Folder, PartLevelsOutsideAndInsideAreUnderstood) {
  for (const bool outside : {true, false}) {
    const Folder folder;
    for (const char* part : {"Train", "valid", "TEST"})
      for (const char* cls : {"a", "b"})
        folder.picture(outside ? fs::path("wrap") / part / cls / "1.jpg"
                               : fs::path("wrap") / cls / part / "1.jpg",
                       std::string(part) + cls);
    const ImageDataset dataset = open_dataset(folder.path());
    EXPECT_EQ(dataset.classes, (Strings{"a", "b"}));
    EXPECT_EQ(part_counts(dataset),
              (std::map<Part, int>{{Part::train, 2}, {Part::val, 2}, {Part::test, 2}}));
  }
}

TEST(Folder, ClutterIsIgnored) {
  const Folder folder;
  for (const char* name : {"a/1.jpg", "b/1.jpg", "__MACOSX/a/1.jpg", ".hidden/c/1.jpg", "a/._1.jpg",
                           "a/Thumbs.db", "b/.DS_Store", "a/.ipynb_checkpoints/1.jpg"})
    folder.picture(name);
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.classes, (Strings{"a", "b"}));
  EXPECT_EQ(dataset.items.size(), 2u);
}

TEST(Folder, NestedFoldersBelongToTheirClass) {
  const Folder folder;
  for (const char* name : {"cat/day 1/1.jpg", "cat/day 2/1.jpg", "dog/day 1/1.jpg", "dog/2.jpg"})
    folder.picture(name);
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.classes, (Strings{"cat", "dog"}));
  EXPECT_EQ(dataset.items.size(), 4u);
  EXPECT_TRUE(find_problem(dataset.problems, "nested-folders"));
}

TEST(Folder, LoopsOfLinksEnd) {
  const Folder folder;
  folder.picture("a/1.jpg");
  folder.picture("b/1.jpg");
  fs::create_directory_symlink(folder.path(), folder / "a/loop");
  fs::create_directory_symlink(folder / "a", folder / "b/other");
  fs::create_symlink("nowhere.jpg", folder / "a/broken.jpg");
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(labels_by_name(dataset),
            (std::map<std::string, std::string>{{"a/1.jpg", "unassigned:a"},
                                                {"b/1.jpg", "unassigned:b"}}));
  EXPECT_TRUE(find_problem(dataset.problems, "unreadable"));
}

TEST(Folder, ALinkedClassFolderIsFollowed) {
  const Folder folder, elsewhere;
  elsewhere.picture("1.jpg");
  folder.picture("b/1.jpg");
  fs::create_directory_symlink(elsewhere.path(), folder / "a");
  EXPECT_EQ(open_dataset(folder.path()).classes, (Strings{"a", "b"}));
}

TEST(Folder, FolderNamesThatAreNotUtf8AreReadAsGbk) {
  const Folder folder;
  folder.picture("\xC1\xBC\xC6\xB7/1.jpg");  // 良品
  folder.picture("b/1.jpg");
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.classes, (Strings{"b", "良品"}));
  for (const Item& item : dataset.items) EXPECT_NO_THROW(dataset.read(item));
}

TEST(Folder, RefusalsSayWhatIsMissing) {
  const Folder empty, text, flat, flat_parts, masks, boxes;
  text.write("a/notes.txt", "x");
  for (const char* name : {"1.jpg", "2.jpg"}) {
    flat.picture(name);
    flat_parts.picture(fs::path("train") / name);
    flat_parts.picture(fs::path("test") / name);
    masks.picture(fs::path("images") / name);
    masks.picture(fs::path("masks") / fs::path(name).replace_extension(".png"));
    boxes.picture(fs::path("images") / name);
    boxes.write(fs::path("labels") / fs::path(name).replace_extension(".txt"), "0 .5 .5 .1 .1\n");
  }
  EXPECT_EQ(refusal_of([&] { open_dataset(empty.path()); }), "empty-folder");
  EXPECT_EQ(refusal_of([&] { open_dataset(text.path()); }), "no-pictures");
  EXPECT_EQ(refusal_of([&] { open_dataset(flat.path()); }), "no-classes");
  EXPECT_EQ(refusal_of([&] { open_dataset(flat_parts.path()); }), "no-classes");
  EXPECT_EQ(refusal_of([&] { open_dataset(masks.path()); }), "not-classification");
  EXPECT_EQ(refusal_of([&] { open_dataset(boxes.path()); }), "not-classification");
  EXPECT_EQ(refusal_of([&] { open_dataset(empty / "none"); }), "not-found");
  EXPECT_EQ(refusal_of([&] { open_dataset(flat / "1.jpg"); }), "one-picture");
  EXPECT_EQ(refusal_of([&] { open_dataset("/dev/null"); }), "not-a-file");
  EXPECT_EQ(refusal_of([&] { open_dataset(empty.write("x.csv", "")); }), "empty-file");
}

TEST(Folder, PicturesOutsideOfClassFoldersAreTold) {
  const Folder folder;
  for (const char* name : {"train/a/1.jpg", "train/b/1.jpg", "test/1.jpg", "stray.jpg"})
    folder.picture(name);
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.items.size(), 2u);
  const Problem* problem = find_problem(dataset.problems, "picture-without-label");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->count, 2);
  EXPECT_EQ(problem->items, (Strings{"stray.jpg", "test/1.jpg"}));
}

TEST(Lists, AListBesideThePicturesIsUsed) {
  const Folder folder;
  for (const char* name : {"set/images/1.jpg", "set/images/2.jpg", "set/images/3.jpg"})
    folder.picture(name);
  folder.write("set/labels.csv", "images/1.jpg,cat\nimages/2.jpg,dog\nimages/4.jpg,dog\n");
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(labels_by_name(dataset),
            (std::map<std::string, std::string>{{"set/images/1.jpg", "unassigned:cat"},
                                                {"set/images/2.jpg", "unassigned:dog"}}));
  ASSERT_TRUE(find_problem(dataset.problems, "label-without-picture"));
  EXPECT_EQ(find_problem(dataset.problems, "label-without-picture")->items,
            (Strings{"set/labels.csv:3: images/4.jpg"}));
  EXPECT_EQ(find_problem(dataset.problems, "picture-without-label")->items,
            (Strings{"set/images/3.jpg"}));
  // The list alone gives the same pictures.
  EXPECT_EQ(open_dataset(folder / "set/labels.csv").items.size(), 2u);
}

TEST(Lists, BareNamesStemsAndForeignPathsAreFound) {
  const Folder folder;
  for (const char* name : {"pics/1.jpg", "pics/2.jpg", "pics/3.jpg"}) folder.picture(name);
  folder.write("l.csv", "id,label\n1.jpg,a\nC:\\data\\pics\\2.jpg,b\n/home/me/pics/3.jpg,a\n");
  EXPECT_EQ(open_dataset(folder / "l.csv").items.size(), 3u);
  folder.write("l.csv", "id,label\n1,a\n2,b\n3,a\n");
  EXPECT_EQ(open_dataset(folder / "l.csv").items.size(), 3u);
}

TEST(Lists, TrainAndTestListsAreParts) {
  const Folder folder;
  for (int i = 0; i < 6; ++i) folder.picture(fmt::format("pics/{}.jpg", i));
  folder.write("train.txt", "pics/0.jpg 0\npics/1.jpg 1\npics/2.jpg 0\npics/3.jpg 1\n");
  folder.write("test.txt", "pics/4.jpg 0\npics/5.jpg 1\n");
  EXPECT_EQ(part_counts(open_dataset(folder.path())),
            (std::map<Part, int>{{Part::train, 4}, {Part::test, 2}}));
}

TEST(Lists, ContradictionsAreErrorsAndRepetitionsAreTold) {
  const Folder folder;
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg"}) folder.picture(name);
  const fs::path list = folder.write("l.csv", "1.jpg,a\n2.jpg,b\n1.jpg,b\n2.jpg,b\n3.jpg,a\n");
  const ImageDataset dataset = open_dataset(list);
  EXPECT_EQ(dataset.items.size(), 2u);
  ASSERT_TRUE(find_problem(dataset.problems, "two-labels"));
  EXPECT_EQ(find_problem(dataset.problems, "two-labels")->severity, Severity::error);
  EXPECT_TRUE(find_problem(dataset.problems, "row-twice"));
}

TEST(Lists, SeveralLabelsMakeAMultiLabelSet) {
  const Folder folder;
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg"}) folder.picture(name);
  const ImageDataset dataset =
      open_dataset(folder.write("l.csv", "file,tags\n1.jpg,sun|sea\n2.jpg,sea\n3.jpg,\n"));
  EXPECT_TRUE(dataset.multi_label);
  EXPECT_EQ(dataset.classes, (Strings{"sea", "sun"}));
  EXPECT_EQ(dataset.items[0].labels, (std::vector<int>{0, 1}));
  EXPECT_TRUE(dataset.items[2].labels.empty());
}

TEST(Lists, AListInAnArchiveCannotLeaveIt) {
  const Folder folder, outside;
  outside.picture("secret.jpg");
  folder.picture("in/1.jpg");
  folder.picture("in/2.jpg");
  folder.write("in/l.csv", fmt::format("1.jpg,a\n2.jpg,b\n../../../..{0},a\n{0},a\n",
                                       (outside / "secret.jpg").string()));
  python(folder.path(), "import shutil; shutil.make_archive('a', 'zip', 'in')");
  OpenOptions options;
  options.work_folder = folder / "work";
  const ImageDataset dataset = open_dataset(folder / "a.zip", options);
  EXPECT_EQ(dataset.items.size(), 2u);
  EXPECT_EQ(find_problem(dataset.problems, "label-without-picture")->count, 2);
}

TEST(ArchivesOfPictures, GiveWhatTheFolderGives) {
  const Folder folder;
  for (const char* name : {"in/set/train/猫/1.jpg", "in/set/train/b/1.jpg", "in/set/test/b/2.jpg",
                           "in/__MACOSX/set/train/b/._1.jpg"})
    folder.picture(name);
  const auto expected = labels_by_name(open_dataset(folder / "in"));
  EXPECT_EQ(expected.size(), 3u);
  OpenOptions options;
  options.work_folder = folder / "work";
  for (const char* format : {"zip", "gztar", "xztar"}) {
    python(folder.path(),
           fmt::format("import shutil; print(shutil.make_archive('{0}', '{0}', 'in'))", format));
    fs::path archive;
    for (const auto& entry : fs::directory_iterator(folder.path()))
      if (entry.path().filename().string().starts_with(std::string(format) + "."))
        archive = entry.path();
    EXPECT_EQ(labels_by_name(open_dataset(archive, options)), expected) << format;
  }
  EXPECT_THROW(open_dataset(folder / "zip.zip"), ValueError);
}

void write_idx(const Folder& folder, const std::string& program) {
  python(folder.path(), R"(
import struct, gzip
def idx(name, dims, data):
    b = struct.pack('>BBBB', 0, 0, 8, len(dims)) + b''.join(struct.pack('>I', d) for d in dims) + bytes(data)
    (gzip.open if name.endswith('.gz') else open)(name, 'wb').write(b)
)" + program);
}

TEST(Idx, PicturesAndLabelsAreReadInOrder) {
  const Folder folder;
  write_idx(folder, R"(
idx('my-images-idx3-ubyte', [3, 2, 4], range(24))
idx('my-labels-idx1-ubyte.gz', [3], [7, 3, 7])
)");
  for (const char* name : {"my-images-idx3-ubyte", "my-labels-idx1-ubyte.gz"}) {
    const ImageDataset dataset = open_dataset(folder / name);
    EXPECT_EQ(dataset.classes, (Strings{"3", "7"}));
    ASSERT_EQ(dataset.items.size(), 3u);
    EXPECT_EQ(dataset.items[1].name, "idx:1");
    EXPECT_EQ(dataset.items[1].labels, (std::vector<int>{0}));
    const auto picture = std::get<RawPicture>(dataset.read(dataset.items[1]));
    EXPECT_EQ(picture.width, 4);
    EXPECT_EQ(picture.height, 2);
    EXPECT_EQ(picture.channels, 1);
    EXPECT_EQ(picture.pixels, (Bytes{8, 9, 10, 11, 12, 13, 14, 15}));
  }
}

TEST(Idx, TrainAndTestFilesInAFolderAreParts) {
  const Folder folder;
  write_idx(folder, R"(
idx('train-images.idx3-ubyte.gz', [4, 2, 2, 3], range(48))
idx('train-labels.idx1-ubyte.gz', [4], [0, 1, 0, 1])
idx('t10k-images.idx3-ubyte', [2, 2, 2, 3], range(24))
idx('t10k-labels.idx1-ubyte', [2], [0, 1])
)");
  const ImageDataset dataset = open_dataset(folder.path());
  EXPECT_EQ(part_counts(dataset), (std::map<Part, int>{{Part::train, 4}, {Part::test, 2}}));
  std::set<std::string> names;
  for (const Item& item : dataset.items) names.insert(item.name);
  EXPECT_TRUE(names.contains("test/idx:1") && names.contains("train/idx:3"));
  EXPECT_EQ(std::get<RawPicture>(dataset.read(dataset.items[0])).channels, 3);
  EXPECT_EQ(part_counts(open_dataset(folder / "train-images.idx3-ubyte.gz")),
            (std::map<Part, int>{{Part::unassigned, 4}}));
}

TEST(Idx, BrokenFilesAreRefused) {
  const Folder folder;
  write_idx(folder, R"(
idx('a-images-idx3-ubyte', [3, 2, 2], range(12))
idx('b-images-idx3-ubyte', [3, 2, 2], range(12)); idx('b-labels-idx1-ubyte', [2], [0, 1])
idx('c-images-idx3-ubyte', [3, 2, 2], range(11)); idx('c-labels-idx1-ubyte', [3], [0, 1, 0])
idx('d-images-idx3-ubyte', [0, 2, 2], []); idx('d-labels-idx1-ubyte', [0], [])
idx('e-images-idx4-ubyte', [1, 2, 2, 5], range(20)); idx('e-labels-idx1-ubyte', [1], [0])
)");
  const auto code = [&](const char* name) {
    return refusal_of([&] { open_dataset(folder / name); });
  };
  EXPECT_EQ(code("a-images-idx3-ubyte"), "no-labels");
  EXPECT_EQ(code("b-images-idx3-ubyte"), "count-mismatch");
  EXPECT_THROW(open_dataset(folder / "c-images-idx3-ubyte"), FormatError);
  EXPECT_EQ(code("d-images-idx3-ubyte"), "no-pictures");
  EXPECT_EQ(code("e-images-idx4-ubyte"), "bad-shape");
}

TEST(Idx, HostileHeadersAreRefused) {
  const auto parse = [](Bytes bytes) { return parse_idx(bytes, "x"); };
  EXPECT_THROW(parse({}), FormatError);
  EXPECT_THROW(parse({0, 0, 8}), FormatError);
  EXPECT_THROW(parse({1, 0, 8, 1, 0, 0, 0, 0}), FormatError);
  EXPECT_THROW(parse({0, 0, 13, 1, 0, 0, 0, 0}), FormatError);
  EXPECT_THROW(parse({0, 0, 8, 0}), FormatError);
  EXPECT_THROW(parse({0, 0, 8, 5}), FormatError);
  EXPECT_THROW(parse({0, 0, 8, 3, 0, 0, 0, 1}), FormatError);
  // 2^32 - 1 in each of four dimensions: the product does not fit 64 bits.
  Bytes huge = {0, 0, 8, 4};
  huge.resize(20, 0xFF);
  EXPECT_THROW(parse(huge), FormatError);
  // No entries, but of a size that does not fit 64 bits.
  huge[4] = huge[5] = huge[6] = huge[7] = 0;
  EXPECT_THROW(parse(huge), FormatError);
  EXPECT_THROW(parse({0, 0, 8, 1, 0, 0, 0, 2, 1}), FormatError);
  EXPECT_THROW(parse({0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3}), FormatError);
  EXPECT_EQ(parse({0, 0, 8, 1, 0, 0, 0, 2, 1, 2}).values, (Bytes{1, 2}));
}

TEST(Gzip, TruncationDamageAndSizeAreNoticed) {
  const Folder folder;
  python(folder.path(), R"(
import gzip
open('a.gz', 'wb').write(gzip.compress(b'hello ' * 1000) + gzip.compress(b'world') + bytes(512))
)");
  const Bytes whole = read_file(folder / "a.gz");
  EXPECT_EQ(gunzip(whole).size(), 6005u);
  EXPECT_THROW(gunzip(whole, 6004), FormatError);
  EXPECT_THROW(gunzip(std::span(whole).first(20)), FormatError);
  Bytes changed = whole;
  changed[15] ^= 0x10;
  EXPECT_THROW(gunzip(changed), FormatError);
  EXPECT_THROW(gunzip(Bytes{'x'}), FormatError);
}

// The real sets of the shared data; the counts are those of its README.

TEST(RealData, Mnist) {
  const ImageDataset dataset = open_dataset(shared_data("image/mnist-t10k-images-idx3-ubyte.gz"));
  EXPECT_EQ(dataset.classes, (Strings{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  ASSERT_EQ(dataset.items.size(), 10'000u);
  // The first labels of the published test file.
  const std::vector<int> first = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
  for (std::size_t i = 0; i < first.size(); ++i)
    EXPECT_EQ(dataset.items[i].labels, (std::vector<int>{first[i]}));
  const auto picture = std::get<RawPicture>(dataset.read(dataset.items[0]));
  EXPECT_EQ(picture.width, 28);
  EXPECT_EQ(picture.height, 28);
  EXPECT_TRUE(dataset.problems.empty()) << codes(dataset.problems);
  SplitOptions options;
  options.method = SplitMethod::order;
  const Split parts = split(dataset, options);
  EXPECT_EQ(parts.train.size(), 8'000u);
  ASSERT_EQ(parts.test.size(), 2'000u);
  EXPECT_EQ(parts.test.front(), 8'000);
}

TEST(RealData, HandGestures) {
  const Folder folder;
  OpenOptions options;
  options.work_folder = folder / "work";
  const ImageDataset dataset = open_dataset(shared_data("image/hand-gestures.tar.gz"), options);
  EXPECT_EQ(dataset.classes, (Strings{"down", "emergency", "follow", "land", "left", "no_class",
                                      "palm", "photo", "right", "take_off"}));
  EXPECT_EQ(part_counts(dataset), (std::map<Part, int>{{Part::train, 800}, {Part::test, 200}}));
  const Split parts = split(dataset, {});
  EXPECT_EQ(parts.train.size(), 800u);
  EXPECT_EQ(parts.test.size(), 200u);
  const DataReport report = check(dataset, nullptr);
  EXPECT_TRUE(report.usable()) << codes(report.problems);
  for (const ClassCount& entry : report.classes) {
    EXPECT_EQ(entry.train, 80);
    EXPECT_EQ(entry.test, 20);
  }
}

TEST(RealData, SolarCells) {
  const Folder folder;
  OpenOptions options;
  options.work_folder = folder / "work";
  const fs::path archive = shared_data("image/elpv-solar-cells.tar.gz");
  const ImageDataset dataset = open_dataset(archive, options);
  EXPECT_EQ(dataset.classes, (Strings{"0.0", "1.0"}));
  ASSERT_EQ(dataset.items.size(), 520u);
  EXPECT_FALSE(dataset.multi_label);
  const DataReport report = check(dataset, nullptr);
  EXPECT_EQ(report.classes[0].total, 260);
  EXPECT_EQ(report.classes[1].total, 260);
  EXPECT_TRUE(report.usable()) << codes(report.problems);
  SplitOptions every;
  parse_split("every:4", every);
  EXPECT_EQ(split(dataset, every).test.size(), 130u);
  options.label_column = "3";
  EXPECT_EQ(open_dataset(archive, options).classes, (Strings{"mono", "poly"}));
}

TEST(RealData, SetsOfOtherTasksAreRefused) {
  const Folder folder;
  OpenOptions options;
  options.work_folder = folder / "work";
  for (const char* name : {"segmentation/camvid.tar.gz", "detection/raccoon-voc.tar.gz",
                           "detection/bccd-voc.tar.gz", "detection/deeppcb.tar.gz"}) {
    const fs::path path = shared_data(name);
    EXPECT_EQ(refusal_of([&] { open_dataset(path, options); }), "not-classification") << name;
  }
  for (const char* name : {"text/sms-spam.tsv", "tabular/iris.csv", "lm/botchan.txt"}) {
    const fs::path path = shared_data(name);
    EXPECT_EQ(refusal_of([&] { open_dataset(path, options); }), "no-picture-column") << name;
  }
  const fs::path sound = shared_data("sound/fsdd.tar.gz");
  EXPECT_EQ(refusal_of([&] { open_dataset(sound, options); }), "no-pictures");
}

}  // namespace
}  // namespace athanor::data
