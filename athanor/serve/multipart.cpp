#include "athanor/serve/multipart.hpp"

#include "athanor/serve/http.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

namespace {

constexpr std::size_t kMaxPartHeader = 8 << 10;

[[noreturn]] void malformed(const char* en, const char* zh) {
  refuse(400, "bad-multipart",
         {fmt::format("the multipart body is malformed: {}", en),
          fmt::format("multipart 请求体格式错误：{}", zh)},
         {"send it with a tool that builds multipart/form-data, such as curl -F image=@photo.jpg",
          "请使用能生成 multipart/form-data 的工具，例如 curl -F image=@photo.jpg"});
}

bool valid_boundary(std::string_view boundary) {
  if (boundary.empty() || boundary.size() > 70 || boundary.back() == ' ') return false;
  for (char c : boundary) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("'()+_,-./:=? ").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

void parse_part_header(std::string_view header, Part& part) {
  bool disposition = false;
  while (!header.empty()) {
    const auto end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      malformed("a part's header line has no colon", "某部分的头行缺少冒号");
    const std::string_view name = trim(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(name, "Content-Disposition")) {
      if (disposition)
        malformed("a part has two Content-Disposition lines", "某部分有两个 Content-Disposition");
      disposition = true;
      if (media_type(value) != "form-data")
        malformed("a part is not form-data", "某部分不是 form-data");
      part.name = header_parameter(value, "name");
      part.filename = header_parameter(value, "filename");
      part.is_file = !part.filename.empty();
      // RFC 5987: UTF-8''percent-encoded. RFC 7578 forbids it, some clients send it anyway.
      if (const std::string extended = header_parameter(value, "filename*");
          extended.size() > 7 && equal_ignoring_case(extended.substr(0, 7), "UTF-8''")) {
        std::string decoded;
        if (percent_decode(std::string_view(extended).substr(7), false, decoded)) {
          part.filename = decoded;
          part.is_file = true;
        }
      }
    } else if (equal_ignoring_case(name, "Content-Type")) {
      part.content_type = media_type(value);
    }
  }
  if (!disposition)
    malformed("a part has no Content-Disposition", "某部分缺少 Content-Disposition");
  if (part.name.find('\0') != std::string::npos || part.filename.find('\0') != std::string::npos)
    malformed("a name has a NUL byte", "名称中含有 NUL 字节");
}

}  // namespace

std::vector<Part> parse_multipart(std::span<const std::uint8_t> body, std::string_view boundary,
                                  int max_parts) {
  if (!valid_boundary(boundary))
    malformed("its boundary is missing or not allowed", "boundary 缺失或无效");
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  const std::string dash = "--" + std::string(boundary);
  const std::string delimiter = "\r\n" + dash;

  // The first delimiter may stand at the very beginning, others follow a line break.
  std::size_t at;
  if (text.substr(0, dash.size()) == dash) {
    at = dash.size();
  } else {
    at = text.find(delimiter);
    if (at == std::string_view::npos)
      malformed("the boundary does not occur in it", "请求体中没有 boundary");
    at += delimiter.size();
  }
  std::vector<Part> parts;
  for (;;) {
    if (text.substr(at, 2) == "--") return parts;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    if (text.substr(at, 2) != "\r\n")
      malformed("a boundary line does not end", "boundary 行没有结束");
    at += 2;
    if (static_cast<int>(parts.size()) >= max_parts)
      refuse(413, "too-many-parts",
             {fmt::format("the multipart body has more than {} parts", max_parts),
              fmt::format("multipart 超过 {} 个部分", max_parts)},
             {"send several requests", "请分成多个请求"});
    Part part;
    const std::size_t window = std::min(text.size(), at + kMaxPartHeader);
    const auto blank = text.substr(0, window).find("\r\n\r\n", at);
    if (blank == std::string_view::npos)
      malformed("a part's header is not complete or too long", "某部分的头不完整或过长");
    parse_part_header(text.substr(at, blank - at), part);
    const std::size_t begin = blank + 4;
    // From blank + 2: an empty part's delimiter begins with the line break that ends the header.
    const auto end = text.find(delimiter, blank + 2);
    if (end == std::string_view::npos) malformed("it ends inside a part", "请求体在某部分中间结束");
    part.content = end < begin ? body.subspan(begin, 0) : body.subspan(begin, end - begin);
    parts.push_back(std::move(part));
    at = end + delimiter.size();
  }
}

}  // namespace athanor::serve
