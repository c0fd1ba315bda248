#include "athanor/serve/metrics.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace athanor::serve {

namespace {

std::string label(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out.push_back(c);
  }
  return out;
}

void heading(std::string& out, std::string_view name, std::string_view type,
             std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

/// Methods are a client's words: only the known ones become labels.
std::string_view known_method(std::string_view method) {
  for (std::string_view known : {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})
    if (method == known) return known;
  return "other";
}

}  // namespace

void Metrics::Histogram::observe(double seconds) {
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++counts[bucket];
  ++count;
  sum += seconds;
}

void Metrics::request(std::string_view route, std::string_view method, int status, double seconds) {
  const std::string name(route.empty() ? "none" : route);
  const std::lock_guard lock(mutex_);
  ++requests_[{name, std::string(known_method(method)), status}];
  seconds_[name].observe(seconds);
}

void Metrics::batch(std::string_view model, std::int64_t requests, std::int64_t rows,
                    double seconds) {
  const std::lock_guard lock(mutex_);
  Batches& b = batches_[std::string(model)];
  ++b.runs;
  b.requests += requests;
  b.rows += rows;
  b.seconds += seconds;
}

std::string Metrics::text() const {
  std::string out;
  const auto add = [&]<class... A>(fmt::format_string<A...> format, A&&... arguments) {
    fmt::format_to(std::back_inserter(out), format, std::forward<A>(arguments)...);
  };
  const std::lock_guard lock(mutex_);

  heading(out, "athanor_http_requests_total", "counter", "Answered requests.");
  for (const auto& [key, count] : requests_) {
    const auto& [route, method, status] = key;
    add("athanor_http_requests_total{{route=\"{}\",method=\"{}\",status=\"{}\"}} {}\n",
        label(route), method, status, count);
  }
  heading(out, "athanor_http_request_seconds", "histogram",
          "Time from the whole request to the answer.");
  for (const auto& [route, histogram] : seconds_) {
    const std::string name = label(route);
    std::int64_t below = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      below += histogram.counts[i];
      add("athanor_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", name, kBounds[i],
          below);
    }
    add("athanor_http_request_seconds_bucket{{route=\"{}\",le=\"+Inf\"}} {}\n", name,
        histogram.count);
    add("athanor_http_request_seconds_sum{{route=\"{}\"}} {}\n", name, histogram.sum);
    add("athanor_http_request_seconds_count{{route=\"{}\"}} {}\n", name, histogram.count);
  }
  const std::pair<std::string_view, std::int64_t> gauges[] = {
      {"athanor_http_requests_in_flight", in_flight.load()},
      {"athanor_http_requests_queued", queued.load()},
      {"athanor_http_connections", connections.load()}};
  for (const auto& [name, value] : gauges) {
    heading(out, name, "gauge", "Now.");
    add("{} {}\n", name, value);
  }
  const auto per_model = [&](std::string_view name, std::string_view help, auto member) {
    heading(out, name, "counter", help);
    for (const auto& [model, b] : batches_)
      add("{}{{model=\"{}\"}} {}\n", name, label(model), b.*member);
  };
  per_model("athanor_model_runs_total", "Runs of a model.", &Batches::runs);
  per_model("athanor_model_requests_total", "Requests that these runs answered.",
            &Batches::requests);
  per_model("athanor_model_rows_total", "Rows in these runs.", &Batches::rows);
  per_model("athanor_model_run_seconds_total", "Time of these runs.", &Batches::seconds);
  return out;
}

}  // namespace athanor::serve
