// A child process that reports to its parent in lines of JSON, and what it ended with.
#pragma once
#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace fader {

/// How a child ended: its own words when it could still speak.
struct Ending {
  int code = 0;             ///< exit code of design 5.2; 1 when it died of a signal
  std::string message;      ///< of the error, "" when code is 0
};

class Child {
 public:
  using Report = std::function<void(const nlohmann::json&)>;
  /// Forks. `work` runs in the child with a function that reports to the parent; what it throws becomes the child's ending.
  /// The child ends with its parent, and takes no part in the parent's exit.
  explicit Child(const std::function<void(const Report&)>& work);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();                 ///< kills it when it still runs

  int descriptor() const { return pipe_; }   ///< readable when there is something to receive
  /// Reports received so far, without waiting; sets `ended()` when the child is gone.
  std::vector<nlohmann::json> receive();
  const std::optional<Ending>& ended() const { return ending_; }
  void signal(int number) const;

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string buffer_;
  std::string error_;
  std::optional<Ending> ending_;
};

}  // namespace fader
