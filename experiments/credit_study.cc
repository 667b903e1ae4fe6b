#include "experiments/credit_study.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "env/reward.h"
#include "experiments/run.h"
#include "store/credit_table.h"

namespace fader {
namespace {

/// The rows that are known, and their file.
class Book {
 public:
  Book(std::filesystem::path file, const std::string& study) : file_(std::move(file)), table_{study, {}} {
    if (!std::filesystem::exists(file_)) return;
    table_ = read_credit_table(file_);
    if (table_.study != study) throw ConfigError(fmt::format("{} holds another study; choose another --out, or remove it", file_.string()));
  }

  bool has(const std::string& point, std::int64_t interval, const std::string& kind, const std::string& agent) const {
    return std::ranges::any_of(table_.rows, [&](const CreditRow& r) { return r.point == point && r.interval == interval && r.kind == kind && r.agent == agent; });
  }
  void add(const std::vector<CreditRow>& rows) {
    table_.rows.insert(table_.rows.end(), rows.begin(), rows.end());
    write_credit_table(table_, file_);
  }

 private:
  const std::filesystem::path file_;
  CreditTable table_;
};

/// A copy whose episodes are the same without credit, which costs more than they do.
Point without_credit(Point point) {
  const std::shared_ptr<Options> plain = environments().at(point.env.kind).options();
  const std::vector<Option> from = point.env.options->list(), to = plain->list();
  for (std::size_t i = 0; i < from.size(); ++i)
    std::visit([&](auto* target) { if (to[i].name != "credit") *target = *std::get<decltype(target)>(from[i].target); }, to[i].target);
  point.env.options = plain;
  return point;
}

/// All seeds of one point, a slot each.
class Scene {
 public:
  Scene(Point point, std::shared_ptr<const Corpus> corpus, Progress& progress) : point_(std::move(point)), seeds_(point_.run.seeds) {
    point_.run.members = point_.run.episodes = static_cast<std::int64_t>(seeds_.size());
    cohort_ = assemble(point_, seeds_[0], std::move(corpus), progress);
    for (std::size_t i = 0; i < seeds_.size(); ++i) slots_.push_back(static_cast<int>(i));
  }
  const EnvSpec& spec() const { return cohort_.env->spec(); }
  std::span<const std::int64_t> seeds() const { return seeds_; }

  void reset() {
    std::vector<std::uint64_t> seeds(seeds_.begin(), seeds_.end());
    out_.fit(spec(), slots_.size());
    cohort_.env->reset(slots_, seeds, out_);
  }
  /// `agent` alone picks; -1: all have equal weight.
  const Outcome& step(std::ptrdiff_t agent = -1) {
    const std::size_t k = spec().agents.size();
    Grid<double> weights(slots_.size(), k, agent < 0 ? 1 / static_cast<double>(k) : 0);
    for (std::size_t i = 0; agent >= 0 && i < slots_.size(); ++i) weights[i][static_cast<std::size_t>(agent)] = 1;
    out_.fit(spec(), slots_.size());
    cohort_.env->step(slots_, std::as_const(weights).view(), out_);
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (out_.failed[i]) throw RunError(fmt::format("{}, seed {}: training diverged; lower train.learning_rate", point_.slug, seeds_[i]));
    return out_;
  }
  std::vector<std::string> save() {
    std::vector<std::string> states;
    for (const int slot : slots_) {
      Archive archive;
      cohort_.env->slot_state(archive, slot);
      states.push_back(archive.bytes());
    }
    return states;
  }
  void load(const std::vector<std::string>& states) {
    for (const int slot : slots_) {
      Archive archive(states[static_cast<std::size_t>(slot)]);
      cohort_.env->slot_state(archive, slot);
    }
  }
  /// A row for each seed, of `value(i)`.
  template <class Value>
  std::vector<CreditRow> rows(std::int64_t interval, const std::string& kind, const std::string& agent, const Value& value) const {
    std::vector<CreditRow> out;
    for (std::size_t i = 0; i < seeds_.size(); ++i) {
      const Estimate e = value(i);
      out.push_back({point_.slug, interval, kind, agent, seeds_[i], e.value, e.standard_error});
    }
    return out;
  }
  const std::string& slug() const { return point_.slug; }

