#include "analysis/figures.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "analysis/tables.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

std::string seeds_in_words(std::size_t fewest, std::size_t most) {
  if (fewest == most) return fmt::format("{} seed{}", most, most == 1 ? "" : "s");
  return fmt::format("{} to {} seeds", fewest, most);
}

/// Of a program that has ended: exit status, or 127 when it could not be started; and what it said on standard error.
struct Ended {
  int status = 0;
  std::string said;
};

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

Ended run_program(const std::vector<std::string>& words, const fs::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError(fmt::format("{}: no pipe: {}", words[0], std::strerror(errno)));
  SpawnActions actions;
  posix_spawn_file_actions_addchdir_np(actions.get(), folder.c_str());
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0].c_str(), actions.get(), nullptr, arguments.data(), environ);
  ::close(ends[1]);
  Ended out;
  out.said = read_all(ends[0]);
  ::close(ends[0]);
  if (error != 0) return {127, std::strerror(error)};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

std::string last_line(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

/// Of figures of many curves: who has a name, at length for a caption and in brief for the figure itself; "" when all have.
std::string named_at_length(const Comparison& all) {
  if (all.named() == all.contenders.size()) return "";
  return fmt::format(" {} of {} policies are named: {}the best {} and the worst by {}; the others are grey, without bands.", all.named(),
                     all.contenders.size(), all.baseline.empty() ? "" : all.baseline + " (the baseline), ", kBestNamed, all.quantity);
}
std::string named_in_brief(const Comparison& all) {
  return all.named() == all.contenders.size() ? "" : fmt::format("; {} of {} policies named", all.named(), all.contenders.size());
}

Figure curves_figure(const Comparison& all) {
  std::size_t fewest = SIZE_MAX, most = 0, paired = 0;
  for (const Contender& c : all.contenders) {
    fewest = std::min(fewest, c.curve.n);
    most = std::max(most, c.curve.n);
    paired += !c.difference.x.empty();
  }
  const std::string seeds = seeds_in_words(fewest, most);
  const std::string band = (most < 2 ? seeds : fmt::format("{} t intervals, {}", stats::percent(all.confidence), seeds)) + named_in_brief(all);
  Figure out;
  out.name = "curves";
  out.arguments = {"curves.gp", "tables/curves.tsv", paired > 0 ? "tables/differences.tsv" : "", all.baseline, band,
                   all.curve_quantity, all.x_name, all.lower_is_better ? "below zero: better" : "above zero: better"};
  out.caption = fmt::format("{} against {}, mean over {}{}.", all.curve_quantity, all.x_name, seeds,
                            most < 2 ? "" : fmt::format("; bands are {} t intervals of the mean over seeds", stats::percent(all.confidence)));
  if (paired > 0)
    out.caption += fmt::format(" Below: difference to {}, paired by seed, with the {} paired t interval at each point (pointwise, not for "
                               "the curve as a whole; cut where it is wide early on).", all.baseline, stats::percent(all.confidence));
  out.caption += named_at_length(all);
  return out;
}

Figure forest_figure(const Comparison& all) {
  Figure out;
  out.name = "forest";
  const std::string bar = stats::percent(all.confidence) + " t interval";
  out.arguments = {"forest.gp", "tables/paired.tsv", "tables/pairs.tsv", all.baseline, bar, all.quantity};
  out.caption = fmt::format("Difference in {} to {}, paired by seed: mean with its {} paired t interval, and every pair (circles). Not "
                            "corrected for the number of policies.", all.quantity, all.baseline, stats::percent(all.confidence));
  return out;
}

Figure learning_figure(const Comparison& all, bool learned, bool evaluated) {
  std::size_t fewest = SIZE_MAX, most = 0;
  for (const Contender& c : all.contenders) {
    if (c.learning.episode.empty() && !c.evaluated) continue;
    fewest = std::min(fewest, c.runs.size());
    most = std::max(most, c.runs.size());
  }
  const std::string seeds = seeds_in_words(fewest, most);
  const std::string average = fmt::format("mean of the last {} episodes, band: ± SD, {}", all.window, seeds);
  Figure out;
  out.name = "learning";
  out.arguments = {"learning.gp", learned ? "tables/learning.tsv" : "", evaluated ? "tables/evaluation.tsv" : "",
                   (learned ? average : seeds) + named_in_brief(all), "return (sum of rewards)"};
  if (learned)
    out.caption = fmt::format("Return of the episodes that policies learned from, against the number of the episode: mean over the last {} "
                              "episodes of {}; bands are one standard deviation of these returns to either side, not an interval of the mean.",
                              all.window, seeds);
  if (evaluated) out.caption += fmt::format("{}Every evaluation episode is a point{}.", learned ? " " : "", learned ? ", on the right" : "; " + seeds);
  out.caption += named_at_length(all);
  return out;
}

Figure weights_figure(const Comparison& all, const Contender& c) {
  const std::string table = "tables/" + weights_name(c);
  const bool several = c.runs.size() > 1;
  const std::string one = fmt::format("{}: seed {}", c.name, c.runs[0]->seed);
  const std::string mean = fmt::format("{}: mean of {} seeds", c.name, c.runs.size());
  Figure out;
  out.name = weights_name(c);
  out.arguments = {"weights.gp", table + ".tsv", several ? table + "_one_run.tsv" : "", several ? mean : one, one, all.x_name};
  out.caption = fmt::format("Weights that {} gave the agents{}.", c.name,
                            several ? fmt::format(": mean over {} seeds, and the run of seed {} alone", c.runs.size(), c.runs[0]->seed)
                                    : fmt::format(" in the run of seed {}", c.runs[0]->seed));
  return out;
}

}  // namespace

