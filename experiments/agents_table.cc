#include "experiments/agents_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "agents/static_agent.h"
#include "core/error.h"
#include "core/rank_correlation.h"
#include "experiments/run.h"
#include "trainer/evaluation.h"

namespace fader {
namespace {

const int kSlot[] = {0};
constexpr std::size_t kReferencePassages = 64;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(); }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// Of the pool.
std::vector<PassageId> with_text(const Corpus& corpus) {
  std::vector<PassageId> ids;
  for (const PassageId id : corpus.set(Set::pool))
    if (corpus.passages()[id].bytes > 0) ids.push_back(id);
  return ids;
}

/// At most `cases` passages of the pool with text, by chance, in the order of the corpus.
std::vector<PassageId> sample_of(const Corpus& corpus, std::size_t cases, std::uint64_t seed) {
  std::vector<PassageId> ids = with_text(corpus);
  Rng(seed, "tool/agents").shuffle(std::span<PassageId>(ids));
  ids.resize(std::min(ids.size(), cases));
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// An agent among the things that a run would have around it.
class Bench {
 public:
  Bench(const Point& point, std::int64_t seed, std::shared_ptr<const Corpus> corpus, std::vector<PassageId> sample, Progress& progress)
      : point_(point), seed_(static_cast<std::uint64_t>(seed)), corpus_(std::move(corpus)), sample_(std::move(sample)),
        machine_{static_cast<int>(point.run.threads), point.run.pinned, point.run.device, nullptr},
        context_{corpus_, 1, progress, point.model, point.train, machine_},
        trainer_(make_trainer(point.model, point.train, corpus_, 1, machine_)) {
    trainer_->reset(kSlot, {&seed_, 1});
  }

  /// Trains the model that the agents are to meet.
  void train(std::int64_t steps) {
    TrainJob job;
    const std::vector<PassageId> pool = with_text(*corpus_);
    Rng stream(seed_, "tool/agents/train");
    std::vector<PassageId> ids;
    for (std::int64_t left = trainer_->demand(0, steps); left > 0; left -= corpus_->passages()[ids.back()].tokens)
      ids.push_back(pool[stream.below(pool.size())]);
    std::vector<float> losses(ids.size());
    job.passages = ids;
    job.loss = losses;
    if (steps > 0) trainer_->train({&job, 1}, steps);
    Archive archive;
    trainer_->slot_state(archive, 0);
    model_ = archive.bytes();
  }

  /// `scores`: of the sample, after the interval. Needs train().
  AgentRow measure(const Chosen& chosen, std::vector<float>& scores) {
    AgentRow row;
    row.name = chosen.name;
    row.kind = chosen.kind;
    const Stopwatch making;
    const auto agent = make(chosen);
    row.make_seconds = making.seconds();
    if (const auto* fixed = dynamic_cast<const StaticAgent*>(agent.get())) measure_column(chosen, fixed->column(), row);
    Archive archive(model_);
    trainer_->slot_state(archive, 0);
    if (agent->wants_reference_gradient()) set_reference();
    agent->begin(kSlot, {&seed_, 1});
    const Stopwatch scoring;
    const Cost cost = score(*agent, scores);
    const double thousands = static_cast<double>(sample_.size()) / 1000;
    row.score_seconds = scoring.seconds() / thousands;
    row.score_flops = cost.flops / thousands;
    const std::vector<float> before = scores;
    play_interval(*agent, row);
    score(*agent, scores);
    row.dynamic = scores != before || row.probes > 0 || cost.flops > 0;
    const auto [lowest, highest] = std::minmax_element(scores.begin(), scores.end());
    row.lowest = static_cast<double>(*lowest);
    row.highest = static_cast<double>(*highest);
    row.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
    return row;
  }

 private:
  std::unique_ptr<Agent> make(const Chosen& chosen) const { return agents().at(chosen.kind).make(*chosen.options, context_); }

  void measure_column(const Chosen& chosen, const StaticColumn& column, AgentRow& row) const {
    const double thousands = static_cast<double>(corpus_->set(Set::pool).size()) / 1000;
    row.column_seconds = column.seconds / thousands;
    row.column_flops = column.cost.flops / thousands;
    const Stopwatch reading;
    make(chosen);
    row.read_seconds = reading.seconds() / thousands;
  }

  Cost score(Agent& agent, std::vector<float>& scores) {
    scores.resize(sample_.size());
    ScoreJob job{0, sample_, scores, {}};
    agent.score({&job, 1}, *trainer_);
    for (const float s : scores)
      if (!std::isfinite(s)) throw RunError("an agent gave a score that is not finite");
    return job.cost;
  }

  void play_interval(Agent& agent, AgentRow& row) {
    TrainJob job;
    std::vector<PassageId> ids;
    for (std::int64_t left = trainer_->demand(0, 1); left > 0; left -= corpus_->passages()[ids.back()].tokens)
      ids.push_back(sample_[ids.size() % sample_.size()]);
    std::vector<float> losses(ids.size());
    job.passages = ids;
    job.loss = losses;
    trainer_->train({&job, 1}, 1);
    const TrainedOn trained{0, ids, losses};
    agent.trained({&trained, 1});

    Rng stream(seed_, "tool/agents/probes");
    std::vector<ProbeGroup> wanted;
    agent.probes(kSlot, {&stream, 1}, {&wanted, 1});
    if (!wanted.empty()) set_reference();
    std::vector<Probe> probes;
    for (const ProbeGroup& group : wanted) {
      probes.push_back({.slot = 0, .passages = group});
      row.probe_passages += static_cast<std::int64_t>(group.size());
    }
    row.probes = static_cast<std::int64_t>(probes.size());
    const Stopwatch probing;
    if (!probes.empty()) trainer_->influence(probes);
    row.probe_seconds = probes.empty() ? 0 : probing.seconds();
    for (const Probe& p : probes) row.probe_flops += p.cost.flops;
    const std::span<const Probe> measured(probes);
    double own = 0;
    agent.feedback(kSlot, {&measured, 1}, {&own, 1});
  }

  void set_reference() {
    const auto items = evaluation_items(*corpus_, Set::reward, true, kReferencePassages);
    const std::vector<float> weights = token_weights(*corpus_, items);
    std::vector<float> losses(items.size());
    LossJob job{.slot = 0, .passages = items, .loss = losses, .weight = weights, .cost = {}};
    trainer_->set_reference({&job, 1});
  }

  const Point& point_;
  const std::uint64_t seed_;
  const std::shared_ptr<const Corpus> corpus_;
  const std::vector<PassageId> sample_;
  std::string model_;  // the trainer's state that every agent meets
  const Machine machine_;
  const AgentContext context_;
  const std::unique_ptr<Trainer> trainer_;
};

std::string number(const std::optional<double>& x) { return x ? fmt::format("{:.6g}", *x) : "NaN"; }
std::string short_number(const std::optional<double>& x) { return x ? fmt::format("{:.3g}", *x) : "-"; }

/// Rows of cells, aligned: the first column to the left, others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width(rows.at(0).size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], width[c]);
    out += line + "\n";
  }
  return out;
}

}  // namespace

