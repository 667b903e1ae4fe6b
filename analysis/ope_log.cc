#include "analysis/ope_log.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "store/store.h"

namespace fader {
namespace {

std::string text(const Attributes& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  const auto* value = found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value ? *value : "";
}

const Column* column_of(const RunReader& reader, const std::string& path) {
  const auto found = std::ranges::find(reader.columns(), path, &Column::path);
  return found == reader.columns().end() ? nullptr : &*found;
}

std::vector<std::string> rewards_of(const RunReader& reader) {
  std::vector<std::string> out;
  for (const Column& column : reader.columns())
    if (column.path.starts_with("reward/") && !column.path.ends_with("_se")) out.push_back(column.path.substr(7));
  return out;
}

/// What a run says of its arms, before it is asked whether that can be weighted.
struct OneRun {
  std::string place, cell;
  std::vector<std::string> agents;
  std::vector<std::vector<double>> presets;
  ope::Rounds rounds;               ///< run is 0 throughout
  std::size_t mixtures = 0;         ///< decisions without an arm
};

void read_presets(const RunReader& reader, OneRun& run) {
  const Column* presets = column_of(reader, "console/presets");
  if (!presets || !reader.has("console/probability") || !reader.has("console/arm"))
    throw DataError("its policy has no arms (no dataset console/probability); expected one that draws presets with known probabilities, "
                    "such as boltzmann, epsilon_greedy or exp3");
  run.agents = presets->labels;
  const std::size_t k = presets->size;
  if (k == 0 || presets->value.empty() || presets->value.size() % k != 0) throw DataError("console/presets holds no arms: damaged?");
  for (std::size_t i = 0; i < presets->value.size(); i += k)
    run.presets.emplace_back(presets->value.begin() + static_cast<std::ptrdiff_t>(i), presets->value.begin() + static_cast<std::ptrdiff_t>(i + k));
}

/// Numbers by rows, [rows][size].
struct NumberRows {
  std::vector<double> values;
  std::size_t size = 1;
  std::span<const double> operator[](std::size_t i) const { return std::span(values).subspan(i * size, size); }
};

NumberRows rows_of(const RunReader& reader, std::size_t episode, const std::string& path) {
  const Column* column = column_of(reader, path);
  return {reader.read(episode, path), column ? column->size : 1};
}

/// Decisions of an episode in which an arm was drawn are put behind those of `run`.
class Appender {
 public:
  Appender(const RunReader& reader, const OpeOptions& options, OneRun& run) : reader_(reader), options_(options), run_(run) {}
  void episode(std::size_t e) {
    const std::vector<double> arm = reader_.read(e, "console/arm");
    const std::vector<double> reward = reader_.read(e, options_.reward.empty() ? "rewards" : "reward/" + options_.reward);
    const NumberRows probability = rows_of(reader_, e, "console/probability");
    const NumberRows seen = options_.observations ? rows_of(reader_, e, "observations") : NumberRows{};
    const std::size_t arms = run_.presets.size();
    if (probability.size != arms || reward.size() < arm.size()) throw DataError("arms, probabilities and rewards of unequal shapes: damaged?");
    for (std::size_t t = 0; t < arm.size(); ++t) {
      if (arm[t] < 0) {
        ++run_.mixtures;
        continue;
      }
      if (arm[t] >= static_cast<double>(arms)) throw DataError(fmt::format("arm {} of {}: damaged?", arm[t], arms));
      ope::Rounds& rounds = run_.rounds;
      rounds.run.push_back(0);
      rounds.episode.push_back(episodes_);
      rounds.arm.push_back(static_cast<std::size_t>(arm[t]));
      rounds.reward.push_back(reward[t]);
      probability_.insert(probability_.end(), probability[t].begin(), probability[t].end());
      if (options_.observations) seen_.insert(seen_.end(), seen[t].begin(), seen[t].end());
    }
    seen_size_ = options_.observations ? seen.size : 0;
    ++episodes_;
  }
  void finish() {
    ope::Rounds& rounds = run_.rounds;
    rounds.probability.resize(rounds.size(), run_.presets.size());
    std::ranges::copy(probability_, rounds.probability.view().flat().begin());
    if (seen_size_ == 0) return;
    rounds.seen.resize(rounds.size(), seen_size_);
    std::ranges::copy(seen_, rounds.seen.view().flat().begin());
  }

