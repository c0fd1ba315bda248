#include <algorithm>

#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

using nlohmann::json;

namespace {

/// A square from 0 to 1 in both directions, in the coordinates of the SVG.
struct Plot {
  double left = 44, top = 10, width = 400, height = 210;
  double x(double v) const { return left + v * width; }
  double y(double v) const { return top + (1 - v) * height; }
};

std::string axes(const Plot& p, const std::string& x_title) {
  std::string out = "<g class=\"axis\">";
  for (int i = 0; i <= 10; i += 2) {
    const double v = i / 10.0;
    out += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", p.x(0),
                       p.y(v), p.x(1), p.y(v));
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{} %</text>",
                       p.x(0) - 7, p.y(v) + 4, i * 10);
    out += fmt::format(
        "<line class=\"tick\" x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/>",
        p.x(v), p.y(0), p.y(0) + 5);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.1f}</text>",
                       p.x(v), p.y(0) + 18, v);
  }
  out += fmt::format(
      "<text class=\"title\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></g>",
      p.x(0.5), p.y(0) + 36, x_title);
  return out;
}

std::string line(const Plot& p, const json& values, const char* css) {
  std::string points;
  const auto last = static_cast<double>(std::max<std::size_t>(2, values.size()) - 1);
  for (std::size_t i = 0; i < values.size(); ++i)
    points += fmt::format("{}{:.1f},{:.1f}", i ? " " : "", p.x(static_cast<double>(i) / last),
                          p.y(std::clamp(values[i].get<double>(), 0.0, 1.0)));
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>", css, points);
}

}  // namespace

std::string threshold_chart(const Page& page) {
  const Plot plot;
  const json& threshold = page.report.at("threshold");
  const json& curve = threshold.at("curve");
  const double value = std::clamp(threshold.at("value").get<double>(), 0.0, 1.0);
  std::string out = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 460 262\" role=\"img\" aria-label=\"{}\" "
      "data-left=\"{}\" data-width=\"{}\" data-top=\"{}\" data-height=\"{}\">",
      page.t("threshold.alt"), plot.left, plot.width, plot.top, plot.height);
  out += axes(plot, page.t("threshold.slider"));
  const json& assist = threshold.at("assist");
  const auto mark = [&](double at, const char* css) {
    return fmt::format(
        "<line class=\"{0}\" x1=\"{1:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{3:.1f}\"/>", css,
        plot.x(at), plot.y(1), plot.y(0));
  };
  out += mark(value, "mark");
  if (assist.is_object())
    out += mark(std::clamp(assist.at("value").get<double>(), 0.0, 1.0), "mark assist");
  out += line(plot, curve.at("answered"), "line answered");
  out += line(plot, curve.at("recall"), "line recall");
  out += line(plot, curve.at("precision"), "line precision");
  out += fmt::format(
      "<g id=\"cursor\"><line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/></g>",
      plot.x(value), plot.y(1), plot.y(0));
  return out + "</svg>";
}

std::string calibration_chart(const Page& page) {
  const Plot plot;
  std::string out =
      fmt::format("<svg class=\"chart\" viewBox=\"0 0 460 262\" role=\"img\" aria-label=\"{}\">",
                  page.t("calibration.alt"));
  out += axes(plot, page.t("calibration.score"));
  const json& bins = page.report.at("calibration").at("bins");
  double most = 1;
  for (const json& b : bins) most = std::max(most, b.at("count").get<double>());
  // How many answers each bin has: a dot of three answers says little.
  for (const json& b : bins) {
    const double share = b.at("count").get<double>() / most * 0.28;
    const double x = plot.x(b.at("low").get<double>());
    const double width = plot.x(b.at("high").get<double>()) - x;
    out += fmt::format(
        "<rect class=\"count\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>",
        x + 1, plot.y(share), std::max(1.0, width - 2), plot.y(0) - plot.y(share));
  }
  out +=
      fmt::format("<line class=\"ideal\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                  plot.x(0), plot.y(0), plot.x(1), plot.y(1));
  std::string points, dots;
  for (const json& b : bins) {
    const double count = b.at("count").get<double>();
    if (count == 0) continue;
    const double x = plot.x(b.at("confidence").get<double>()),
                 y = plot.y(b.at("accuracy").get<double>());
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
    dots += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>{}</title></circle>", x, y,
        count / most > 0.1 ? 5.0 : 3.5,
        page.t("calibration.bin", {{"low", both(percent(b.at("low").get<double>(), 0))},
                                   {"high", both(percent(b.at("high").get<double>(), 0))},
                                   {"right", both(percent(b.at("accuracy").get<double>(), 0))},
                                   {"count", both(number(b.at("count").get<std::int64_t>()))}}));
  }
  out += fmt::format("<polyline class=\"line reliability\" points=\"{}\"/>", points);
  return out + "<g class=\"dots\">" + dots + "</g></svg>";
}

}  // namespace athanor::train::report