AgentsTable measure_agents(const Point& point, std::int64_t seed, const AgentsTableOptions& options, const std::filesystem::path& cache,
                           Progress& progress) {
  if (point.agents.empty())
    throw ConfigError(fmt::format("environment '{}' has no agents of its own to measure; name an experiment that trains", point.env.kind));
  const std::int64_t whole = point.train.intervals * point.train.steps_per_interval;
  AgentsTable out;
  out.steps = options.steps.value_or(std::min(point.train.steps_per_interval, whole - 1));
  if (out.steps < 0 || out.steps >= whole)
    throw ConfigError(fmt::format("the agents are to meet a model of {} steps; expected 0 to {}, one less than a run has", out.steps, whole - 1));
  const auto corpus = corpus_of(point, cache, progress);
  out.pool = corpus->set(Set::pool).size();
  out.corpus = corpus->hash();
  auto sample = sample_of(*corpus, options.cases, static_cast<std::uint64_t>(seed));
  FADER_CHECK(!sample.empty(), "a corpus without a pool");
  out.sample = sample.size();
  Bench bench(point, seed, corpus, std::move(sample), progress);
  progress.update("train the model", 0, static_cast<double>(out.steps), "steps");
  bench.train(out.steps);
  std::vector<std::vector<double>> scores;
  for (std::size_t a = 0; a < point.agents.size(); ++a) {
    progress.update("measure agents", static_cast<double>(a), static_cast<double>(point.agents.size()), "agents");
    std::vector<float> found;
    out.agents.push_back(bench.measure(point.agents[a], found));
    scores.emplace_back(found.begin(), found.end());
  }
  out.agreement.resize(scores.size(), scores.size());
  for (std::size_t a = 0; a < scores.size(); ++a)
    for (std::size_t b = 0; b < scores.size(); ++b) out.agreement[a][b] = spearman(scores[a], scores[b]);
  return out;
}

