#include "athanor/data/csv.hpp"

#include "athanor/data/label_list.hpp"
#include "athanor/data/names.hpp"
#include "support.hpp"

namespace athanor::data {
namespace {

using Rows = std::vector<std::vector<std::string>>;
using test::Folder;
namespace fs = std::filesystem;
using test::refusal_of;

LabelList list_of(const std::string& text, const std::string& column = {}) {
  return read_label_list(parse_table(text, "list"), "list", column,
                         [](std::string_view) { return false; });
}

std::vector<std::string> firsts(const LabelList& list) {
  std::vector<std::string> labels;
  for (const ListRow& row : list.rows) labels.push_back(row.labels.empty() ? "-" : row.labels[0]);
  return labels;
}

TEST(Csv, QuotesAreReadAsInRfc4180) {
  // The examples of RFC 4180, section 2, rules 5 to 7.
  const Table table = parse_table(
      "\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx\r\n\"aaa\",\"b\"\"bb\",\"c,c\"\r\n", "x");
  EXPECT_EQ(table.rows,
            (Rows{{"aaa", "b\r\nbb", "ccc"}, {"zzz", "yyy", "xxx"}, {"aaa", "b\"bb", "c,c"}}));
  EXPECT_EQ(table.lines, (std::vector<std::size_t>{1, 3, 4}));
}

TEST(Csv, TheSeparatorIsFound) {
  for (const char separator : {',', ';', '\t', ' '}) {
    const std::string s(1, separator);
    const Table table = parse_table("a.jpg" + s + "cat\nb.jpg" + s + "dog\n", "x");
    EXPECT_EQ(table.separator, separator);
    EXPECT_EQ(table.rows, (Rows{{"a.jpg", "cat"}, {"b.jpg", "dog"}}));
  }
  // Semicolons inside the cells of one column do not make it the separator.
  EXPECT_EQ(parse_table("p,l\na.jpg,x;y\nb.jpg,x\n", "x").separator, ',');
}

TEST(Csv, LineEndsBlankLinesAndCommentsAreUnderstood) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const std::string e = end;
    EXPECT_EQ(parse_table("# note" + e + "a,b" + e + e + " c , d" + e, "x").rows,
              (Rows{{"a", "b"}, {"c", "d"}}));
  }
  EXPECT_TRUE(parse_table("", "x").rows.empty());
  EXPECT_EQ(parse_table("a,,b,", "x").rows, (Rows{{"a", "", "b", ""}}));
}

