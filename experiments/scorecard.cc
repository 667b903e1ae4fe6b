#include "experiments/scorecard.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "core/error.h"
#include "experiments/point_reader.h"
#include "experiments/run.h"

namespace fader {
namespace {

/// What the episodes that count earned.
class Earnings final : public Hook {
 public:
  explicit Earnings(bool evaluation_only) : evaluation_only_(evaluation_only) {}
  void interval(const Glimpse& glimpse) override {
    if (evaluation_only_ && !glimpse.evaluation) return;
    const EnvSpec& spec = glimpse.cohort.env->spec();
    for (std::size_t i = 0; i < glimpse.slots.size(); ++i) {
      if (glimpse.outcome.end[glimpse.first + i] == End::no) continue;
      const auto finals = glimpse.outcome.finals[glimpse.first + i];
      for (const Series& s : spec.finals) {
        if (s.path == "final/loss_test") returns.push_back(-finals[s.offset] * static_cast<double>(spec.horizon));
        if (s.path == "final/regret") regrets.push_back(finals[s.offset]);
      }
    }
  }
  std::vector<double> returns, regrets;

 private:
  const bool evaluation_only_;
};

struct Game {
  Point point;
  std::size_t score = 0;    // which of Scorecard::scores it belongs to
  std::int64_t seed = 0;
  double mean = 0, regret = 0;
};

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Standard error of the mean; NaN for a single value.
double error_of(const std::vector<double>& values) {
  const double mean = mean_of(values), n = static_cast<double>(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (n - 1) / n);
}

Point point_of(const std::string& policy, const Case& where, const ScorecardOptions& options, bool across) {
  std::string text = "[env]\nkind = \"" + where.kind + "\"\n";
  for (const std::string& option : where.options) text += option + "\n";
  text += "[policy]\nkind = \"" + policy + "\"\n";
  if (across)
    text += fmt::format("[run]\nepisodes = {}\nmembers = {}\nevaluation_episodes = {}\n", options.episodes, options.members, options.evaluation);
  const auto source = std::make_shared<const Source>(Source{"the scorecard", "scorecard", ".", 0});
  Problems problems;
  const TomlValue root = parse_toml(text, source, problems);
  Point point = read_point(root, root.find("policy"), "policy", Place{source, 0, 0}, problems);
  problems.raise();
  return point;
}

/// Whether a policy learns across episodes; ConfigError when it cannot be played there at all.
bool learns_across(const std::string& policy, const Case& where, const ScorecardOptions& options, Progress& progress) {
  const Cohort cohort = assemble(point_of(policy, where, options, false), 0, nullptr, progress);
  return cohort.seats[0].policy->spec().across;
}

void play(Game& game, Progress& progress) {
  Cohort cohort = assemble(game.point, game.seed, nullptr, progress);
  Earnings earnings(cohort.seats[0].evaluation > 0);
  std::array<Hook*, 1> hooks = {&earnings};
  Player(cohort, hooks).run([] { return false; });
  game.mean = mean_of(earnings.returns);
  game.regret = mean_of(earnings.regrets);
}

/// All games, by as many threads as there are jobs; what one of them throws ends all.
void play_all(std::vector<Game>& games, int jobs, const std::function<void(std::size_t, std::size_t)>& progress) {
  std::atomic<std::size_t> next = 0, done = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    NoProgress quiet;
    for (std::size_t i = next++; i < games.size(); i = next++) {
      try {
        play(games[i], quiet);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = games.size();
      }
      progress(++done, games.size());
    }
  };
  std::vector<std::thread> threads;
  for (int j = 1; j < jobs; ++j) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

std::vector<Case> chosen_cases(const std::vector<std::string>& wanted) {
  std::vector<Case> out;
  std::vector<std::string> known;
  for (const Case& c : scorecard_cases()) {
    known.push_back(c.label);
    if (wanted.empty() || std::ranges::find(wanted, c.label) != wanted.end() || std::ranges::find(wanted, c.kind) != wanted.end()) out.push_back(c);
  }
  for (const std::string& name : wanted)
    if (std::ranges::none_of(out, [&](const Case& c) { return c.label == name || c.kind == name; }))
      throw ConfigError(fmt::format("no case '{}' in the scorecard{}", name, suggestion(name, known)));
  return out;
}

struct Row {
  std::string group, policy;
};

/// The policies that are wanted (none named: all), each once, by group. ConfigError when one of them is unknown.
std::vector<Row> chosen_policies(const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted) policies().at(name);
  const std::vector<std::string> all = policies().names();
  std::vector<Row> out;
  const auto choose = [&](const std::string& group, const std::string& name) {
    const bool here = std::ranges::find(all, name) != all.end() && (wanted.empty() || std::ranges::find(wanted, name) != wanted.end());
    if (here && std::ranges::none_of(out, [&](const Row& r) { return r.policy == name; })) out.push_back({group, name});
  };
  for (const PolicyGroup& group : scorecard_groups())
    for (const std::string& name : group.policies) choose(group.name, name);
  for (const std::string& name : all) choose("other", name);
  return out;
}

Known known_of(const Case& where, const ScorecardOptions& options) {
  NoProgress quiet;
  const Cohort cohort = assemble(point_of("uniform", where, options, false), 0, nullptr, quiet);
  const Answer* answer = cohort.env->answer();
  FADER_CHECK(answer, "{} has no known answer", where.kind);
  return {where.label, answer->optimum, answer->schedule, answer->fixed, answer->uniform};
}

void finish(Score& score, const Known& known, const std::vector<Game>& games, std::size_t index) {
  std::vector<double> means, regrets;
  for (const Game& game : games)
    if (game.score == index) means.push_back(game.mean), regrets.push_back(game.regret);
  const double gap = known.optimum - known.uniform;
  score.seeds = static_cast<std::int64_t>(means.size());
  score.mean = mean_of(means);
  score.se = error_of(means);
  score.regret = mean_of(regrets);
  score.regret_se = error_of(regrets);
  score.score = (score.mean - known.uniform) / gap;
  score.score_se = score.se / gap;
}

std::string two_digits(double value) { return fmt::format("{:.2f}", std::abs(value) < 0.005 ? 0.0 : value); }

std::string in_one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '#'; }, ' ');
  return text;
}

}  // namespace

