#include "athanor/data/problem.hpp"

#include <utility>

namespace athanor::data {

void note(Problem& problem, const std::string& item) {
  ++problem.count;
  if (problem.items.size() < kProblemItems) problem.items.push_back(item);
}

void refuse(std::string code, Exit exit, Text what, std::string where, Text why, Text fix) {
  throw RefusalError(Refusal{std::move(code), exit, std::move(what), std::move(where),
                             std::move(why), std::move(fix)});
}

Refusal combine(const std::vector<Problem>& problems, const std::string& where) {
  Refusal refusal;
  refusal.where = where;
  int errors = 0;
  for (const Problem& problem : problems) {
    if (problem.severity != Severity::error) continue;
    if (errors++ == 0) {
      refusal.code = problem.code;
      refusal.what = problem.what;
      refusal.fix = problem.fix;
      if (!problem.where.empty()) refusal.where += (where.empty() ? "" : ": ") + problem.where;
      continue;
    }
    refusal.what.en += "; " + problem.what.en;
    refusal.what.zh += "；" + problem.what.zh;
    if (problem.fix.en != refusal.fix.en) {
      refusal.fix.en += "; " + problem.fix.en;
      refusal.fix.zh += "；" + problem.fix.zh;
    }
  }
  ATH_ASSERT(errors > 0);
  refusal.why = {fmt::format("{} problem(s) make training on this data impossible", errors),
                 fmt::format("有 {} 个问题使这些数据无法用于训练", errors)};
  return refusal;
}

}  // namespace athanor::data
