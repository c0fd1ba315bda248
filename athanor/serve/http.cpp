#include "athanor/serve/http.hpp"

#include <algorithm>
#include <charconv>

namespace athanor::serve {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& f) { return equal_ignoring_case(f.first, name); });
  add(std::move(name), std::move(value));
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (equal_ignoring_case(key, name)) return &value;
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

int Headers::count(std::string_view name) const {
  return static_cast<int>(std::count_if(fields_.begin(), fields_.end(), [&](const auto& f) {
    return equal_ignoring_case(f.first, name);
  }));
}

bool MemoryBudget::take(std::size_t bytes) {
  const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
  if (before <= limit_ && bytes <= limit_ - before) return true;
  give(bytes);
  return false;
}

MemoryLease& MemoryLease::operator=(MemoryLease&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    held_ = std::exchange(other.held_, 0);
  }
  return *this;
}

bool MemoryLease::grow(std::size_t bytes) {
  if (!budget_) return true;
  if (!budget_->take(bytes)) return false;
  held_ += bytes;
  return true;
}

void MemoryLease::release() {
  if (budget_ && held_) budget_->give(held_);
  held_ = 0;
}

const std::string* Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return false;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return false;
    out.push_back(c);
  }
  return true;
}

bool split_target(std::string_view target, Request& request) {
  if (target == "*") {
    request.path = "*";
    return true;
  }
  // A proxy may send the absolute form; the authority is not ours to judge.
  for (std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() ||
        !equal_ignoring_case(target.substr(0, scheme.size()), scheme))
      continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    if (slash == scheme.size()) return false;
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    break;
  }
  const auto question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (target.find('#') != std::string_view::npos) return false;
  request.path = path.empty() ? "/" : std::string(path);
  if (request.path.front() != '/') return false;
  if (question == std::string_view::npos) return true;

  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    std::string key, value;
    if (!percent_decode(pair.substr(0, equals), true, key)) return false;
    if (equals != std::string_view::npos && !percent_decode(pair.substr(equals + 1), true, value))
      return false;
    if (!pair.empty()) request.query.emplace_back(std::move(key), std::move(value));
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return true;
}

Language preferred_language(std::string_view accept_language) {
  double en = -1, zh = -1, any = -1;
  while (!accept_language.empty()) {
    const auto comma = accept_language.find(',');
    const std::string_view item = accept_language.substr(0, comma);
    const auto semicolon = item.find(';');
    const std::string_view tag = trim(item.substr(0, semicolon));
    double quality = 1;
    if (semicolon != std::string_view::npos) {
      const std::string_view rest = trim(item.substr(semicolon + 1));
      if (rest.size() > 2 && equal_ignoring_case(rest.substr(0, 2), "q=")) {
        if (std::from_chars(rest.data() + 2, rest.data() + rest.size(), quality).ec != std::errc())
          quality = 0;
      }
    }
    const std::string_view primary = tag.substr(0, tag.find('-'));
    double* slot = nullptr;
    if (equal_ignoring_case(primary, "en")) slot = &en;
    if (equal_ignoring_case(primary, "zh")) slot = &zh;
    if (tag == "*") slot = &any;
    if (slot) *slot = std::max(*slot, quality);
    if (comma == std::string_view::npos) break;
    accept_language.remove_prefix(comma + 1);
  }
  if (en < 0) en = any;
  return zh > 0 && zh > en ? Language::zh : Language::en;
}

std::string header_parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    ++at;
    while (at < header.size() && (header[at] == ' ' || header[at] == '\t')) ++at;
    const std::size_t start = at;
    while (at < header.size() && header[at] != '=' && header[at] != ';') ++at;
    const std::string_view key = trim(header.substr(start, at - start));
    std::string value;
    if (at < header.size() && header[at] == '=') {
      ++at;
      if (at < header.size() && header[at] == '"') {
        for (++at; at < header.size() && header[at] != '"'; ++at) {
          // Browsers do not escape backslashes of Windows paths: only \" and \\ are escapes.
          if (header[at] == '\\' && at + 1 < header.size() &&
              (header[at + 1] == '"' || header[at + 1] == '\\'))
            ++at;
          value.push_back(header[at]);
        }
        at = header.find(';', at);
      } else {
        const std::size_t from = at;
        at = header.find(';', at);
        value = trim(header.substr(from, at == std::string_view::npos ? at : at - from));
      }
    }
    if (equal_ignoring_case(key, name)) return value;
  }
  return "";
}

std::string media_type(std::string_view content_type) {
  std::string type(trim(content_type.substr(0, content_type.find(';'))));
  for (char& c : type) c = lower(c);
  return type;
}

}  // namespace athanor::serve