std::vector<Figure> planned_figures(const Comparison& all) {
  std::vector<Figure> out;
  if (std::ranges::any_of(all.contenders, [](const Contender& c) { return !c.curve.x.empty(); })) out.push_back(curves_figure(all));
  if (std::ranges::any_of(all.contenders, [](const Contender& c) { return c.paired.has_value(); })) out.push_back(forest_figure(all));
  const bool learned = std::ranges::any_of(all.contenders, [](const Contender& c) { return !c.learning.episode.empty(); });
  const bool evaluated = std::ranges::any_of(all.contenders, &Contender::evaluated);
  if (learned || evaluated) out.push_back(learning_figure(all, learned, evaluated));
  for (const Contender& c : all.contenders)
    if (c.adapts && !c.weights.from.empty()) out.push_back(weights_figure(all, c));
  return out;
}

fs::path find_plots(const fs::path& source) {
  std::vector<fs::path> tried;
  if (const char* given = std::getenv("FADER_PLOTS")) tried.push_back(given);
  if (!source.empty()) tried.push_back(source / "analysis/plots");
  std::error_code ignored;
  for (fs::path above = fs::read_symlink("/proc/self/exe", ignored); above.has_relative_path(); above = above.parent_path())
    tried.push_back(above.parent_path() / "analysis/plots");
  for (const fs::path& folder : tried)
    if (fs::exists(folder / "common.gp", ignored)) return fs::absolute(folder);
  throw DataError("the gnuplot scripts of analysis/plots were not found near the program; FADER_PLOTS=<folder> names them");
}

Drawing draw(const std::vector<Figure>& figures, const fs::path& experiment, const fs::path& plots, const std::string& gnuplot) {
  Drawing out;
  if (run_program({gnuplot, "--version"}, "/").status == 127) {
    out.gnuplot = false;
    return out;
  }
  make_folder(experiment / "figures");
  for (const Figure& figure : figures) {
    bool whole = true;
    for (const char* kind : {"svg", "png", "pdf"}) {
      const std::string file = fmt::format("figures/{}.{}", figure.name, kind);
      std::vector<std::string> words = {gnuplot, "-c", (plots / figure.arguments.at(0)).string(), file};
      words.insert(words.end(), figure.arguments.begin() + 1, figure.arguments.end());
      const Ended ended = run_program(words, experiment);
      if (ended.status == 0) continue;
      whole = false;
      const std::string why = last_line(ended.said);
      out.problems.push_back(fmt::format("{}: gnuplot ended with {}: {}", (experiment / file).string(), ended.status, why));
      std::error_code ignored;
      fs::remove(experiment / (file + ".part." + kind), ignored);
    }
    if (whole) out.done.push_back(figure);
  }
  return out;
}

}  // namespace fader
