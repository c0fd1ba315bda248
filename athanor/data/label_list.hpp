#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/data/csv.hpp"
#include "athanor/data/dataset.hpp"

namespace athanor::data {

/// One row of a list of pictures.
struct ListRow {
  std::string path;  ///< as written
  std::vector<std::string> labels;
  Part part = Part::unassigned;
  std::size_t line = 0;
};

/// A table understood as a list of pictures with labels.
struct LabelList {
  std::vector<ListRow> rows;
  bool multi_label = false;
  std::string label_source;  ///< how the labels were found, for people: "column 2"
};

/// Which column is what (see athanor/data/README.md):
/// - path: the column where most cells are pictures (`is_picture`: the file exists, or the cell has
///   a picture's suffix);
/// - header: the first row, when its path cell is no picture while most others are;
/// - part: a column named split, part, set, subset ... or with parts' names only;
/// - label: `label_column` if given; else a column named label, class, category ...; else two or
///   more columns of 0 and 1 with a header (one class each); else the column nearest after the path
///   that has from 2 to N distinct values (N is 20 for fractional numbers, half of the rows for
///   others); without any, the folder of the path.
/// Several labels in one cell are separated by | or ;.
/// Throws RefusalError: "no-picture-column", "no-labels", "not-classification" (boxes, masks),
/// "labels-are-measurements", "no-such-column".
LabelList read_label_list(const Table& table, const std::string& label,
                          const std::string& label_column,
                          const std::function<bool(std::string_view)>& is_picture);

}  // namespace athanor::data
