#include <algorithm>
#include <cmath>
#include <map>

#include "athanor/train/report/html_text.hpp"
#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

using nlohmann::json;

namespace {

constexpr std::size_t kMatrixClasses = 100;  // more cannot be looked at, nor quickly laid out
constexpr std::size_t kPairsShown = 8;

struct Matrix {
  std::vector<std::size_t> classes;                                   // shown, in order
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> count;  // (truth, said)
  std::vector<std::int64_t> support;
};

Matrix read_matrix(const Page& page) {
  const std::size_t n = page.class_count();
  Matrix m;
  m.support.assign(n, 0);
  std::vector<std::int64_t> mistakes(n, 0);
  for (const json& cell : page.report.at("confusion")) {
    const auto truth = cell.at("truth").get<std::size_t>(),
               said = cell.at("said").get<std::size_t>();
    require<FormatError>(truth < n && said < n, "report: a confusion cell names class {} of {}",
                         std::max(truth, said), n);
    const auto count = static_cast<std::int64_t>(cell.at("items").size());
    m.count[{truth, said}] = count;
    m.support[truth] += count;
    if (truth != said) {
      mistakes[truth] += count;
      mistakes[said] += count;
    }
  }
  for (std::size_t c = 0; c < n; ++c) m.classes.push_back(c);
  if (n > kMatrixClasses) {
    std::stable_sort(m.classes.begin(), m.classes.end(),
                     [&](std::size_t a, std::size_t b) { return mistakes[a] > mistakes[b]; });
    m.classes.resize(kMatrixClasses);
    std::sort(m.classes.begin(), m.classes.end());
  }
  return m;
}

std::string cell_label(const Page& page, std::size_t truth, std::size_t said, std::int64_t count) {
  const auto name = [&](std::size_t c) {
    return both(page.report.at("classes").at(c).get<std::string>());
  };
  return page.t(
      "matrix.cell",
      {{"truth", name(truth)}, {"said", name(said)}, {"count", count_of(count, "picture")}});
}

std::string pairs_list(const Page& page, const Matrix& m) {
  struct Pair {
    std::size_t truth, said;
    std::int64_t count;
  };
  std::vector<Pair> pairs;
  for (const auto& [cell, count] : m.count)
    if (cell.first != cell.second) pairs.push_back({cell.first, cell.second, count});
  if (pairs.empty()) return "<p class=\"note\">" + page.t("matrix.none") + "</p>";
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.count > b.count; });
  if (pairs.size() > kPairsShown) pairs.resize(kPairsShown);
  std::string out = fmt::format("<h3>{}</h3><ul class=\"pairs\">", page.t("matrix.pairs"));
  for (const Pair& p : pairs) {
    out += fmt::format(
        "<li><button type=\"button\" data-truth=\"{}\" data-said=\"{}\"><b>{}</b> {} <span "
        "aria-hidden=\"true\">→</span> {}</button></li>",
        p.truth, p.said, number(p.count), page.class_tag(p.truth), page.class_tag(p.said));
  }
  return out + "</ul>";
}

std::string share_or_dash(const Page& page, const json& value) {
  if (value.is_null())
    return fmt::format("<td class=\"num\" data-v=\"-1\"><span title=\"{}\">–</span></td>",
                       page.t("classes.unmeasured"));
  return fmt::format("<td class=\"num\" data-v=\"{}\">{}</td>", value.get<double>(),
                     percent(value.get<double>()));
}

}  // namespace

