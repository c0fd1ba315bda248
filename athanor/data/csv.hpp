#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::data {

/// A text table. Cells are trimmed of blanks outside quotes.
struct Table {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< 1-based line on which each row begins
  char separator = ',';            ///< ' ' means runs of blanks and tabs

  std::size_t columns() const;  ///< of the widest row
};

/// Reads a table of UTF-8 text: quotes as in RFC 4180 (doubled inside, line breaks allowed), \n,
/// \r\n or \r at line ends, blank lines and lines that begin with # skipped. With separator 0 it is
/// found: tab, comma, semicolon or blanks, whichever gives the same number of columns on most of
/// the first 200 lines. Throws FormatError, with `label` and the line, for an open quote, a NUL
/// byte, a cell over 1 MiB or a row over 10,000 cells.
Table parse_table(std::string_view text, const std::string& label, char separator = 0);

}  // namespace athanor::data
