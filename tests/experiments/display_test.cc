// What is shown while runs go on, to a pipe and to a terminal, at times of the test's choosing.
#include "experiments/display.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <stdexcept>

using namespace fader;
using Strings = std::vector<std::string>;

namespace {

/// Two ends; what is written to `in` can be read without waiting.
class Channel {
 public:
  virtual ~Channel() {
    if (in >= 0) ::close(in);
    if (out >= 0) ::close(out);
  }
  std::string read() const {
    ::fcntl(out, F_SETFL, O_NONBLOCK);
    std::string text;
    std::array<char, 4096> bytes;
    for (ssize_t n; (n = ::read(out, bytes.data(), bytes.size())) > 0;) text.append(bytes.data(), static_cast<std::size_t>(n));
    return text;
  }
  int in = -1, out = -1;
};

class Pipe : public Channel {
 public:
  Pipe() {
    std::array<int, 2> ends;
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    out = ends[0];
    in = ends[1];
  }
};

class Terminal : public Channel {
 public:
  explicit Terminal(unsigned short columns) {
    out = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (out < 0 || ::grantpt(out) != 0 || ::unlockpt(out) != 0) throw std::runtime_error("no pseudo terminal");
    in = ::open(::ptsname(out), O_RDWR | O_NOCTTY);
    if (in < 0) throw std::runtime_error("no pseudo terminal");
    resize(columns);
  }
  void resize(unsigned short columns) const {
    const winsize size{24, columns, 0, 0};
    REQUIRE(::ioctl(in, TIOCSWINSZ, &size) == 0);
  }
};

/// Some bare systems have none.
bool no_terminals() {
  const int out = ::posix_openpt(O_RDWR | O_NOCTTY);
  const bool there = out >= 0 && ::grantpt(out) == 0 && ::unlockpt(out) == 0 && ::access(::ptsname(out), R_OK | W_OK) == 0;
  if (out >= 0) ::close(out);
  if (!there) WARN("skipped: this system gives no pseudo terminals");
  return !there;
}

class Term {
 public:
  explicit Term(const char* value) {
    if (const char* before = ::getenv("TERM")) before_ = before;
    if (value) ::setenv("TERM", value, 1);
    else ::unsetenv("TERM");
  }
  ~Term() { before_.empty() ? ::unsetenv("TERM") : ::setenv("TERM", before_.c_str(), 1); }