TEST(Csv, BrokenTextsNameTheLine) {
  const auto message = [](std::string_view text) -> std::string {
    try {
      parse_table(text, "f.csv", ',');
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("a,b\n\"open,c\n").find("f.csv:2"), std::string::npos);
  EXPECT_NE(message(std::string_view("a,b\nx\0y,c\n", 10)).find("f.csv:2"), std::string::npos);
  EXPECT_FALSE(message(std::string(2 << 20, 'x')).empty());
  EXPECT_FALSE(message(std::string(20'000, ',')).empty());
}

TEST(Csv, TextsInOtherEncodingsAreRead) {
  EXPECT_EQ(decode_text("\xEF\xBB\xBF"
                        "a,b"),
            "a,b");
  EXPECT_EQ(decode_text("a.jpg,\xC1\xBC\xC6\xB7"), "a.jpg,良品");  // GBK
  EXPECT_EQ(decode_text(std::string_view("\xFF\xFE"
                                         "a\0,\0\x6F\x82",
                                         8)),
            "a,良");  // UTF-16LE, U+826F
}

TEST(LabelList, PathAndLabelWithAndWithoutHeader) {
  EXPECT_EQ(firsts(list_of("a.jpg,cat\nb.jpg,dog\nc.jpg,cat\n")),
            (std::vector<std::string>{"cat", "dog", "cat"}));
  EXPECT_EQ(firsts(list_of("file,label\na.jpg,cat\nb.jpg,dog\nc.jpg,cat\n")),
            (std::vector<std::string>{"cat", "dog", "cat"}));
  EXPECT_EQ(firsts(list_of("label;size;file\ncat;1;a.jpg\ndog;1;b.jpg\n")),
            (std::vector<std::string>{"cat", "dog"}));
}

TEST(LabelList, TheColumnNearestAfterThePathIsTheLabel) {
  // As in the solar cells: path, a probability of two values, a type of two values.
  const LabelList list =
      list_of("i/1.png  1.0 mono\ni/2.png  0.0 poly\ni/3.png  0.0 mono\ni/4.png  1.0 poly\n");
  EXPECT_EQ(firsts(list), (std::vector<std::string>{"1.0", "0.0", "0.0", "1.0"}));
  EXPECT_EQ(list.label_source, "column 2");
}

TEST(LabelList, MeasurementsAndIdsArePassedOver) {
  std::string text = "file,id,weight,kind\n";
  for (int i = 0; i < 60; ++i)
    text += fmt::format("{}.png,n{},{},{}\n", i, i, 0.37 * i, i % 3 ? "good" : "bad");
  const LabelList list = list_of(text);
  EXPECT_EQ(list.label_source, "column 'kind'");
  EXPECT_EQ(list.rows.size(), 60u);
  EXPECT_EQ(firsts(list_of(text, "2"))[5], "n5");
  EXPECT_EQ(refusal_of([&] { list_of(text, "colour"); }), "no-such-column");
}

TEST(LabelList, ALabelColumnOfFractionsIsNoClass) {
  std::string text = "file,label\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{}.png,{}\n", i, 0.37 * i);
  EXPECT_EQ(refusal_of([&] { list_of(text); }), "labels-are-measurements");
}

TEST(LabelList, SeveralLabelsInOneCell) {
  const LabelList list = list_of("file,tags\na.jpg,sun | sea\nb.jpg,sea\nc.jpg,\n");
  ASSERT_EQ(list.rows.size(), 3u);
  EXPECT_TRUE(list.multi_label);
  EXPECT_EQ(list.rows[0].labels, (std::vector<std::string>{"sun", "sea"}));
  EXPECT_TRUE(list.rows[2].labels.empty());
  EXPECT_EQ(list_of("file,tags\na.jpg,sun;sea\nb.jpg,sea\n").rows[0].labels.size(), 2u);
}

TEST(LabelList, ColumnsOfZerosAndOnesAreClasses) {
  const LabelList one = list_of("file,cat,dog\na.jpg,1,0\nb.jpg,0,1\n");
  EXPECT_FALSE(one.multi_label);
  EXPECT_EQ(firsts(one), (std::vector<std::string>{"cat", "dog"}));
  const LabelList several = list_of("file,cat,dog\na.jpg,1,1\nb.jpg,0,1\nc.jpg,0,0\n");
  EXPECT_TRUE(several.multi_label);
  EXPECT_EQ(several.rows[0].labels, (std::vector<std::string>{"cat", "dog"}));
}

TEST(LabelList, ASplitColumnGivesTheParts) {
  const LabelList list = list_of(
      "class id,filepaths,labels,data set\n0,train/a/1.jpg,a,train\n1,valid/b/1.jpg,b,valid\n"
      "1,test/b/2.jpg,b,test\n");
  EXPECT_EQ(firsts(list), (std::vector<std::string>{"a", "b", "b"}));
  EXPECT_EQ(list.rows[0].part, Part::train);
  EXPECT_EQ(list.rows[1].part, Part::val);
  EXPECT_EQ(list.rows[2].part, Part::test);
}

TEST(LabelList, PathsWithBlanksInABlankSeparatedList) {
  const LabelList list = list_of("my cat.jpg 0\ndog.jpg 1\nb.jpg 0\n");
  ASSERT_EQ(list.rows.size(), 3u);
  EXPECT_EQ(list.rows[0].path, "my cat.jpg");
  EXPECT_EQ(firsts(list), (std::vector<std::string>{"0", "1", "0"}));
}

TEST(LabelList, AListOfPathsTakesTheirFolders) {
  EXPECT_EQ(firsts(list_of("x/cat/1.jpg\nx/dog/1.jpg\n")),
            (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(refusal_of([] { list_of("1.jpg\n2.jpg\n"); }), "no-labels");
}

TEST(LabelList, ListsOfOtherTasksAreRefused) {
  EXPECT_EQ(refusal_of([] { list_of("filename,class,xmin,ymin\na.jpg,cat,1,2\nb.jpg,dog,1,2\n"); }),
            "not-classification");
  EXPECT_EQ(refusal_of([] { list_of("a.jpg a_mask.png\nb.jpg b_mask.png\n"); }),
            "not-classification");
  EXPECT_EQ(refusal_of([] { list_of("text,label\nhello,1\nworld,0\n"); }), "no-picture-column");
  EXPECT_EQ(refusal_of([] { list_of("# nothing\n"); }), "empty-list");
}

}  // namespace
}  // namespace athanor::data
