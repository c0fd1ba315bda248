#include <algorithm>
#include <cmath>

#include "athanor/train/report/html_text.hpp"
#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

using nlohmann::json;

namespace {

std::string card(const std::string& title, const std::string& value, const std::string& notes,
                 const std::string& extra = {}) {
  return fmt::format(
      "<div class=\"card\"><h3>{}</h3><p class=\"value\">{}</p>{}<p class=\"small\">{}</p></div>",
      title, value, extra, notes);
}

/// The bar of a share with its interval; low < 0: none.
std::string bar(double value, double low, double high, const std::string& label) {
  const auto share = [](double v) { return 100 * std::clamp(v, 0.0, 1.0); };
  return fmt::format(
      "<span class=\"bar\" role=\"img\" aria-label=\"{0}\" title=\"{0}\"><i "
      "style=\"width:{1:.1f}%\"></i><u style=\"left:{2:.1f}%;width:{3:.1f}%\"></u></span>",
      label, share(value), share(low), share(high) - share(low));
}

std::string cards(const Page& page) {
  const json& r = page.report;
  const json& a = r.at("accuracy");
  const json& counts = r.at("counts");
  const auto value = [](const json& j) { return j.get<double>(); };
  std::string out = "<div class=\"cards\">";
  if (page.test_count() > 0) {
    const double low = value(a.at("interval").at(0)), high = value(a.at("interval").at(1));
    const std::string interval =
        page.t("card.interval", {{"low", both(percent(low))}, {"high", both(percent(high))}});
    std::string notes =
        interval + "<br>" +
        page.t("card.of", {{"correct", both(number(a.at("correct").get<std::int64_t>()))},
                           {"count", both(number(page.test_count()))}});
    if (a.contains("baseline"))
      notes +=
          "<br>" + page.t("card.baseline", {{"value", both(percent(value(a.at("baseline"))))}});
    if (a.contains("top3"))
      notes += "<br>" + page.t("card.top3", {{"value", both(percent(value(a.at("top3"))))}});
    out +=
        card(page.t(page.multi_label() ? "card.exact" : "card.accuracy"),
             percent(value(a.at("value"))), notes, bar(value(a.at("value")), low, high, interval));
    if (page.multi_label()) {
      const json& micro = r.at("averages").at("micro");
      const auto share = [&](const char* key) {
        return micro.at(key).is_null() ? "–" : percent(value(micro.at(key)));
      };
      out += card(page.t("card.precision"), share("precision"), "");
      out += card(page.t("card.recall"), share("recall"), "");
    }
    if (r.at("weakest").is_number() && page.class_count() > 1) {
      const auto weakest = r.at("weakest").get<std::size_t>();
      const json& row = r.at("per_class").at(weakest);
      out += card(
          page.t("card.weakest"), "<span class=\"name\">" + page.class_tag(weakest) + "</span>",
          page.t("card.weakest-note",
                 {{"recall", both(percent(value(row.at("recall"))))},
                  {"count", count_of(row.at("support").get<std::int64_t>(), "test-picture")}}));
    }
    const json& threshold = r.at("threshold");
    const std::string from = threshold.at("chosen_on").get<std::string>();
    out += card(page.t("card.threshold"), fmt::format("{:.2f}", value(threshold.at("value"))),
                page.t(from == "validation" ? "card.threshold-validation"
                       : from == "test"     ? "card.threshold-test"
                                            : "card.threshold-default"));
  }
  out += card(page.t("card.data"), number(counts.at("train").get<std::int64_t>()),
              page.t("card.data-note",
                     {{"validation", both(number(counts.at("validation").get<std::int64_t>()))},
                      {"test", both(number(counts.at("test").get<std::int64_t>()))}}));
  return out + "</div>\n";
}

std::string duration(const Page& page, double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 1e12)));
  if (whole < 60) return page.t("duration.seconds", {{"s", both(number(whole))}});
  return page.t("duration.minutes",
                {{"m", both(number(whole / 60))}, {"s", both(number(whole % 60))}});
}