std::string agents_tsv(const AgentsTable& table) {
  std::string out = fmt::format("# corpus {}, pool of {} passages, sample of {}, model of {} steps; seconds and FLOPs of columns and scores are per thousand "
                                "passages\n", table.corpus.substr(0, 16), table.pool, table.sample, table.steps);
  out += "agent\tkind\tscores\tcolumn_seconds\tcolumn_flops\tread_seconds\tmake_seconds\tscore_seconds\tscore_flops\tprobes\tprobe_passages\t"
         "probe_seconds\tprobe_flops\tlowest\tmean\thighest\n";
  for (const AgentRow& r : table.agents)
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{:.6g}\t{:.6g}\t{:.6g}\t{}\t{}\t{:.6g}\t{:.6g}\t{:.9g}\t{:.9g}\t{:.9g}\n", r.name, r.kind,
                       r.dynamic ? "dynamic" : "static", number(r.column_seconds), number(r.column_flops), number(r.read_seconds), r.make_seconds,
                       r.score_seconds, r.score_flops, r.probes, r.probe_passages, r.probe_seconds, r.probe_flops, r.lowest, r.mean, r.highest);
  return out;
}

std::string agreement_tsv(const AgentsTable& table) {
  std::string out = fmt::format("# Spearman's rank correlation of scores, {} of {} passages of the pool, model of {} steps; corpus {}\n", table.sample,
                                table.pool, table.steps, table.corpus.substr(0, 16));
  out += "row\tagent\tcolumn\tother\tcorrelation\n";
  for (std::size_t a = 0; a < table.agents.size(); ++a)
    for (std::size_t b = 0; b < table.agents.size(); ++b) {
      const double x = table.agreement[a][b];
      const std::string shown = std::isnan(x) ? "NaN" : fmt::format("{:.4f}", x);
      out += fmt::format("{}\t{}\t{}\t{}\t{}\n", a + 1, table.agents[a].name, b + 1, table.agents[b].name, shown);
    }
  return out;
}

std::string agents_text(const AgentsTable& table) {
  std::vector<std::vector<std::string>> costs = {
      {"agent", "kind", "scores", "column s", "FLOPs", "read s", "score s", "FLOPs", "probes", "passages", "probe s", "FLOPs"}};
  for (const AgentRow& r : table.agents)
    costs.push_back({r.name, r.kind, r.dynamic ? "dynamic" : "static", short_number(r.column_seconds), short_number(r.column_flops),
                     short_number(r.read_seconds), short_number(r.score_seconds), short_number(r.score_flops), fmt::format("{}", r.probes),
                     fmt::format("{}", r.probe_passages), short_number(r.probe_seconds), short_number(r.probe_flops)});
  std::vector<std::vector<std::string>> agreement = {{"agent"}};
  for (std::size_t a = 0; a < table.agents.size(); ++a) agreement[0].push_back(fmt::format("{}", a + 1));
  for (std::size_t a = 0; a < table.agents.size(); ++a) {
    agreement.push_back({fmt::format("{} {}", a + 1, table.agents[a].name)});
    for (const double x : table.agreement[a]) agreement.back().push_back(std::isnan(x) ? "-" : fmt::format("{:.2f}", x));
  }
  return fmt::format("Columns and scores: per thousand passages (a column of {} passages, scores of {} by a model of {} steps); probes: of an interval.\n\n{}\n"
                     "Rank correlations over {} passages of the pool; -: all scores are equal.\n\n{}",
                     table.pool, table.sample, table.steps, aligned(costs), table.sample, aligned(agreement));
}

}  // namespace fader
