#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace athanor {

/// One text in both languages of the product.
struct Text {
  std::string en;
  std::string zh;
};

enum class Language { en, zh };

inline const std::string& in(Language language, const Text& text) {
  return language == Language::zh ? text.zh : text.en;
}

/// Base of everything athanor throws. The message names the op or file, what came and what would
/// work.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit together.
class ShapeError : public Error {
  using Error::Error;
};
/// A dtype that the operation does not take.
class DTypeError : public Error {
  using Error::Error;
};
/// An argument outside its range.
class ValueError : public Error {
  using Error::Error;
};
/// An index or axis outside its range.
class IndexError : public Error {
  using Error::Error;
};
/// Valid, but athanor cannot do it; the message says what can be done instead.
class UnsupportedError : public Error {
  using Error::Error;
};
/// An allocation beyond the limit or the machine.
class OutOfMemoryError : public Error {
  using Error::Error;
};
/// The operating system refused: open, read, write, bind.
class IoError : public Error {
 public:
  IoError(const std::string& message, int code) : Error(message), code_(code) {}
  /// The errno value, 0 if there was none.
  int code() const { return code_; }

 private:
  int code_;
};
/// Bytes that are not what their format promises: truncated, damaged or hostile.
class FormatError : public Error {
  using Error::Error;
};
/// The user or a signal asked to stop.
class CancelledError : public Error {
  using Error::Error;
};
/// A broken promise of our own: always a bug of athanor.
class InternalError : public Error {
  using Error::Error;
};

/// What kind of refusal it is; the command line's exit codes are these numbers.
enum class Exit : int {
  ok = 0,
  internal = 1,      ///< our bug
  usage = 2,         ///< wrong command line
  data = 3,          ///< the user's data cannot be used
  file = 4,          ///< missing, unreadable or unwritable file, full disk
  model = 5,         ///< a model, package or weights file that does not fit
  network = 6,       ///< port in use, address not available
  memory = 7,        ///< not enough memory
  interrupted = 130  ///< Ctrl-C; what was done is saved
};

/// A refusal as a user reads it, in four parts: what happened, where, why (number against limit),
/// what to do.
struct Refusal {
  std::string code;  ///< stable, lower case with dashes: "one-class-only"
  Exit exit = Exit::data;
  Text what;
  std::string where;  ///< file:line, item, field or request; may be empty
  Text why;
  Text fix;
};

/// A refusal that travels as an exception; what() is the English form in one line.
class RefusalError : public Error {
 public:
  explicit RefusalError(Refusal refusal);
  const Refusal& refusal() const { return refusal_; }

 private:
  Refusal refusal_;
};

/// The refusal as lines for a terminal: what, where, why, fix.
std::string describe(const Refusal& refusal, Language language);

/// A refusal made of any exception: a RefusalError's own, or one by the type of the exception.
Refusal as_refusal(const std::exception& error);

template <class E, class... Args>
[[noreturn]] void raise(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

template <class E = ValueError, class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    throw E(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace athanor

/// For what only our own mistake can break.
#define ATH_ASSERT(condition)                                                                \
  do {                                                                                       \
    if (!(condition)) [[unlikely]]                                                           \
      throw ::athanor::InternalError(::fmt::format(                                          \
          "internal error at {}:{}: {}; please report it", __FILE__, __LINE__, #condition)); \
  } while (false)