std::string setting(const Page& page, const std::string& key, const json& value) {
  if ((key == "seconds" || key == "budget") && value.is_number())
    return duration(page, value.get<double>());
  if (key == "ending" && value.is_string())
    for (const char* known : {"finished", "out-of-time", "stopped-early", "interrupted"})
      if (value == known) return page.t(std::string("ending.") + known);
  if (value.is_number_integer()) {
    // A seed is a name, not a quantity.
    return key == "seed" ? escape(value.dump()) : number(value.get<std::int64_t>());
  }
  if (value.is_string()) return escape(value.get<std::string>());
  return escape(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string setting_name(const Page& page, const std::string& key) {
  const std::string known = "training." + key;
  for (const Entry& e : catalogue())
    if (e.key == known) return page.t(known);
  return escape(key);
}

std::string both_texts(const Page& page, const json& problem, const char* key) {
  if (!problem.contains(key) || !problem[key].is_object()) return {};
  return escape(plain_name(problem[key].value(page.zh() ? "zh" : "en", ""), 400));
}

}  // namespace

std::string hero(const Page& page) {
  const json& r = page.report;
  std::string verdict = r.at("verdict").get<std::string>();
  if (verdict != "ready" && verdict != "assist" && verdict != "not-ready") verdict = "unknown";
  const char* sign = verdict == "ready" ? "✓" : verdict == "not-ready" ? "×" : "!";
  // The sentence begins with the verdict, which the badge already says.
  const std::string badge = in(page.language, text("verdict." + verdict));
  const std::string sentence = r.at("sentence").at(page.zh() ? "zh" : "en").get<std::string>();
  std::string rest = sentence;
  for (const char* colon : {": ", "："})
    if (rest.starts_with(badge + colon))
      rest = rest.substr(badge.size() + std::string(colon).size());
  // Only the first letter, and only of ASCII: a sentence begins here.
  if (!rest.empty() && rest[0] >= 'a' && rest[0] <= 'z')
    rest[0] = static_cast<char>(rest[0] - 'a' + 'A');
  std::string out = "<header class=\"hero\">";
  out += fmt::format("<p class=\"kind\">{}</p><h1><bdi>{}</bdi></h1>",
                     page.t(page.multi_label() ? "page.kind-multi" : "page.kind"),
                     escape(r.at("title").get<std::string>()));
  out += fmt::format(
      "<div class=\"verdict {}\"><p class=\"badge\"><span aria-hidden=\"true\">{}</span>{}</p><p "
      "class=\"sentence\">{}</p></div>",
      verdict, sign, escape(badge), escape_sentence(rest));
  return out + cards(page) + "</header>\n";
}

std::string next_section(const Page& page) {
  const json& actions = page.report.at("next_actions");
  std::string out = fmt::format("<section id=\"next\"><h2>{}</h2><p class=\"lead\">{}</p><ol>",
                                page.t("next.heading"), page.t("next.lead"));
  for (std::size_t i = 0; i < actions.size(); ++i) {
    out += "<li><span>" +
           escape_sentence(actions[i].at(page.zh() ? "zh" : "en").get<std::string>()) + "</span>";
    if (!actions[i].at("items").empty())
      out +=
          fmt::format(" <button type=\"button\" class=\"link js\" data-action=\"{}\">{}</button>",
                      i, page.t("next.show"));
    out += "</li>";
  }
  return out + "</ol></section>\n";
}

std::string threshold_section(const Page& page) {
  const json& threshold = page.report.at("threshold");
  const json& curve = threshold.at("curve");
  const double value = std::clamp(threshold.at("value").get<double>(), 0.0, 1.0);
  const auto step = static_cast<std::size_t>(std::lround(value * 100));
  const bool multi = page.multi_label();
  const auto at = [&](const char* key) { return curve.at(key).at(step); };
  std::string out = fmt::format("<section id=\"threshold\"><h2>{}</h2><p class=\"lead\">{}</p>",
                                page.t("threshold.heading"),
                                page.t(multi ? "threshold.lead-multi" : "threshold.lead"));
  out += "<div class=\"split\"><div>" + threshold_chart(page);
  out += fmt::format(
      "<div class=\"slider js\"><label for=\"slider\">{}</label><input type=\"range\" "
      "id=\"slider\" "
      "min=\"0\" max=\"100\" step=\"1\" value=\"{}\"><output id=\"slider-value\" "
      "for=\"slider\">{:.2f}</output></div>",
      page.t("threshold.slider"), step, value);
  const auto preset = [&](const char* key, double v) {
    out +=
        fmt::format(" <button type=\"button\" class=\"link\" data-threshold=\"{}\">{}</button>",
                    std::lround(v * 100), page.t(key, {{"value", both(fmt::format("{:.2f}", v))}}));
  };
  out += "<p class=\"presets js\">";
  preset("threshold.recommended", value);
  if (threshold.at("assist").is_object())
    preset("threshold.assist",
           std::clamp(threshold.at("assist").at("value").get<double>(), 0.0, 1.0));
  out += "</p></div><div class=\"live\" aria-live=\"polite\">";
  const auto live = [&](const char* key, const char* title, const char* note) {
    out += fmt::format(
        "<p class=\"{0}\"><span class=\"swatch\" aria-hidden=\"true\"></span><b>{1}</b> <output "
        "id=\"live-{0}\">{2}</output> <span class=\"small\">{3}</span></p>",
        key, page.t(title), percent(at(key).get<double>()), page.t(note));
  };
  live("precision", "threshold.precision", "threshold.precision-note");
  live("recall", "threshold.recall",
       multi ? "threshold.recall-note-multi" : "threshold.recall-note");
  live("answered", "threshold.answered",
       multi ? "threshold.answered-note-multi" : "threshold.answered-note");
  const auto said = at("said").get<std::int64_t>(), right = at("right").get<std::int64_t>(),
             count = curve.at("count").get<std::int64_t>();
  out += fmt::format("<p id=\"live-counts\">{}</p>",
                     page.t(multi ? "threshold.counts-multi" : "threshold.counts",
                            {{"said", both(number(said))},
                             {"right", both(number(right))},
                             {"wrong", both(number(said - right))},
                             {"rest", both(number(multi ? count - right : count - said))}}));
  return out + "</div></div></section>\n";
}

std::string calibration_section(const Page& page) {
  const double error = page.report.at("calibration").at("error").get<double>();
  return fmt::format(
      "<section id=\"calibration\"><h2>{}</h2><p class=\"lead\">{}</p>{}</section>\n",
      page.t("calibration.heading"),
      page.t("calibration.lead", {{"points", both(fmt::format("{:.1f}", 100 * error))}}),
      calibration_chart(page));
}

std::string training_section(const Page& page) {
  const json& training = page.report.at("training");
  const json& problems = page.report.at("data_problems");
  std::string out = fmt::format("<section id=\"training\"><h2>{}</h2>", page.t("training.heading"));
  if (training.is_object()) {
    out += "<dl>";
    for (const auto& [key, value] : training.items()) {
      if (key == "reasons" || value.is_null()) continue;
      out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", setting_name(page, key),
                         setting(page, key, value));
    }
    out += "</dl>";
    if (training.contains("reasons") && training["reasons"].is_array() &&
        !training["reasons"].empty()) {
      out += fmt::format("<h3>{}</h3><ul>", page.t("training.reasons"));
      for (const json& reason : training["reasons"])
        out += "<li>" + setting(page, "reason", reason) + "</li>";
      out += "</ul>";
    }
  }
  if (problems.is_array() && !problems.empty()) {
    out += fmt::format("<h3>{}</h3><ul class=\"problems\">", page.t("training.problems"));
    for (const json& p : problems) {
      if (!p.is_object()) continue;
      const std::string what = both_texts(page, p, "what"), fix = both_texts(page, p, "fix");
      out += fmt::format("<li><b>{}</b>{}{}</li>", what, fix.empty() ? "" : "<br>", fix);
    }
    out += "</ul>";
  }
  return out + "</section>\n";
}

std::string help_section(const Page& page) {
  std::string out = fmt::format("<section id=\"help\"><h2>{}</h2><ul>", page.t("help.heading"));
  for (const char* key : {"help.interval", "help.recall", "help.precision", "help.f1", "help.ap"})
    out += "<li>" + page.t(key) + "</li>";
  out += "<li>" + page.t(page.multi_label() ? "help.rule-multi" : "help.rule") + "</li>";
  return out + "</ul></section>\n";
}

}  // namespace athanor::train::report
