#include "experiments/display.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/ledger.h"

namespace fader {
namespace {

constexpr double kRedraw = 0.1, kLongestSpacing = 60;  // seconds
constexpr std::size_t kAnyWidth = 1000000;
constexpr const char* kTakeAway = "\r\x1b[K";

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// Code points, which is enough for what is printed here.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

/// As many characters as fit.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t seen = 0, at = 0;
  while (at < text.size() && !(begins_character(text[at]) && seen++ == columns)) ++at;
  return text.substr(0, at);
}

/// "discounted_ucb seed 3" in little room: "disco…:3". The seed is what tells neighbours apart.
std::string shortened(const std::string& label, std::size_t room) {
  if (width(label) <= room) return label;
  const auto seed = label.rfind(" seed ");
  const std::string tail = seed == std::string::npos ? "" : ":" + label.substr(seed + 6);
  const std::string name = label.substr(0, seed);
  if (width(name + tail) <= room) return name + tail;
  return cut(name, room - std::min(room, width(tail) + 1)) + "…" + tail;
}

std::string count_text(double x) {
  if (x >= 1e9) return fmt::format("{:.2f}G", x / 1e9);
  if (x >= 1e6) return fmt::format("{:.2f}M", x / 1e6);
  if (x >= 1e3) return fmt::format("{:.0f}k", x / 1e3);
  return fmt::format("{:.0f}", x);
}

/// "train 52% reward 31%": where the time went, the most first.
std::string phases_text(const std::vector<double>& seconds, std::size_t most) {
  double total = 0;
  std::vector<std::pair<double, std::string_view>> phases;
  for (std::size_t i = 0; i < std::min(seconds.size(), kPhases); ++i) {
    total += seconds[i];
    phases.emplace_back(seconds[i], kPhaseNames[i]);
  }
  std::stable_sort(phases.begin(), phases.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string out;
  for (std::size_t i = 0; i < std::min(most, phases.size()); ++i)
    if (const double percent = 100 * phases[i].first / total; total > 0 && percent >= 0.5)
      out += fmt::format(" {} {:.0f}%", phases[i].second, percent);
  return out;
}

/// Writes what can be written at once. A reader that has gone, which is a signal, or that does not read stops nobody.
void write_now(int out, std::string_view bytes) {
  sigset_t pipe, before, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  pollfd ready{out, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0)
    if (::write(out, bytes.data(), bytes.size()) < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
      const timespec at_once{0, 0};
      ::sigtimedwait(&pipe, nullptr, &at_once);
    }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool can_rewrite(int out) {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(out) == 1 && terminal && *terminal && std::strcmp(terminal, "dumb") != 0;
}

}  // namespace

/// What is said of each run. With many of them or few columns less is said, of all alike.
struct Display::Detail {
  std::size_t label, phases;
  bool tokens, speed, words, bars, loss;
};

std::string bars(const std::vector<double>& shares) {
  static constexpr const char* kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  for (const double s : shares) out += kLevels[s > 0 ? static_cast<std::size_t>(std::min(std::floor(s * 8), 7.0)) : 0];
  return out;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<long>(std::lround(std::clamp(seconds, 0.0, 1e9)));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s < 48 * 3600) return fmt::format("{}h {:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {:02}h", s / 86400, s / 3600 % 24);
}

double Display::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Display::Display(int out, bool quiet, Clock clock)
    : out_(out),
      rewrites_(can_rewrite(out)),
      quiet_(quiet),
      clock_(std::move(clock)),
      spacing_(rewrites_ ? kRedraw : 1),
      last_(clock_()) {}

Display::~Display() { clear(); }

void Display::clear() {
  const std::lock_guard lock(mutex_);
  if (drawn_) write_now(out_, kTakeAway);
  drawn_ = false;
}

bool Display::due() const { return !quiet_ && clock_() - last_ >= spacing_; }

std::size_t Display::columns() const {
  winsize size{};
  if (!rewrites_) return kAnyWidth;
  return (::ioctl(out_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80u) - 1;  // the last one would scroll some
}

void Display::show(const std::string& text) {
  last_ = clock_();
  if (rewrites_) {
    write_now(out_, "\r" + cut(text, columns()) + "\x1b[K");
    drawn_ = true;
  } else {
    write_now(out_, text + "\n");
    spacing_ = std::min(kLongestSpacing, 2 * spacing_);
  }
}

void Display::update(std::string_view what, double done, double total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  if (!due()) return;
  std::string text = fmt::format("{}: {} {}", what, count_text(done), unit);
  if (total > 0) {
    const double share = std::clamp(done / total, 0.0, 1.0);
    std::string bar;
    for (int i = 0; i < 20; ++i) bar += share * 20 > i ? "█" : "░";
    text = fmt::format("{} {} {:3.0f}%  {} of {} {}", what, bar, 100 * share, count_text(done), count_text(total), unit);
  }
  show(text);
}

void Display::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  write_now(out_, fmt::format("{}{}\n", drawn_ ? kTakeAway : "", line));
  drawn_ = false;
}

void Display::runs(std::size_t done, std::size_t total) {
  const std::lock_guard lock(mutex_);
  done_ = done;
  total_ = total;
  left_.runs(done, total);
  show_runs();
}

void Display::started(std::size_t worker, const std::string& label) {
  const std::lock_guard lock(mutex_);
  workers_[worker].label = label;
  left_.started(worker, clock_());
}

void Display::beat(std::size_t worker, const Beat& beat) {
  const std::lock_guard lock(mutex_);
  const double now = clock_(), horizon = static_cast<double>(std::max<std::int64_t>(1, beat.horizon));
  const auto episodes = static_cast<double>(std::max<std::int64_t>(1, beat.episodes));
  const double share = (static_cast<double>(beat.episode) + static_cast<double>(beat.interval) / horizon) / episodes;
  left_.beat(worker, share, horizon * episodes, now);

  Worker& w = workers_[worker];
  const std::int64_t before = beat.episode == w.beat.episode ? w.beat.tokens : 0;
  if (w.playing && now > w.since && beat.tokens > before) {
    const double speed = static_cast<double>(beat.tokens - before) / (now - w.since);
    w.speed += std::max(1 - std::exp(-10 / horizon), 1 / ++w.seen) * (speed - w.speed);  // about the last tenth of an episode
  }
  w.beat = beat;
  w.playing = true;
  w.since = now;
  show_runs();
}

void Display::ended(std::size_t worker) {
  const std::lock_guard lock(mutex_);
  workers_.erase(worker);
  left_.ended(worker, clock_());
}

void Display::show_runs() {
  if (total_ > 0 && due()) show(line(columns()));
}

std::string Display::of_worker(const Worker& worker, const Detail& detail) {
  const Beat& b = worker.beat;
  std::string text = shortened(worker.label, detail.label);
  if (!worker.playing) return text + " begins";
  text += fmt::format(" {}/{}", b.interval, b.horizon);
  if (b.episodes > 1) text += fmt::format(" of {}/{}", b.episode + 1, b.episodes);
  if (b.interval == 0 && b.episode == 0) return text;
  if (detail.loss && b.loss != 0) text += fmt::format("{} {:.3f}", detail.words ? " loss" : "", b.loss);
  if (detail.bars && !b.weights.empty()) text += " " + bars(b.weights);
  if (detail.tokens && b.tokens > 0) text += fmt::format(" {} tokens", count_text(static_cast<double>(b.tokens)));
  if (detail.speed && worker.speed > 0) text += fmt::format(" {}/s", count_text(worker.speed));
  return text + phases_text(b.seconds, detail.phases);
}

std::string Display::line(std::size_t columns) const {
  static constexpr Detail kDetails[] = {
      // label, phases, tokens, speed, words, bars, loss
      {64, 3, true, true, true, true, true},
      {64, 3, false, true, true, true, true},
      {64, 2, false, true, true, true, true},
      {24, 1, false, true, true, true, true},
      {24, 1, false, false, true, true, true},
      {24, 0, false, false, true, true, true},
      {16, 0, false, false, false, true, true},
      {10, 0, false, false, false, true, true},
      {10, 0, false, false, false, false, true},
      {10, 0, false, false, false, false, false},
      {6, 0, false, false, false, false, false}};
  std::string head = fmt::format("{}/{} runs", done_, total_);
  if (const auto left = left_.seconds(clock_())) head += fmt::format(", {} left", duration_text(*left));
  std::string text;
  for (const Detail& detail : kDetails) {
    text = head;
    for (const auto& [id, worker] : workers_) text += " | " + of_worker(worker, detail);
    if (width(text) <= columns) return text;
  }
  std::size_t shown = 0;  // not even their names: as many as there is room for
  text = head;
  for (const auto& [id, worker] : workers_) {
    const std::string next = text + " | " + of_worker(worker, *std::rbegin(kDetails));
    const std::string rest = fmt::format(" +{}", workers_.size() - shown);
    if (width(next) + width(rest) > columns) return text + rest;
    text = next;
    ++shown;
  }
  return text;
}

}  // namespace fader
