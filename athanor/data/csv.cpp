#include "athanor/data/csv.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "athanor/base/error.hpp"

namespace athanor::data {

namespace {

constexpr std::size_t kCellBytes = std::size_t{1} << 20;
constexpr std::size_t kCells = 10'000;
constexpr std::size_t kLinesToGuess = 200;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void trim(std::string& cell) {
  std::size_t end = cell.size();
  while (end > 0 && is_blank(cell[end - 1])) --end;
  std::size_t begin = 0;
  while (begin < end && is_blank(cell[begin])) ++begin;
  cell = cell.substr(begin, end - begin);
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& label, char separator)
      : text_(text), label_(label), separator_(separator) {}

  /// The next row that is neither blank nor a comment; false at the end.
  bool next(std::vector<std::string>& row, std::size_t& line) {
    while (at_ < text_.size()) {
      line = line_;
      row.clear();
      if (text_[at_] == '#') {
        skip_line();
        continue;
      }
      read_row(row);
      const bool blank =
          std::all_of(row.begin(), row.end(), [](const std::string& cell) { return cell.empty(); });
      if (!blank) return true;
    }
    return false;
  }

 private:
  bool at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r';
  }
  void skip_line_end() {
    if (at_ >= text_.size()) return;
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }
  void skip_line() {
    while (!at_line_end()) ++at_;
    skip_line_end();
  }
  bool at_separator() const {
    return separator_ == ' ' ? is_blank(text_[at_]) : text_[at_] == separator_;
  }

  void read_row(std::vector<std::string>& row) {
    if (separator_ == ' ')
      while (!at_line_end() && is_blank(text_[at_])) ++at_;
    while (true) {
      row.push_back(read_cell());
      if (row.size() > kCells)
        raise<FormatError>("{}:{}: more than {} cells in a row", label_, line_, kCells);
      if (at_line_end()) break;
      if (separator_ == ' ') {
        while (!at_line_end() && is_blank(text_[at_])) ++at_;
        if (at_line_end()) break;
      } else {
        ++at_;
      }
    }
    skip_line_end();
  }

  std::string read_cell() {
    std::string cell;
    if (separator_ != ' ')
      while (!at_line_end() && is_blank(text_[at_]) && !at_separator()) ++at_;
    if (!at_line_end() && text_[at_] == '"') return quoted();
    while (!at_line_end() && !at_separator()) add(cell, text_[at_++]);
    trim(cell);
    return cell;
  }

  std::string quoted() {
    const std::size_t begin = line_;
    std::string cell;
    ++at_;
    while (true) {
      if (at_ >= text_.size())
        raise<FormatError>("{}:{}: a quote is opened and never closed", label_, begin);
      const char c = text_[at_++];
      if (c == '"') {
        if (at_ < text_.size() && text_[at_] == '"') {
          add(cell, '"');
          ++at_;
          continue;
        }
        break;
      }
      if (c == '\n') ++line_;
      add(cell, c);
    }
    // What follows the closing quote up to the separator belongs to the cell ("a"b is ab).
    while (!at_line_end() && !at_separator()) {
      if (!is_blank(text_[at_])) add(cell, text_[at_]);
      ++at_;
    }
    return cell;
  }

  void add(std::string& cell, char c) const {
    if (c == '\0') raise<FormatError>("{}:{}: a zero byte: this is no text file", label_, line_);
    if (cell.size() >= kCellBytes)
      raise<FormatError>("{}:{}: a cell of more than {} bytes", label_, line_, kCellBytes);
    cell += c;
  }

  std::string_view text_;
  const std::string& label_;
  char separator_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

// How many of the first rows have the most common number of columns, if that is 2 or more.
std::size_t agreement(std::string_view text, const std::string& label, char separator,
                      std::size_t& rows) {
  std::map<std::size_t, std::size_t> widths;
  rows = 0;
  try {
    Reader reader(text, label, separator);
    std::vector<std::string> row;
    std::size_t line = 0;
    while (rows < kLinesToGuess && reader.next(row, line)) {
      ++widths[row.size()];
      ++rows;
    }
  } catch (const FormatError&) {
    return 0;
  }
  std::size_t best = 0;
  for (const auto& [width, count] : widths)
    if (width >= 2) best = std::max(best, count);
  return best;
}

char guess_separator(std::string_view text, const std::string& label) {
  char best = ',';
  double best_share = 0;
  for (const char candidate : {'\t', ',', ';', ' '}) {
    std::size_t rows = 0;
    const std::size_t agreeing = agreement(text, label, candidate, rows);
    const double share = rows ? static_cast<double>(agreeing) / static_cast<double>(rows) : 0;
    if (share > best_share) {
      best = candidate;
      best_share = share;
    }
  }
  return best;
}

}  // namespace

std::size_t Table::columns() const {
  std::size_t widest = 0;
  for (const auto& row : rows) widest = std::max(widest, row.size());
  return widest;
}

Table parse_table(std::string_view text, const std::string& label, char separator) {
  Table table;
  table.separator = separator ? separator : guess_separator(text, label);
  Reader reader(text, label, table.separator);
  std::vector<std::string> row;
  std::size_t line = 0;
  while (reader.next(row, line)) {
    table.rows.push_back(std::move(row));
    table.lines.push_back(line);
    row = {};
  }
  return table;
}

}  // namespace athanor::data