 private:
  const RunReader& reader_;
  const OpeOptions& options_;
  OneRun& run_;
  std::vector<double> probability_, seen_;
  std::size_t episodes_ = 0, seen_size_ = 0;
};

OneRun read_one(const RunReader& reader, const std::string& place, const OpeOptions& options) {
  OneRun run;
  run.place = place;
  run.cell = text(reader.root(), "cell");
  read_presets(reader, run);
  if (!options.reward.empty() && !reader.has("reward/" + options.reward))
    throw DataError(fmt::format("has no reward '{}'{}", options.reward, suggestion(options.reward, rewards_of(reader))));
  Appender appender(reader, options, run);
  for (std::size_t e = 0; e < reader.episodes(); ++e)
    if (text(reader.episode(e), "phase") != "evaluate") appender.episode(e);
  appender.finish();
  return run;
}

/// DataError where a run cannot be weighted, whatever the others are.
void require_weighable(const OneRun& run) {
  if (run.mixtures > 0)
    throw DataError(fmt::format("{} of {} decisions played a mixture of arms and drew none; expected play = \"one\"", run.mixtures,
                                run.mixtures + run.rounds.size()));
  if (run.rounds.size() == 0) throw DataError("no decision of a learning episode was kept; expected some: evaluation draws nothing");
  ope::require_known(run.rounds);
}

void append_rows(const Grid<double>& more, Grid<double>& to) {
  Grid<double> out(to.rows() + more.rows(), more.cols());
  std::ranges::copy(to.view().flat(), out.view().flat().begin());
  std::ranges::copy(more.view().flat(), out.view().flat().begin() + static_cast<std::ptrdiff_t>(to.view().flat().size()));
  to = std::move(out);
}

void append(const ope::Rounds& more, ope::Rounds& to) {
  const std::size_t run = to.runs(), episode = to.episodes();
  for (const std::size_t e : more.episode) to.run.push_back(run), to.episode.push_back(episode + e);
  to.arm.insert(to.arm.end(), more.arm.begin(), more.arm.end());
  to.reward.insert(to.reward.end(), more.reward.begin(), more.reward.end());
  append_rows(more.probability, to.probability);
  append_rows(more.seen, to.seen);
}

void add_run(const RunRecord& record, const OneRun& run, std::map<std::string, ArmsPlayed>& all) {
  const auto [at, first] = all.try_emplace(record.point);
  ArmsPlayed& played = at->second;
  if (first) {
    played = {.policy = record.policy, .point = record.point, .cell = run.cell, .agents = run.agents, .presets = run.presets};
    played.frequency.assign(run.presets.size(), 0.0);
  }
  if (played.presets != run.presets) throw DataError("its arms are not those of the other runs of its point; expected the same presets");
  for (const std::size_t arm : run.rounds.arm) ++played.frequency[arm];
  require_weighable(run);
  append(run.rounds, played.rounds);
  played.places.push_back(run.place);
}

}  // namespace

LoggedArms read_arms(const Collection& collection, const OpeOptions& options) {
  LoggedArms out;
  std::map<std::string, ArmsPlayed> all;
  std::set<std::string> rewards;
  bool reward_found = options.reward.empty();
  for (const RunRecord& record : collection.runs) try {
      const RunReader reader(collection.folder / record.place / "run.h5");
      for (const std::string& name : rewards_of(reader)) rewards.insert(name), reward_found |= name == options.reward;
      const Column* first = column_of(reader, "rewards");
      if (out.reward.empty() && first) out.reward = first->note.substr(0, first->note.find(','));
      add_run(record, read_one(reader, record.place, options), all);
    } catch (const DataError& error) {
      out.refused.push_back({record.place, record.point, error.what()});
    }
  if (!reward_found)
    throw ConfigError(fmt::format("no run has a reward '{}'{}", options.reward,
                                  suggestion(options.reward, std::vector(rewards.begin(), rewards.end()))));
  if (!options.reward.empty()) out.reward = options.reward;
  for (auto& [point, played] : all) {
    double total = 0;
    for (const double count : played.frequency) total += count;
    for (double& share : played.frequency) share = total > 0 ? share / total : 0;
    out.policies.push_back(std::move(played));
  }
  return out;
}

std::string arm_name(const ArmsPlayed& played, std::size_t arm) {
  const std::vector<double>& weights = played.presets[arm];
  const auto most = std::ranges::max_element(weights);
  if (*most - *std::ranges::min_element(weights) < 1e-9) return fmt::format("arm {} (all agents alike)", arm);
  std::string out;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] <= 0.5 * *most) continue;
    out += fmt::format("{}{} {:.2f}", out.empty() ? "" : ", ", k < played.agents.size() ? played.agents[k] : "?", weights[k]);
  }
  return fmt::format("arm {} ({})", arm, out);
}

}  // namespace fader