std::string matrix_section(const Page& page) {
  const Matrix m = read_matrix(page);
  const std::size_t n = m.classes.size();
  const char* size = n <= 12 ? "roomy" : n <= 30 ? "close" : "tight";
  std::string out = fmt::format("<section id=\"matrix\"><h2>{}</h2><p class=\"lead\">{}</p>",
                                page.t("matrix.heading"), page.t("matrix.lead"));
  if (n < page.class_count())
    out +=
        fmt::format("<p class=\"note\">{}</p>",
                    page.t("matrix.limited", {{"shown", both(std::to_string(n))},
                                              {"all", both(std::to_string(page.class_count()))}}));
  out += fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table "
      "class=\"matrix {}\"><thead><tr><th class=\"corner\" scope=\"col\">{}</th>",
      page.t("matrix.heading"), size, page.t("matrix.corner"));
  for (std::size_t c : m.classes)
    out += fmt::format("<th scope=\"col\" title=\"{}\"><span>{}</span></th>", page.class_name(c),
                       page.class_tag(c));
  out += "</tr></thead><tbody>";
  for (std::size_t t : m.classes) {
    out += fmt::format("<tr><th scope=\"row\" title=\"{}\"><span>{}</span></th>",
                       page.class_name(t), page.class_tag(t));
    for (std::size_t s : m.classes) {
      const auto found = m.count.find({t, s});
      if (found == m.count.end()) {
        out += t == s ? "<td class=\"right\"></td>" : "<td></td>";
        continue;
      }
      const std::int64_t count = found->second;
      const double share = static_cast<double>(count) / static_cast<double>(m.support[t]);
      // Mistakes are few: the root lets 2 % be seen, and 20 % still stand out.
      out += fmt::format(
          "<td class=\"{}\" style=\"--v:{:.2f}\"><button type=\"button\" data-truth=\"{}\" "
          "data-said=\"{}\" aria-label=\"{}\">{}{}</button></td>",
          t == s ? "right" : "wrong", t == s ? share : std::sqrt(share), t, s,
          cell_label(page, t, s, count), number(count),
          n <= 12 ? fmt::format("<small>{}</small>", percent(share, 0)) : "");
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>" + pairs_list(page, m) + "</section>\n";
}

std::string labels_section(const Page& page) {
  std::string out = fmt::format(
      "<section id=\"matrix\"><h2>{}</h2><p class=\"lead\">{}</p><div class=\"scroll\" "
      "role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table class=\"matrix "
      "labels\"><thead><tr><th class=\"corner\" scope=\"col\">{}</th><th scope=\"col\">{}</th><th "
      "scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
      page.t("labels.heading"), page.t("labels.lead"), page.t("labels.heading"),
      page.t("labels.label"), page.t("labels.found"), page.t("labels.missed"),
      page.t("labels.in-vain"));
  for (const json& cell : page.report.at("confusion")) {
    const auto label = cell.at("label").get<std::size_t>();
    const double found = static_cast<double>(cell.at("found").size()),
                 missed = static_cast<double>(cell.at("missed").size()),
                 in_vain = static_cast<double>(cell.at("in_vain").size());
    out += fmt::format("<tr><th scope=\"row\" title=\"{}\"><span>{}</span></th>",
                       page.class_name(label), page.class_tag(label));
    const auto part = [&](const char* kind, const char* key, const char* css, double count,
                          double whole) {
      if (count == 0) {
        out += "<td></td>";
        return;
      }
      const std::string name = page.report.at("classes").at(label).get<std::string>();
      out += fmt::format(
          "<td class=\"{}\" style=\"--v:{:.2f}\"><button type=\"button\" data-label=\"{}\" "
          "data-kind=\"{}\" aria-label=\"{}\">{}<small>{}</small></button></td>",
          css, count / whole, label, kind,
          page.t("labels.cell", {{"label", both(name)},
                                 {"kind", text(key)},
                                 {"count", count_of(static_cast<std::int64_t>(count), "picture")}}),
          number(static_cast<std::int64_t>(count)), percent(count / whole, 0));
    };
    part("found", "labels.found", "right", found, found + missed);
    part("missed", "labels.missed", "wrong", missed, found + missed);
    part("in_vain", "labels.in-vain", "wrong", in_vain, found + in_vain);
    out += "</tr>";
  }
  return out + "</tbody></table></div></section>\n";
}

std::string classes_section(const Page& page) {
  const json& rows = page.report.at("per_class");
  if (rows.empty()) return {};
  const bool knows_train = rows[0].at("train").is_number();
  std::string out = fmt::format(
      "<section id=\"classes\"><h2>{}</h2><p class=\"lead\">{}</p><div class=\"scroll\" "
      "role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table class=\"classes\" "
      "id=\"class-table\"><thead><tr>",
      page.t("classes.heading"), page.t("classes.lead"), page.t("classes.heading"));
  const auto head = [&](const char* key, bool numeric) {
    out +=
        fmt::format("<th scope=\"col\"{}><button type=\"button\" class=\"sort\">{}</button></th>",
                    numeric ? " class=\"num\"" : "", page.t(key));
  };
  head("classes.class", false);
  if (knows_train) head("classes.train", true);
  head("classes.support", true);
  head("classes.recall", true);
  head("classes.precision", true);
  head("classes.f1", true);
  head("classes.ap", true);
  out += "</tr></thead><tbody>";
  for (std::size_t c = 0; c < rows.size(); ++c) {
    const json& row = rows[c];
    out += fmt::format("<tr><th scope=\"row\" data-v=\"{}\"><span title=\"{}\">{}</span></th>", c,
                       page.class_name(c), page.class_tag(c));
    const auto count = [&](const json& value) {
      out += value.is_number()
                 ? fmt::format("<td class=\"num\" data-v=\"{0}\">{1}</td>",
                               value.get<std::int64_t>(), number(value.get<std::int64_t>()))
                 : "<td class=\"num\" data-v=\"-1\">–</td>";
    };
    if (knows_train) count(row.at("train"));
    count(row.at("support"));
    if (row.at("recall").is_null()) {
      out += share_or_dash(page, row.at("recall"));
    } else {
      const double recall = row.at("recall").get<double>(),
                   low = row.at("interval").at(0).get<double>(),
                   high = row.at("interval").at(1).get<double>();
      const std::string label =
          page.t("classes.interval", {{"low", both(percent(low))}, {"high", both(percent(high))}});
      const auto width = [](double v) { return 100 * std::clamp(v, 0.0, 1.0); };
      out += fmt::format(
          "<td class=\"num recall\" data-v=\"{0}\"><span class=\"bar\" role=\"img\" "
          "aria-label=\"{1}\" title=\"{1}\"><i style=\"width:{2:.1f}%\"></i><u "
          "style=\"left:{3:.1f}%;width:{4:.1f}%\"></u></span><span>{5}</span></td>",
          recall, label, width(recall), width(low), width(high) - width(low), percent(recall));
    }
    out += share_or_dash(page, row.at("precision"));
    out += share_or_dash(page, row.at("f1"));
    out += share_or_dash(page, row.at("average_precision"));
    out += "</tr>";
  }
  const json& macro = page.report.at("averages").at("macro");
  out += fmt::format("</tbody><tfoot><tr><th scope=\"row\">{}</th>", page.t("classes.mean"));
  if (knows_train) out += "<td></td>";
  out += "<td></td>";
  for (const char* key : {"recall", "precision", "f1", "average_precision"})
    out += share_or_dash(page, macro.at(key));
  return out + "</tr></tfoot></table></div></section>\n";
}

std::string mistakes_section(const Page& page) {
  const json& mistakes = page.report.at("mistakes");
  const json& items = page.report.at("items");
  std::string out = fmt::format("<section id=\"mistakes\"><h2>{}</h2>", page.t("mistakes.heading"));
  if (mistakes.empty())
    return out + "<p class=\"note\">" + page.t("mistakes.none") + "</p></section>\n";
  out += fmt::format("<p class=\"lead\">{}</p>", page.t("mistakes.lead"));
  const auto filter = [&](const char* id, const char* key) {
    out +=
        fmt::format("<label>{} <select id=\"{}\"><option value=\"\">{}</option></select></label>",
                    page.t(key), id, page.t("mistakes.all"));
  };
  out += "<div class=\"filters js\">";
  filter("filter-truth", "mistakes.truth-filter");
  filter("filter-said", "mistakes.said-filter");
  out += fmt::format(
      "<label><input type=\"checkbox\" id=\"filter-suspicious\"> {}</label><output "
      "id=\"filter-count\"></output></div>",
      page.t("mistakes.suspicious-filter"));
  const auto names = [&](const json& labels) {
    std::string list;
    for (const json& label : labels)
      list += (list.empty() ? "" : ", ") + page.class_tag(label.get<std::size_t>());
    return list.empty() ? page.t("mistakes.nothing") : list;
  };
  out += "<div id=\"mistake-list\" class=\"shots\">";
  for (std::size_t i = 0; i < std::min(kStaticMistakes, mistakes.size()); ++i) {
    const json& m = mistakes[i];
    const auto index = m.at("item").get<std::size_t>();
    const json& item = items.at(index);
    const std::string name = escape(item.at("name").get<std::string>());
    const auto picture = page.pictures.find(index);
    out += "<figure class=\"shot\"><div class=\"picture\">";
    out += picture == page.pictures.end()
               ? fmt::format("<span class=\"none\">{}</span>", page.t("mistakes.no-picture"))
               : fmt::format("<img src=\"{}\" alt=\"{}\" data-item=\"{}\">", picture->second, name,
                             index);
    if (m.at("suspicious").get<bool>())
      out += "<span class=\"flag\">" + page.t("mistakes.suspicious") + "</span>";
    out += fmt::format(
        "</div><figcaption><p><span>{}</span><b>{}</b></p><p class=\"bad\"><span>{}</span><b>{}"
        "</b><i>{}</i></p><p class=\"file\" title=\"{}\"><bdi>{}</bdi></p></figcaption></figure>",
        page.t("mistakes.truth"), names(item.at("truth")), page.t("mistakes.said"),
        names(item.at("said")), percent(m.at("confidence").get<double>(), 0), name, name);
  }
  return out + fmt::format(
                   "</div><button type=\"button\" id=\"mistakes-more\" class=\"more js\" "
                   "hidden>{}</button></section>\n",
                   page.t("mistakes.more"));
}

}  // namespace athanor::train::report