 private:
  std::string before_;
};

Strings lines_of(const std::string& text) {
  Strings out;
  std::string line;
  for (const char c : text) {
    if (c == '\n') out.push_back(std::exchange(line, ""));
    else line += c;
  }
  CHECK(line.empty());
  return out;
}

/// What a terminal shows of it: one element for every time the line was rewritten.
Strings drawings_of(const std::string& text) {
  Strings out;
  std::size_t at = 0;
  while (at < text.size()) {
    REQUIRE(text[at] == '\r');
    const std::size_t end = text.find("\x1b[K", at);
    REQUIRE(end != std::string::npos);
    out.push_back(text.substr(at + 1, end - at - 1));
    CHECK(std::none_of(out.back().begin(), out.back().end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    at = end + 3;
  }
  return out;
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Beat beat_at(std::int64_t interval) {
  Beat b;
  b.interval = interval;
  b.horizon = 20;
  b.tokens = 10240 * interval;
  b.loss = 3.21449;
  b.weights = {0, 0.25, 0.5, 1};
  b.seconds = {1, 52, 9, 7, 0, 31, 0, 0, 0};
  return b;
}

/// `workers` runs that have done five intervals of two seconds each, and a line of all of them.
void run_some(Display& display, double& now, std::size_t workers) {
  static const Strings kLabels = {"discounted_ucb seed 0", "quality seed 12", "one_hot_with_a_long_name seed 3", "ucb seed 4"};
  display.runs(3, 25);
  for (std::size_t w = 0; w < workers; ++w) display.started(w, kLabels[w % kLabels.size()]);
  for (int i = 0; i <= 5; ++i) {
    for (std::size_t w = 0; w < workers; ++w) display.beat(w, beat_at(i));
    now += i < 5 ? 2 : 1;
  }
  display.runs(3, 25);
}

}  // namespace

TEST_CASE("to a pipe: plain lines, further and further apart") {
  const Pipe pipe;
  double now = 100;
  std::vector<int> at;
  {
    Display display(pipe.in, false, [&] { return now; });
    display.started(0, "ucb seed 3");
    for (int tenth = 0; tenth < 4000; ++tenth) {
      now = 100 + tenth / 10.0;
      display.runs(0, 2);
      const Strings lines = lines_of(pipe.read());
      CHECK(lines.size() <= 1);
      for (const std::string& line : lines) {
        at.push_back(tenth / 10);
        CHECK(std::all_of(line.begin(), line.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; }));
      }
    }
  }
  CHECK(at == std::vector<int>{1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363});
  CHECK(pipe.read().empty());  // nothing to take away at the end
}

TEST_CASE("a line says what goes on") {
  const Pipe pipe;
  double now = 0;
  Display display(pipe.in, false, [&] { return now; });
  run_some(display, now, 1);
  pipe.read();
  now += 60;
  display.beat(0, beat_at(6));
  const Strings lines = lines_of(pipe.read());
  REQUIRE(lines.size() == 1);
  CHECK(has(lines[0], "3/25 runs, "));
  CHECK(has(lines[0], " left | discounted_ucb seed 0 6/20 loss 3.214 ▁▃▅█ 61k tokens "));
  CHECK(has(lines[0], "k/s train 52% reward 31% score 9%"));
  CHECK_FALSE(has(lines[0], "probe"));
}

TEST_CASE("what is not known is not said") {
  const Pipe pipe;
  double now = 0;
  Display display(pipe.in, false, [&] { return now; });
  display.started(0, "ucb seed 3");
  now = 2;
  Beat b;
  display.beat(0, b);
  CHECK(pipe.read().empty());  // of how many runs?
  display.runs(0, 1);
  CHECK(pipe.read() == "0/1 runs | ucb seed 3 0/0\n");
  b.interval = 1;
  b.horizon = 1000;
  now = 10;
  display.beat(0, b);  // an environment without tokens and losses, phases unknown
  CHECK(pipe.read() == "0/1 runs | ucb seed 3 1/1000\n");
  display.started(1, "ucb seed 4");
  now = 20;
  display.runs(0, 2);
  CHECK(pipe.read() == "0/2 runs | ucb seed 3 1/1000 | ucb seed 4 begins\n");
}

TEST_CASE("the speed is that of this process, and recent") {
  const Pipe pipe;
  double now = 0;
  Display display(pipe.in, false, [&] { return now; });
  display.runs(0, 1);
  display.started(0, "ucb seed 3");
  display.beat(0, beat_at(10));  // taken up again: these were not trained just now
  now = 2;
  display.beat(0, beat_at(11));
  CHECK(has(pipe.read(), "11/20 loss 3.214 ▁▃▅█ 113k tokens 5k/s"));  // 10,240 in two seconds
}

TEST_CASE("to a terminal: one line, at most ten times a second, taken away at the end") {
  if (no_terminals()) return;
  const Term term("xterm");
  const Terminal terminal(120);
  double now = 0;
  std::size_t drawn = 0;
  {
    Display display(terminal.in, false, [&] { return now; });
    display.started(0, "ucb seed 3");
    for (int i = 0; i < 1000; ++i) {
      now = i / 1000.0;
      display.runs(0, 2);
    }
    const Strings drawings = drawings_of(terminal.read());
    drawn = drawings.size();
    for (const std::string& d : drawings) CHECK(d == "0/2 runs | ucb seed 3 begins");
    display.note("failed: it did");
    CHECK(terminal.read() == "\r\x1b[Kfailed: it did\r\n");  // the terminal adds the return
    now = 2;
    display.runs(0, 2);
    terminal.read();
  }
  CHECK(drawn >= 9);
  CHECK(drawn <= 10);
  CHECK(drawings_of(terminal.read()) == Strings{""});
}

TEST_CASE("a line fills the width that there is and no more, however many runs there are") {
  if (no_terminals()) return;
  const Term term("xterm");
  for (const unsigned short columns : {20, 40, 60, 80, 100, 120, 200, 1000})
    for (const std::size_t workers : {1, 2, 4, 8, 64}) {
      CAPTURE(columns, workers);
      const Terminal terminal(columns);
      double now = 0;
      Display display(terminal.in, false, [&] { return now; });
      run_some(display, now, workers);
      const std::string line = drawings_of(terminal.read()).back();
      CAPTURE(line);
      CHECK(columns_of(line) < columns);
      CHECK(line.rfind("3/25 runs, ", 0) == 0);
      if (columns >= 40) CHECK(has(line, " left"));
      if (workers == 1 && columns >= 80) CHECK(has(line, "discounted_ucb"));
      if (workers <= 2 && columns >= 80) CHECK(has(line, "3.214"));   // the loss
      if (workers <= 2 && columns >= 100) CHECK(has(line, "▁▃▅█"));
      if (workers <= 4 && columns >= 120) CHECK(has(line, workers > 1 ? "12 5/20" : "0 5/20"));
      if (workers <= 2 && columns == 200) CHECK(has(line, "train 52% reward 31%"));
      if (workers == 64 && columns >= 40 && columns <= 200) CHECK(has(line, " +"));
      if (columns == 1000 && workers <= 4) CHECK(has(line, "51k tokens"));
    }
}

TEST_CASE("a terminal that is resized, or does not know its width") {
  if (no_terminals()) return;
  const Term term("xterm");
  const Terminal terminal(200);
  double now = 0;
  Display display(terminal.in, false, [&] { return now; });
  run_some(display, now, 4);
  CHECK(columns_of(drawings_of(terminal.read()).back()) > 80);
  for (const unsigned short columns : {60, 3, 1, 0}) {
    terminal.resize(columns);
    now += 1;
    display.runs(3, 25);
    const std::string line = drawings_of(terminal.read()).back();
    CHECK(columns_of(line) < (columns == 0 ? 80u : columns));
    if (columns == 0) CHECK(columns_of(line) > 40);
  }
}

TEST_CASE("a terminal that cannot rewrite gets plain lines") {
  if (no_terminals()) return;
  for (const char* const kind : {"dumb", "", static_cast<const char*>(nullptr)}) {
    const Term term(kind);
    const Terminal terminal(40);
    double now = 0;
    Display display(terminal.in, false, [&] { return now; });
    run_some(display, now, 4);
    const std::string text = terminal.read();
    CHECK_FALSE(has(text, "\x1b"));
    CHECK(has(text, "loss 3.214"));  // whole, the terminal wraps it
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    CHECK(std::count(text.begin(), text.end(), '\r') == 3);  // the terminal's own
  }
}

TEST_CASE("quiet: notes only") {
  const Pipe pipe;
  double now = 0;
  Display display(pipe.in, true, [&] { return now; });
  run_some(display, now, 2);
  display.update("tokens", 1, 2, "MB");
  CHECK(pipe.read().empty());
  display.note("a note");
  CHECK(pipe.read() == "a note\n");
}

TEST_CASE("work that is no run has a bar where its end is known") {
  const Pipe pipe;
  double now = 0;
  Display display(pipe.in, false, [&] { return now; });
  now = 2;
  display.update("tokenizing", 1.5e6, 3e6, "bytes");
  CHECK(pipe.read() == "tokenizing ██████████░░░░░░░░░░  50%  1.50M of 3.00M bytes\n");
  now = 10;
  display.update("reading", 1200, 0, "records");
  CHECK(pipe.read() == "reading: 1k records\n");
}

TEST_CASE("a reader that does not read holds nobody up, one that has gone ends nobody") {
  struct sigaction by_default {}, before {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &by_default, &before);
  {
    const Pipe pipe;
    ::fcntl(pipe.in, F_SETPIPE_SZ, 4096);
    double now = 0;
    Display display(pipe.in, false, [&] { return now; });
    for (int i = 0; i < 10000; ++i) {
      now += 100;
      display.runs(0, 2);
      display.note("a note");
    }
    CHECK(pipe.read().size() <= 4096);
  }
  {
    Pipe pipe;
    ::close(pipe.out);
    pipe.out = -1;
    Display display(pipe.in, false);
    display.note("to nobody");
  }
  ::sigaction(SIGPIPE, &before, nullptr);
  sigset_t pending;
  ::sigpending(&pending);
  CHECK(::sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("bars and durations") {
  CHECK(bars({0, 0.124, 0.125, 0.5, 0.99, 1, 7, -1}) == "▁▁▂▅███▁");
  CHECK(bars({std::nan("")}) == "▁");
  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(59.4) == "59s");
  CHECK(duration_text(59.6) == "1m 00s");
  CHECK(duration_text(3599) == "59m 59s");
  CHECK(duration_text(3600) == "1h 00m");
  CHECK(duration_text(3 * 86400 + 7200) == "3d 02h");
  CHECK(duration_text(-5) == "0s");
}