 private:
  Point point_;
  const std::vector<std::int64_t> seeds_;
  Cohort cohort_;
  std::vector<int> slots_;
  Outcome out_;
};

std::size_t offset_of(const std::vector<Series>& list, const std::string& path) {
  const auto it = std::ranges::find(list, path, &Series::path);
  FADER_CHECK(it != list.end(), "the environment has no {}", path);
  return it->offset;
}

/// What comes of agent a's interval, from `states` on.
void tell_on(Scene& scene, const std::vector<std::string>& states, std::int64_t interval, std::size_t a, bool episodes, Book& book) {
  const std::string& agent = scene.spec().agents[a];
  const bool first = !book.has(scene.slug(), interval, "interval", agent);
  const bool last = episodes && !book.has(scene.slug(), interval, "episode", agent);
  if (!first && !last) return;
  scene.load(states);
  const Outcome* out = &scene.step(static_cast<std::ptrdiff_t>(a));
  if (first) book.add(scene.rows(interval, "interval", agent, [&](std::size_t i) { return Estimate{out->reward[i][0], out->reward_se[i][0]}; }));
  if (!last) return;
  for (std::int64_t t = interval + 1; t < scene.spec().horizon; ++t) out = &scene.step();
  const std::size_t loss = offset_of(scene.spec().finals, "final/loss_reference");
  book.add(scene.rows(interval, "episode", agent, [&](std::size_t i) { return Estimate{-out->finals[i][loss], std::nan("")}; }));
}

/// Of the interval just played.
void note_credit(const Scene& scene, const Outcome& out, std::int64_t interval, Book& book) {
  const std::size_t k = scene.spec().agents.size();
  std::vector<CreditRow> rows;
  for (std::size_t c = 0; c < scene.spec().credits.size(); ++c)
    for (std::size_t a = 0; a < k; ++a) {
      if (book.has(scene.slug(), interval, scene.spec().credits[c], scene.spec().agents[a])) continue;
      const auto found = scene.rows(interval, scene.spec().credits[c], scene.spec().agents[a],
                                    [&](std::size_t i) { return Estimate{out.credit[i][c * k + a], out.credit_se[i][c * k + a]}; });
      rows.insert(rows.end(), found.begin(), found.end());
    }
  if (!rows.empty()) book.add(rows);
}

void play_point(const Point& point, const CreditStudyOptions& options, Book& book, Progress& progress) {
  if (!point.trains())
    throw ConfigError(fmt::format("{}: a study of credit needs an environment that trains, and {} does not", point.slug, point.env.kind));
  const auto corpus = corpus_of(point, options.cache, progress);
  Scene scene(without_credit(point), corpus, progress);
  const std::int64_t horizon = scene.spec().horizon;
  if (horizon < 2 || scene.spec().agents.size() < 3 || scene.seeds().size() < 2)
    throw ConfigError(fmt::format("{}: a study of credit takes two intervals, three agents and two seeds at least; found {}, {} and {}", point.slug,
                                  horizon, scene.spec().agents.size(), scene.seeds().size()));
  std::vector<std::int64_t> places;
  for (std::int64_t p = 1; p <= options.places; ++p) places.push_back(p * horizon / (options.places + 1));
  const auto here = [&](std::int64_t t) { return std::ranges::find(places, t) != places.end(); };
  scene.reset();
  for (std::int64_t t = 0; t <= places.back(); ++t) {
    if (here(t)) {
      const std::vector<std::string> states = scene.save();
      for (std::size_t a = 0; a < scene.spec().agents.size(); ++a) {
        progress.update(fmt::format("{}, interval {}: agents that pick alone", point.slug, t), static_cast<double>(a),
                        static_cast<double>(scene.spec().agents.size()), "agents");
        tell_on(scene, states, t, a, options.episodes, book);
      }
      scene.load(states);
    }
    scene.step();
  }
  Scene measured(point, corpus, progress);
  measured.reset();
  for (std::int64_t t = 0; t <= places.back(); ++t) {
    progress.update(fmt::format("{}: credit", point.slug), static_cast<double>(t), static_cast<double>(places.back() + 1), "intervals");
    const Outcome& out = measured.step();
    if (here(t)) note_credit(measured, out, t, book);
  }
}

std::string study_hash(const Experiment& experiment, const CreditStudyOptions& options) {
  std::string all = fmt::format("{} {}", options.places, options.episodes);
  for (const Point& point : experiment.points) all += fmt::format(" {} {} {}", point.slug, point.hash, fmt::join(point.run.seeds, ","));
  return sha256(all).substr(0, 16);
}

}  // namespace

void play_credit_study(const Experiment& experiment, const CreditStudyOptions& options, const std::filesystem::path& file, Progress& progress) {
  Book book(file, study_hash(experiment, options));
  for (const Point& point : experiment.points) play_point(point, options, book, progress);
}

}  // namespace fader
