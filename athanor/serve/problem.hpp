#pragma once

#include <exception>
#include <string>

#include "athanor/base/error.hpp"
#include "athanor/serve/http.hpp"

namespace athanor::serve {

/// What an RFC 9457 problem document says, before a language is chosen.
struct Problem {
  int status = 500;
  std::string code;  ///< stable, lower case with dashes
  Text detail;
  Text fix;
};

/// A problem that travels as an exception; what() is the English detail.
class HttpError : public Error {
 public:
  explicit HttpError(Problem problem) : Error(problem.detail.en), problem_(std::move(problem)) {}
  const Problem& problem() const { return problem_; }

 private:
  Problem problem_;
};

[[noreturn]] void refuse(int status, std::string code, Text detail, Text fix = {});

/// The problem of any exception, by its type. What is our own bug gets status 500, an id in the
/// answer and the text in the log, never in the answer.
Problem problem_of(const std::exception& error);

/// The problem document. Paths below /v2 also get the `error` member that Open Inference Protocol
/// clients look for. 503 and 429 get Retry-After.
Response problem_response(const Problem& problem, Language language, bool inference_protocol);

}  // namespace athanor::serve
