#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "athanor/train/report/html_text.hpp"
#include "athanor/train/report/report.hpp"
#include "samples.hpp"

namespace athanor::train {
namespace {

using nlohmann::json;
using namespace report_test;
using testing::HasSubstr;
using testing::Not;

// Python's own parser: every element is closed in order, ids are unique, every reference inside
// the page has its target, nothing refers outside, and the data can be read. Prints what it finds.
constexpr const char* kCheck = R"py(
import html.parser, json, sys
VOID = {'meta', 'link', 'br', 'img', 'input', 'hr'}
class Check(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.refs, self.scripts, self.text, self.images = [], set(), [], [], [], 0
        self.kind, self.labels = None, []
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        assert len(a) == len(attrs), (tag, attrs)
        for name in a:
            assert not name.startswith('on'), (tag, attrs)
        if 'id' in a:
            assert a['id'] not in self.ids, a['id']
            self.ids.add(a['id'])
        for name in ('src', 'href', 'action', 'poster', 'srcset'):
            if name in a:
                assert a[name].startswith(('data:image/', '#')), (tag, a[name][:80])
                if a[name].startswith('#'): self.refs.append(a[name][1:])
        if tag == 'label' and 'for' in a: self.refs.append(a['for'])
        if tag == 'img':
            assert 'alt' in a
            self.images += 1
        if tag == 'script': self.kind = a.get('type', 'script')
        assert tag not in ('iframe', 'object', 'embed', 'link', 'form', 'base'), tag
        if tag not in VOID: self.open.append(tag)
    def handle_startendtag(self, tag, attrs): self.handle_starttag(tag, attrs); self.handle_endtag(tag)
    def handle_endtag(self, tag):
        if tag in VOID: return
        assert self.open and self.open[-1] == tag, (tag, self.open[-5:], self.getpos())
        self.open.pop()
        if tag == 'script': self.kind = None
    def handle_data(self, data):
        if self.kind: self.scripts.append((self.kind, data))
        elif self.open and self.open[-1] != 'style': self.text.append(data)
page = open(sys.argv[1], 'rb').read().decode('utf-8')
assert not any(ord(c) < 32 and c not in '\n' for c in page)
c = Check()
c.feed(page)
c.close()
assert not c.open, c.open
for ref in c.refs: assert ref in c.ids, ref
for s in ('http:', 'https:', 'url(', '@import', 'fetch(', 'XMLHttpRequest', 'innerHTML'):
    for kind, data in c.scripts:
        if kind == 'script': assert s not in data, s
data = ''.join(d for k, d in c.scripts if k == 'application/json')
value = json.loads(data)
assert sum(k == 'application/json' for k, d in c.scripts) == 1
scripts = [k for k, d in c.scripts if k == 'script']
assert len(scripts) == 1, scripts
print(json.dumps({'text': ' '.join(''.join(c.text).split()), 'data': value, 'images': c.images}))
)py";

json checked(const std::string& page, const std::string& name) {
  return json::parse(run_python(kCheck, write_temporary(name + ".html", page)), nullptr, false);
}

TEST(ReportHtml, IsWellFormedForAllKindsOfReports) {
  const struct {
    const char* name;
    Sample options;
    std::vector<std::string> classes;
  } cases[] = {
      {"two", {.count = 200, .right = 0.96, .seed = 3}, {"good", "defective"}},
      {"four", {.count = 600, .right = 0.985, .seed = 4}, part_names()},
      {"twenty", {.count = 900, .right = 0.82, .seed = 5}, many_names()},
      {"hundred", {.count = 3000, .right = 0.7, .seed = 6}, hundred_names()},
      {"labels", {.count = 300, .right = 0.93, .seed = 7, .multi_label = true}, part_names()}};
  // Where a person can look at them.
  const char* keep = std::getenv("ATHANOR_REPORT_EXAMPLES");
  for (const auto& c : cases) {
    const json report = build_report(sample(c.options, c.classes));
    for (const Language language : {Language::en, Language::zh}) {
      const std::string name = std::string(c.name) + (language == Language::zh ? "-zh" : "-en");
      const std::string page = render_report(report, language, picture, 120);
      const json found = checked(page, name);
      ASSERT_TRUE(found.is_object()) << name;
      EXPECT_EQ(found["data"]["items"].size(), report["items"].size());
      EXPECT_EQ(found["data"]["pictures"].size() + found["images"].get<std::size_t>(), 120u)
          << name;
      EXPECT_THAT(page, HasSubstr(language == Language::zh ? "<html lang=\"zh-CN\">"
                                                           : "<html lang=\"en\">"));
      if (keep)
        write_file(std::filesystem::path(keep) / (name + ".html"),
                   {reinterpret_cast<const std::uint8_t*>(page.data()), page.size()});
    }
  }
}

TEST(ReportHtml, HostileNamesStayText) {
  const std::vector<std::string> names{"<script>alert(1)</script>",
                                       "\"'><img src=x onerror=alert(2)>",
                                       "</script><!--",
                                       "&lt;b&gt; & co",
                                       std::string("nul\0inside", 10),
                                       "\xE2\x80\xAEright-to-left \xD8\xB9\xD8\xB1\xD8\xA8",
                                       "\xFF\xFE not UTF-8 \xC0\xAF",
                                       "]]> {class} {0} %s \\u003c \x1b[31m",
                                       std::string(3000, 'W')};
  ReportInput input = sample({.count = 300, .right = 0.6, .seed = 9}, names);
  input.title = "</title><script>alert(3)</script>";
  input.training["model"] = "<b>\"x\"</b>";
  input.training["<i>key</i>"] = "<u>value</u>";
  input.training["reasons"] = {"<script>alert(4)</script>"};
  input.data_problems =
      json::array({{{"code", "unreadable"},
                    {"severity", "warning"},
                    {"what", {{"en", "<script>alert(5)</script>\x1b"}, {"zh", "<b>五\xFF"}}},
                    {"fix", {{"en", "'\""}, {"zh", "'\""}}}}});
  const json report = build_report(input);
  for (const Language language : {Language::en, Language::zh}) {
    const std::string page = render_report(report, language, {});
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
    EXPECT_THAT(page, Not(HasSubstr("<i>key")));
    EXPECT_THAT(page, Not(HasSubstr("<u>value")));
    const json found = checked(page, "hostile");
    ASSERT_TRUE(found.is_object());
    EXPECT_EQ(found["data"]["classes"][0], names[0]);
    EXPECT_EQ(found["data"]["classes"][2], names[2]);
    const std::string text = found["text"];
    EXPECT_THAT(text, HasSubstr("<script>alert(1)</script>")) << "shown as it is";
    EXPECT_THAT(text, HasSubstr("&lt;b&gt; & co"));
    EXPECT_THAT(text, HasSubstr("</title><script>alert(3)</script>"));
  }
}

TEST(ReportHtml, EscapedTextIsUtf8WithoutMarkup) {
  EXPECT_EQ(report::escape("<a href=\"x\" id='y'>&"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
  EXPECT_EQ(report::escape("划痕 🔥 é"), "划痕 🔥 é");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(report::escape("\xED\xA0\x80"), bad + bad + bad);            // a surrogate
  EXPECT_EQ(report::escape("\xF4\x90\x80\x80"), bad + bad + bad + bad);  // above U+10FFFF
  EXPECT_EQ(report::escape("\xE0\x80\xAF"), bad + bad + bad);            // overlong
  EXPECT_EQ(report::escape("\xE4\xB8"), bad + bad);                      // cut off
  EXPECT_EQ(report::escape(std::string("\0\t", 2)), bad + bad);
}

TEST(ReportHtml, ScriptJsonCannotEndItsElement) {
  const json value{{"</script>", "<!-- & --> ]]>"}, {"bad", "\xFF"}, {"zh", "划"}};
  const std::string text = report::script_json(value);
  for (char c : text) {
    EXPECT_NE(c, '<');
    EXPECT_NE(c, '>');
    EXPECT_NE(c, '&');
    EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
  const json back = json::parse(text);
  EXPECT_EQ(back["</script>"], "<!-- & --> ]]>");
  EXPECT_EQ(back["zh"], "划");
}

// RFC 4648, section 10, behind the first bytes that make a JPEG.
TEST(ReportHtml, PicturesBecomeBase64) {
  const auto uri = [](std::initializer_list<std::uint8_t> bytes) {
    return report::data_uri(Bytes(bytes));
  };
  EXPECT_EQ(uri({0xFF, 0xD8, 0xFF, 'f'}), "data:image/jpeg;base64,/9j/Zg==");
  EXPECT_EQ(uri({0xFF, 0xD8, 0xFF, 'f', 'o'}), "data:image/jpeg;base64,/9j/Zm8=");
  EXPECT_EQ(uri({0xFF, 0xD8, 0xFF, 'f', 'o', 'o'}), "data:image/jpeg;base64,/9j/Zm9v");
  EXPECT_EQ(uri({0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0}), "data:image/png;base64,iVBORw0KGgoA");
  EXPECT_EQ(uri({'<', 's', 'v', 'g', '>'}), "") << "only what a picture's first bytes prove";
  EXPECT_EQ(uri({}), "");
}

TEST(ReportHtml, AtMostSoManyPicturesMistakesFirst) {
  const json report = build_report(sample({.count = 400, .right = 0.9, .seed = 2}, part_names()));
  const std::size_t mistakes = report["mistakes"].size();
  ASSERT_GT(mistakes, 10u);
  std::vector<std::string> asked;
  const auto thumbnail = [&](const std::string& item) {
    asked.push_back(item);
    return picture(item);
  };
  (void)render_report(report, Language::en, thumbnail, 10);
  ASSERT_EQ(asked.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(asked[i], report["items"][report["mistakes"][i]["item"].get<std::size_t>()]["name"]
                            .get<std::string>());
  asked.clear();
  (void)render_report(report, Language::en, thumbnail, 0);
  EXPECT_TRUE(asked.empty());
}

TEST(ReportHtml, PicturesThatCannotBeHadAreLeftOut) {
  const json report = build_report(sample({.count = 2000, .right = 0.9, .seed = 2}, part_names()));
  int asked = 0;
  const std::string none = render_report(
      report, Language::en,
      [&](const std::string&) -> Bytes {
        ++asked;
        throw IoError("gone", 2);
      },
      50);
  EXPECT_LE(asked, 100) << "a data set without pictures is not read through";
  EXPECT_THAT(none, Not(HasSubstr("data:image/")));
  const std::string huge = render_report(report, Language::en, [](const std::string&) {
    Bytes bytes(3 << 20, 7);
    bytes[0] = 0xFF, bytes[1] = 0xD8, bytes[2] = 0xFF;
    return bytes;
  });
  EXPECT_LT(huge.size(), 2u << 20);
}

TEST(ReportHtml, StaysSmallForThousandsOfItemsAndManyClasses) {
  std::vector<std::string> names;
  for (int i = 0; i < 400; ++i) names.push_back(fmt::format("class {}", i));
  const json report = build_report(sample({.count = 8000, .right = 0.6, .seed = 8}, names));
  const std::string page = render_report(report, Language::en, {});
  EXPECT_LT(page.size(), 4u << 20);
  EXPECT_THAT(page, HasSubstr("Shown are the 100 classes with most mistakes, of 400."));
  EXPECT_TRUE(checked(page, "large").is_object());
}

TEST(ReportHtml, IsTheSameEachTime) {
  const json report = build_report(sample({}, part_names()));
  EXPECT_EQ(render_report(report, Language::zh, picture, 30),
            render_report(report, Language::zh, picture, 30));
}

TEST(ReportHtml, WhatIsNoReportIsRefused) {
  const json good = build_report(sample({}, part_names()));
  for (const json& bad : {json(), json::array(), json::object(),
                          json{{"format", "athanor.report"}, {"format_version", 2}}})
    EXPECT_THROW((void)render_report(bad, Language::en, {}), FormatError);
  for (const auto& [key, value] : good.items()) {
    json without = good;
    without.erase(key);
    try {
      (void)render_report(without, Language::en, picture, 5);
    } catch (const FormatError&) {
    }
    json wrong = good;
    wrong[key] = "text";
    try {
      (void)render_report(wrong, Language::en, picture, 5);
    } catch (const FormatError&) {
    }
  }
  json outside = good;
  outside["confusion"][0]["truth"] = 1000;
  EXPECT_THROW((void)render_report(outside, Language::en, {}), FormatError);
}

}  // namespace
}  // namespace athanor::train
