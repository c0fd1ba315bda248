#include "athanor/train/report/page.hpp"

#include <algorithm>
#include <set>

#include "athanor/train/report/html_text.hpp"

namespace athanor::train {

using nlohmann::json;

namespace report {

std::string Page::t(std::string_view key) const { return escape_sentence(in(language, text(key))); }

std::string Page::t(std::string_view key, Arguments arguments) const {
  return escape_sentence(in(language, say(key, arguments)));
}

std::string Page::class_name(std::size_t label) const {
  return escape(report.at("classes").at(label).get_ref<const std::string&>());
}

std::string Page::class_tag(std::size_t label) const {
  return "<bdi>" + class_name(label) + "</bdi>";
}

namespace {

/// What the script works with: items, cells and texts.
json script_data(const Page& page) {
  const json& r = page.report;
  json items = json::array();
  for (const json& item : r.at("items"))
    items.push_back({item.at("name"), item.at("truth"), item.at("said"), item.at("top")});
  json actions = json::array();
  for (const json& a : r.at("next_actions")) actions.push_back(a.at("items"));
  json mistakes = json::array();
  for (const json& m : r.at("mistakes"))
    mistakes.push_back(
        {m.at("item"), m.at("label"), m.at("missed"), m.at("confidence"), m.at("suspicious")});
  json texts = json::object();
  for (const char* key :
       {"dialog.more", "mistakes.all", "mistakes.suspicious", "mistakes.shown", "mistakes.truth",
        "mistakes.said", "mistakes.nothing", "mistakes.no-picture", "matrix.pair", "matrix.truth",
        "matrix.said", "labels.found", "labels.missed", "labels.in-vain", "threshold.counts",
        "threshold.counts-multi"})
    texts[key] = in(page.language, text(key));
  // Those written into the page are taken from there.
  json pictures = json::object();
  std::set<std::size_t> written;
  const json& list = r.at("mistakes");
  for (std::size_t i = 0; i < std::min(kStaticMistakes, list.size()); ++i)
    written.insert(list[i].at("item").get<std::size_t>());
  for (const auto& [item, uri] : page.pictures)
    if (!written.contains(item)) pictures[std::to_string(item)] = uri;
  return {{"multi", page.multi_label()},
          {"classes", r.at("classes")},
          {"items", std::move(items)},
          {"cells", r.at("confusion")},
          {"mistakes", std::move(mistakes)},
          {"actions", std::move(actions)},
          {"curve", r.at("threshold").at("curve")},
          {"pictures", std::move(pictures)},
          {"texts", std::move(texts)}};
}

std::string contents(const Page& page) {
  const bool tested = page.test_count() > 0;
  std::string out = "<nav class=\"contents\" aria-label=\"" + page.t("page.contents") + "\"><ul>";
  const auto link = [&](const char* id, const char* key) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>", id, page.t(key));
  };
  link("next", "next.heading");
  if (tested) link("matrix", page.multi_label() ? "labels.heading" : "matrix.heading");
  if (page.class_count() > 0) link("classes", "classes.heading");
  if (tested) {
    link("mistakes", "mistakes.heading");
    link("threshold", "threshold.heading");
    link("calibration", "calibration.heading");
  }
  link("training", "training.heading");
  link("help", "help.heading");
  return out + "</ul></nav>";
}

std::string whole(const Page& page) {
  const bool tested = page.test_count() > 0;
  const std::string title =
      page.t("page.title", {{"title", both(page.report.at("title").get<std::string>())}});
  std::string out;
  out += fmt::format("<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n",
                     page.zh() ? "zh-CN" : "en");
  // Nothing may be fetched, whatever a name in the data smuggles in.
  out +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action "
      "'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "name=\"color-scheme\" content=\"light dark\">\n";
  out += "<title>" + title + "</title>\n<style>\n";
  out += kStyle;
  out += "</style>\n</head>\n<body>\n";
  out += fmt::format("<a class=\"skip\" href=\"#report\">{}</a>\n", page.t("page.skip"));
  out += "<main id=\"report\">\n" + hero(page);
  out += contents(page);
  out += fmt::format("<noscript><p class=\"note\">{}</p></noscript>\n", page.t("page.noscript"));
  out += next_section(page);
  if (tested) out += page.multi_label() ? labels_section(page) : matrix_section(page);
  out += classes_section(page);
  if (tested) {
    out += mistakes_section(page);
    out += threshold_section(page);
    out += calibration_section(page);
  }
  out += training_section(page);
  out += help_section(page);
  out += "</main>\n";
  out += fmt::format("<footer>{}</footer>\n", page.t("page.footer"));
  out += fmt::format(
      "<dialog id=\"viewer\" aria-labelledby=\"viewer-title\"><div class=\"viewer-head\"><h2 "
      "id=\"viewer-title\"></h2><button type=\"button\" id=\"viewer-close\" aria-label=\"{0}\" "
      "title=\"{0}\">×</button></div><div id=\"viewer-list\" class=\"shots\"></div><button "
      "type=\"button\" id=\"viewer-more\" class=\"more\" hidden></button></dialog>\n",
      page.t("dialog.close"));
  out += "<script type=\"application/json\" id=\"data\">" + script_json(script_data(page)) +
         "</script>\n<script>\n";
  out += kScript;
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace
}  // namespace report

std::string render_report(const json& report, Language language, const Thumbnail& thumbnail,
                          std::size_t max_pictures) {
  require<FormatError>(report.is_object() && report.contains("format") &&
                           report["format"] == "athanor.report" &&
                           report.contains("format_version") && report["format_version"] == 1,
                       "report: this JSON is no report of athanor, format version 1");
  try {
    return report::whole(
        {report, language, report::choose_pictures(report, thumbnail, max_pictures)});
  } catch (const json::exception& e) {
    raise<FormatError>("report: a part of it is missing or of the wrong kind: {}", e.what());
  }
}

}  // namespace athanor::train
