#include "experiments/display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace fader {
namespace {

/// As many characters as fit; counts code points, which is enough for what is printed here.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t seen = 0, at = 0;
  while (at < text.size()) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && seen++ == columns) break;
    ++at;
  }
  return text.substr(0, at);
}

std::string count_text(double x) {
  if (x >= 1e6) return fmt::format("{:.2f}M", x / 1e6);
  if (x >= 1e3) return fmt::format("{:.0f}k", x / 1e3);
  return fmt::format("{:.0f}", x);
}

}  // namespace

std::string bars(const std::vector<double>& shares) {
  static constexpr const char* kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  for (const double s : shares) out += kLevels[static_cast<std::size_t>(std::clamp(std::floor(s * 8), 0.0, 7.0))];
  return out;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<long>(std::lround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  return fmt::format("{}h {:02}m", s / 3600, s / 60 % 60);
}

Display::Display(int out, bool quiet)
    : out_(out), terminal_(::isatty(out) == 1), quiet_(quiet), last_(Clock::now()), begun_(last_) {}

Display::~Display() { clear(); }

void Display::clear() {
  const std::lock_guard lock(mutex_);
  if (drawn_) [[maybe_unused]] const auto n = ::write(out_, "\r\x1b[K", 4);
  drawn_ = false;
}

void Display::show(const std::string& text, bool force) {
  if (quiet_) return;
  const auto now = Clock::now();
  const double since = std::chrono::duration<double>(now - last_).count();
  if (!force && since < (terminal_ ? 0.1 : spacing_)) return;
  last_ = now;
  std::string bytes;
  if (terminal_) {
    winsize size{};
    const std::size_t columns = ::ioctl(out_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    bytes = "\r" + cut(text, columns - 1) + "\x1b[K";
    drawn_ = true;
  } else {
    bytes = text + "\n";
    spacing_ = std::min(60.0, 2 * spacing_);
  }
  [[maybe_unused]] const auto n = ::write(out_, bytes.data(), bytes.size());
}

void Display::update(std::string_view what, double done, double total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  std::string text = fmt::format("{}: {} {}", what, count_text(done), unit);
  if (total > 0) {
    const double share = std::clamp(done / total, 0.0, 1.0);
    std::string bar;
    for (int i = 0; i < 20; ++i) bar += share * 20 > i ? "█" : "░";
    text = fmt::format("{} {} {:3.0f}%  {} of {} {}", what, bar, 100 * share, count_text(done), count_text(total), unit);
  }
  show(text, false);
}

void Display::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  const std::string bytes = (drawn_ ? "\r\x1b[K" : "") + std::string(line) + "\n";
  [[maybe_unused]] const auto n = ::write(out_, bytes.data(), bytes.size());
  drawn_ = false;
}

void Display::runs(std::size_t done, std::size_t total) {
  const std::lock_guard lock(mutex_);
  if (total_ == 0) begun_ = Clock::now();
  done_ = done;
  total_ = total;
  show(line(), false);
}

void Display::started(std::size_t worker, const std::string& label) {
  const std::lock_guard lock(mutex_);
  workers_[worker] = {label, {}, Clock::now(), 0, 0};
}

void Display::beat(std::size_t worker, const Beat& beat) {
  const std::lock_guard lock(mutex_);
  Seen& seen = workers_[worker];
  const double share = (static_cast<double>(beat.episode) + static_cast<double>(beat.interval) / static_cast<double>(std::max<std::int64_t>(1, beat.horizon))) /
                       static_cast<double>(beat.episodes);
  const double elapsed = std::chrono::duration<double>(Clock::now() - seen.since).count();
  if (elapsed > 0 && share > seen.share) {
    const double rate = (share - seen.share) / elapsed;
    seen.rate = seen.rate == 0 ? rate : 0.8 * seen.rate + 0.2 * rate;
    seen.since = Clock::now();
    seen.share = share;
  }
  seen.beat = beat;
  show(line(), false);
}

void Display::ended(std::size_t worker) {
  const std::lock_guard lock(mutex_);
  workers_.erase(worker);
}

std::string Display::line() const {
  std::string text = fmt::format("{}/{} runs", done_, total_);
  const double elapsed = std::chrono::duration<double>(Clock::now() - begun_).count();
  double whole = static_cast<double>(done_);
  bool known = done_ > 0;
  for (const auto& [worker, seen] : workers_) {
    whole += seen.share;
    known |= seen.beat.interval >= 2;  // nothing is promised before two intervals
  }
  if (known && whole > 0) text += fmt::format(", {} left", duration_text(elapsed / whole * (static_cast<double>(total_) - whole)));
  for (const auto& [worker, seen] : workers_) {
    const Beat& b = seen.beat;
    text += fmt::format(" | {} {}/{}", seen.label, b.interval, b.horizon);
    if (b.episodes > 1) text += fmt::format(" of episode {}/{}", b.episode + 1, b.episodes);
    if (b.interval == 0) continue;
    double total = 0;
    for (const double s : b.seconds) total += s;
    text += fmt::format(" loss {:.3f} {} {} tok", b.loss, bars(b.weights), count_text(static_cast<double>(b.tokens)));
    if (total > 0 && b.seconds.size() == kPhases)
      text += fmt::format(" {}/s train {:.0f}%", count_text(static_cast<double>(b.tokens) / total), 100 * b.seconds[static_cast<std::size_t>(Phase::train)] / total);
  }
  return text;
}

}  // namespace fader
