#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "athanor/base/error.hpp"

namespace athanor::data {

enum class Severity {
  warning,  ///< training goes on; what the problem touches is left out or told
  error     ///< training is refused
};

/// One thing that is wrong with a data set. Problems of one kind are one entry with a count.
struct Problem {
  std::string code;  ///< stable, lower case with dashes: "one-class-only"
  Severity severity = Severity::error;
  std::string where;  ///< file, file:line, class or part; may be empty
  Text what;
  Text fix;
  std::int64_t count = 1;          ///< how many items it touches
  std::vector<std::string> items;  ///< their names, at most kProblemItems of them
};

constexpr std::size_t kProblemItems = 1000;

/// Counts one more item of the problem.
void note(Problem& problem, const std::string& item);

/// Throws a RefusalError with the four parts.
[[noreturn]] void refuse(std::string code, Exit exit, Text what, std::string where, Text why,
                         Text fix);

/// The problems of severity error as one refusal: the code of the first, all of them in the text.
/// `problems` must hold at least one error.
Refusal combine(const std::vector<Problem>& problems, const std::string& where);

}  // namespace athanor::data