Scorecard play_scorecard(const ScorecardOptions& options, const std::function<void(std::size_t, std::size_t)>& progress) {
  const std::vector<Case> cases = chosen_cases(options.environments);
  const std::vector<Row> rows = chosen_policies(options.policies);
  Scorecard card;
  card.options = options;
  NoProgress quiet;
  for (const Case& c : cases) card.known.push_back(known_of(c, options));
  std::vector<Game> games;
  for (const auto& [group, policy] : rows)
    for (const Case& c : cases) {
      Score& score = card.scores.emplace_back();
      score.group = group;
      score.policy = policy;
      score.label = c.label;
      try {
        const bool across = learns_across(policy, c, options, quiet);
        score.episodes = across ? options.episodes : 0;
        const Point point = point_of(policy, c, options, across);
        for (std::int64_t s = 0; s < (across ? options.across_seeds : options.seeds); ++s) games.push_back({point, card.scores.size() - 1, s});
      } catch (const ConfigError& error) {
        score.refused = error.what();
      }
    }
  play_all(games, options.jobs, progress);
  for (std::size_t i = 0; i < card.scores.size(); ++i)
    if (card.scores[i].refused.empty()) finish(card.scores[i], card.known[i % cases.size()], games, i);
  return card;
}

std::string scorecard_tsv(const Scorecard& card) {
  const ScorecardOptions& o = card.options;
  const auto seeds = [](std::int64_t n) { return fmt::format("{} seed{}", n, n == 1 ? "" : "s"); };
  std::string out = fmt::format(
      "# Share of the way from equal weights (0) to the best policy there is (1), in expected return; mean over seeds, default options.\n"
      "# Learning within an episode: {}, one episode each. Across episodes: {}, judged in {} episodes after learning from {}.\n"
      "row\tgroup\tpolicy\tcolumn\tenvironment\tseeds\tepisodes\treturn\treturn_se\tregret\tregret_se\tscore\tscore_se\toptimum\tschedule\tfixed\t"
      "uniform\trefused\n", seeds(o.seeds), seeds(o.across_seeds), o.evaluation, o.episodes);
  const std::size_t cases = card.known.size();
  for (std::size_t i = 0; i < card.scores.size(); ++i) {
    const Score& s = card.scores[i];
    const Known& k = card.known[i % cases];
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t", i / cases + 1, s.group, s.policy, i % cases + 1, s.label, s.seeds, s.episodes);
    const auto cell = [&](double value, int digits) {
      return !s.refused.empty() || std::isnan(value) ? std::string("NaN") : fmt::format("{:.{}g}", value, digits);
    };
    const auto share = [&](double value) { return cell(std::round(value * 1e4) / 1e4 + 0.0, 9); };
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t", cell(s.mean, 6), cell(s.se, 3), cell(s.regret, 6), cell(s.regret_se, 3), share(s.score),
                       share(s.score_se));
    out += fmt::format("{:.6g}\t{:.6g}\t{:.6g}\t{:.6g}\t{}\n", k.optimum, k.schedule, k.fixed, k.uniform, in_one_line(s.refused));
  }
  return out;
}

std::string scorecard_markdown(const Scorecard& card) {
  std::string head = "| policy |", rule = "|---|", fixed = "| *best fixed mix* |", schedule = "| *best schedule* |", out;
  for (const Known& k : card.known) {
    head += " " + k.label + " |";
    rule += "---|";
    fixed += fmt::format(" {} |", two_digits((k.fixed - k.uniform) / (k.optimum - k.uniform)));
    schedule += fmt::format(" {} |", two_digits((k.schedule - k.uniform) / (k.optimum - k.uniform)));
  }
  for (std::size_t i = 0; i < card.scores.size(); ++i) {
    const Score& s = card.scores[i];
    if (i % card.known.size() == 0) out += "| " + s.policy + " |";
    out += s.refused.empty() ? " " + two_digits(s.score) + " |" : " |";
    if ((i + 1) % card.known.size() == 0) out += "\n";
  }
  return head + "\n" + rule + "\n" + schedule + "\n" + fixed + "\n" + out;
}

}  // namespace fader
