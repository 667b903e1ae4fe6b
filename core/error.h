// Errors that are messages to a person: where, what was found, what was expected, what to try.
//
// One small hierarchy. `main` alone turns an error into its exit code; nothing else ends the process.
// Anything that is not one of these (std::exception, Defect) is a defect of ours and exits with 1.
#pragma once
#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fader {

enum class Exit : int { done = 0, defect = 1, usage = 2, data = 3, run = 4, difference = 5, interrupted = 130, terminated = 143 };

class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

/// The experiment file or the command line is wrong.
struct ConfigError : Error {
  explicit ConfigError(const std::string& m) : Error(Exit::usage, m) {}
};
/// A corpus, a model file or a stored run is missing, malformed or foreign.
struct DataError : Error {
  explicit DataError(const std::string& m) : Error(Exit::data, m) {}
};
/// A run cannot go on: no space left, divergence, a lost worker.
struct RunError : Error {
  explicit RunError(const std::string& m) : Error(Exit::run, m) {}
};
/// INT or TERM asked us to stop, and we did so in order.
struct Stopped : Error {
  Stopped(int signal, const std::string& m) : Error(static_cast<Exit>(128 + signal), m) {}
};

/// A promise inside the program was broken. Never caught below `main`.
struct Defect : std::logic_error {
  using std::logic_error::logic_error;
};

/// The known name that was probably meant, or "": two edits at most and less than half of it, case aside; or what it alone begins.
std::string nearest(std::string_view name, std::span<const std::string> known);

/// "; did you mean 'x'?" or "; known: a, b, c", or "" when nothing is known.
std::string suggestion(std::string_view name, std::span<const std::string> known);

namespace detail {
[[noreturn]] void check_failed(const char* file, int line, const char* expression, const std::string& found);
}

}  // namespace fader

/// Compiled in always. Prints the expression, both operands, file and line.
#define FADER_CHECK(condition, ...)                                                                                    \
  do {                                                                                                                 \
    if (!(condition)) ::fader::detail::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__));    \
  } while (false)
#define FADER_CHECK_EQ(a, b)                                                                                           \
  do {                                                                                                                 \
    const auto& fader_a_ = (a);                                                                                        \
    const auto& fader_b_ = (b);                                                                                        \
    if (!(fader_a_ == fader_b_))                                                                                       \
      ::fader::detail::check_failed(__FILE__, __LINE__, #a " == " #b, ::fmt::format("{} against {}", fader_a_, fader_b_)); \
  } while (false)
