// Does every registered agent keep the promises of agents/agent.h? Finds newcomers by itself. A kind that cannot be made with its
// defaults says so here: what it needs goes into needed().
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <ostream>
#include <set>

#include "agents/agent.h"
#include "env/registry.h"
#include "tests/agents/text_corpus.h"
#include "trainer/evaluation.h"

using namespace fader;

namespace {

/// An agent as it comes, or with one of its texts set to another value that is allowed: "quality", "quality source=fasttext".
struct Case {
  std::string kind, option, value;
  std::string text() const { return option.empty() ? kind : fmt::format("{} {}={}", kind, option, value); }
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.text(); }

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const std::string& kind : agents().names()) {
    out.push_back({kind, "", ""});
    const auto options = agents().at(kind).options();
    for (const Option& o : options->list())
      for (const std::string& value : o.allowed)
        if (std::holds_alternative<std::string*>(o.target) && value != *std::get<std::string*>(o.target)) out.push_back({kind, o.name, value});
  }
  return out;
}

/// Options without which it cannot be made, as they would stand in a file.
void needed(const Case& which, Options& options) {
  if (which.kind == "one_domain") set_option<std::string>(options, "domain", "domain1");
  if (which.kind == "stored") set_option<std::string>(options, "rating", "score");
  if (which.kind == "target_prior" && which.value == "given") {
    set_option<std::vector<std::string>>(options, "domains", {"domain0", "domain2"});
    set_option<std::vector<double>>(options, "shares", {1, 3});
  }
}

/// Agents that train language models of their own. As of every trainer, another number of threads may take sums in another order.
bool trains_models(const std::string& kind) {
  static const std::set<std::string> all = {};
  return all.contains(kind);
}

/// Small where there is a size to choose; and all that there is may be spent, so that every passage is scored.
void shrink(Options& options) {
  static const std::map<std::string, double> sizes = {{"buckets", 1000}, {"dimension", 4}, {"epochs", 1}, {"words", 8}, {"budget", 1e6},
                                                   {"small_budget", 1e6}, {"small_epochs", 1}};
  for (Option& o : options.list()) {
    const auto it = sizes.find(o.name);
    if (it == sizes.end()) continue;
    const double value = std::clamp(it->second, o.low, o.high);
    if (auto* const* whole = std::get_if<std::int64_t*>(&o.target)) **whole = static_cast<std::int64_t>(value);
    if (auto* const* real = std::get_if<double*>(&o.target)) **real = value;
  }
}

const std::vector<std::string>& odd_texts() {
  static const std::vector<std::string> all = {
      "", "x", std::string(1, '\0'), "\xFF", std::string("\0\x01\x02\xFE\xFF\0", 6), std::string(700, 'w'), "\xC3\x28\xE2\x82\xF0\x9F no UTF-8 \xED\xA0\x80",
      std::string(300, '\n'), "__fader__anchor __label__x", "\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82", "{\"a\": [1, 2, {}]} ...... # # #"};
  return all;
}

/// Everything that an agent may ask for: domains, topics, qualities, ratings, an anchor set, ordinary text and the odd texts.
std::shared_ptr<TextCorpus> make_corpus(const std::filesystem::path& folder) {
  auto corpus = std::make_shared<TextCorpus>(folder, 64);
  Rng rng(1, "test/agents");
  std::vector<float> ratings;
  const auto add = [&](const std::string& text, Set set, int i) {
    const bool odd = i % 7 == 3;
    corpus->add(text, set, static_cast<std::uint16_t>(i % 3), static_cast<std::int16_t>(i % 4 - 1), odd ? std::nanf("") : static_cast<float>(rng.normal()));
    ratings.push_back(odd ? std::nanf("") : static_cast<float>(rng.below(6)));
  };
  int i = 0;
  for (const std::string& text : odd_texts()) add(text, Set::pool, i++);
  for (; i < 48; ++i) add(babble(static_cast<std::uint64_t>(i), 60 + 5 * i, 30 + 40 * (i % 5)), Set::pool, i);
  for (; i < 80; ++i) add(babble(static_cast<std::uint64_t>(i), 50, 60), Set::anchor, i);
  for (const Set set : {Set::reward, Set::validation, Set::test})
    for (int k = 0; k < 6; ++k, ++i) add(babble(static_cast<std::uint64_t>(i), 40, 60), set, i);
  corpus->rate("score", ratings);
  corpus->rate("other", std::vector<float>(ratings.rbegin(), ratings.rend()));
  return corpus;
}

/// A corpus and what is trained on it.
struct Lab {
  Lab() : corpus(make_corpus(folder.path())) {
    model.vocabulary = corpus->vocabulary();
    model.context = corpus->context();
    model.width = 8;
    model.layers = 1;
    model.heads = 2;
    train.intervals = 40;  // long enough for the agents that train a small model with a share of it
    train.steps_per_interval = 1;
    train.batch = 2;
    train.precision = "float32";
    const auto pool = corpus->set(Set::pool);
    for (std::size_t at = 0; at < pool.size(); at += at < 30 ? 1 : 11) sample.push_back(pool[at]);  // all of the odd ones
  }
  std::unique_ptr<Agent> make(const Case& which, int slots = 1, int threads = 1) const {
    static NoProgress quiet;
    const auto options = agents().at(which.kind).options();
    if (!which.option.empty()) set_option(*options, which.option, which.value);
    needed(which, *options);
    shrink(*options);
    options->validate();
    Machine machine;
    machine.threads = threads;
    return agents().at(which.kind).make(*options, AgentContext{corpus, slots, quiet, model, train, machine});
  }
  ScratchFolder folder;
  std::shared_ptr<TextCorpus> corpus;
  ModelOptions model;
  TrainOptions train;
  std::vector<PassageId> sample;
};
const Lab& shared_lab() {
  static const Lab lab;
  return lab;
}

using Scores = std::vector<std::vector<float>>;  // [slot][passage]

bool finite(const Scores& scores) {
  return std::ranges::all_of(scores, [](const auto& row) { return std::ranges::all_of(row, [](float s) { return std::isfinite(s); }); });
}

/// An agent among models that are trained: what an environment does with it, in slots 0, 1, ..., one for each seed.
class Game {
 public:
  Game(const Lab& lab, const Case& which, std::vector<std::uint64_t> seeds, int threads = 1)
      : lab_(lab), which_(which), seeds_(std::move(seeds)), slots_(seeds_.size()), agent_(lab.make(which, size(), threads)),
        trainer_(make_trainer(lab.model, lab.train, lab.corpus, size(), {1})) {
    std::iota(slots_.begin(), slots_.end(), 0);
    begin();
  }
  void begin() {
    interval_ = 0;
    streams_.clear();
    for (const std::uint64_t seed : seeds_) streams_.emplace_back(seed, "test/probes");
    trainer_->reset(slots_, seeds_);
    agent_->begin(slots_, seeds_);
  }
  Scores interval() {
    train();
    tell();
    return score(lab_.sample);
  }
  Scores score(std::span<const PassageId> ids) {
    Scores out(slots_.size(), std::vector<float>(ids.size(), std::nanf("")));
    std::vector<ScoreJob> jobs;
    for (std::size_t i = 0; i < slots_.size(); ++i) jobs.push_back({slots_[i], ids, out[i], {}});
    agent_->score(jobs, *trainer_);
    for (const ScoreJob& job : jobs) REQUIRE((job.cost.tokens >= 0 && job.cost.flops >= 0));
    return out;
  }
  /// What was trained on last, and what the agent asks to probe.
  void tell() {
    std::vector<TrainedOn> trained;
    for (std::size_t i = 0; i < slots_.size(); ++i) trained.push_back({slots_[i], ids_[i], losses_[i]});
    agent_->trained(trained);
    std::vector<std::vector<ProbeGroup>> wanted(slots_.size());
    agent_->probes(slots_, streams_, wanted);
    std::vector<std::vector<Probe>> probes(slots_.size());
    std::vector<std::span<const Probe>> measured;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      for (const ProbeGroup& group : wanted[i]) {
        REQUIRE_FALSE(group.empty());
        for (const PassageId id : group) REQUIRE(lab_.corpus->document(id).set == Set::pool);
        probes[i].push_back({.slot = slots_[i], .passages = group});
      }
      if (!probes[i].empty()) trainer_->influence(probes[i]);
      measured.push_back(probes[i]);
    }
    std::vector<double> own(slots_.size(), 0);
    agent_->feedback(slots_, measured, own);
    for (const int slot : slots_)
      for (const double value : agent_->category_values(slot).values) REQUIRE(std::isfinite(value));
  }
  /// Every slot's state goes to a fresh agent, which takes the place of this one.
  void replace_agent(bool slot_by_slot) {
    auto fresh = lab_.make(which_, size());
    for (int slot = slot_by_slot ? 0 : -1; slot < (slot_by_slot ? size() : 0); ++slot) {
      const auto visit = [&](Agent& agent, Archive& archive) { slot < 0 ? agent.state(archive) : agent.slot_state(archive, slot); };
      Archive saved;
      visit(*agent_, saved);
      Archive loading(saved.bytes());
      visit(*fresh, loading);
      loading.finish();
    }
    agent_ = std::move(fresh);
  }
  Agent& agent() { return *agent_; }
  /// Another agent plays, and this one waits there.
  void lend(std::unique_ptr<Agent>& other) { agent_.swap(other); }

 private:
  int size() const { return static_cast<int>(seeds_.size()); }

  /// A step on passages that depend on seed and interval alone, then the gradient of the reward set.
  void train() {
    const auto pool = lab_.corpus->set(Set::pool);
    ids_.assign(slots_.size(), {});
    losses_.assign(slots_.size(), {});
    std::vector<TrainJob> jobs(slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Rng rng(seeds_[i], "test/interval/" + std::to_string(interval_));
      for (std::int64_t left = trainer_->demand(slots_[i], 1); left > 0; left -= lab_.corpus->passages()[ids_[i].back()].tokens)
        ids_[i].push_back(pool[rng.below(pool.size())]);
      losses_[i].resize(ids_[i].size());
      jobs[i].slot = slots_[i];
      jobs[i].passages = ids_[i];
      jobs[i].loss = losses_[i];
    }
    trainer_->train(jobs, 1);
    const auto items = evaluation_items(*lab_.corpus, Set::reward, true, 6);
    const std::vector<float> weights = token_weights(*lab_.corpus, items);
    std::vector<std::vector<float>> losses(slots_.size(), std::vector<float>(items.size()));
    std::vector<LossJob> reference(slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      reference[i].slot = slots_[i];
      reference[i].passages = items;
      reference[i].weight = weights;
      reference[i].loss = losses[i];
    }
    trainer_->set_reference(reference);
    ++interval_;
  }

  const Lab& lab_;
  const Case which_;
  const std::vector<std::uint64_t> seeds_;
  std::vector<int> slots_;
  std::unique_ptr<Agent> agent_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<Rng> streams_;
  std::vector<std::vector<PassageId>> ids_;
  std::vector<std::vector<float>> losses_;
  std::uint64_t interval_ = 0;
};

std::vector<Scores> play(Game& game, int intervals) {
  std::vector<Scores> out;
  for (int t = 0; t < intervals; ++t) out.push_back(game.interval());
  return out;
}

}  // namespace

TEST_CASE("an agent describes itself, and every option", "[contract]") {
  const auto kind = GENERATE(from_range(agents().names()));
  CAPTURE(kind);
  const auto& entry = agents().at(kind);
  CHECK(entry.summary.size() > 10);
  CHECK_FALSE(entry.status.empty());
  const auto options = entry.options();
  std::set<std::string> names;
  for (const Option& o : options->list()) {
    CAPTURE(o.name);
    CHECK(names.insert(o.name).second);
    CHECK(o.help.size() > 5);
    CHECK(o.problem().empty());
    CHECK(o.name != "kind");  // keys of the agent's table in the file
    CHECK(o.name != "name");
  }
  CHECK_NOTHROW(options->validate());
}

TEST_CASE("an agent scores any text, first and later", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  CAPTURE(which);
  Game game(shared_lab(), which, {3});
  CHECK(finite(game.score(shared_lab().sample)));
  CHECK(finite(game.score(shared_lab().corpus->set(Set::pool))));
  CHECK(finite(game.score({})));
  for (int t = 0; t < 3; ++t) CHECK(finite(game.interval()));
  if (const auto not_mine = game.agent().not_mine()) CHECK(std::isfinite(*not_mine));
  CHECK(game.agent().static_cost().flops >= 0);
}

TEST_CASE("an agent is the same made again, from columns or anew, and by any number of threads", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  CAPTURE(which);
  Game game(shared_lab(), which, {3});
  const auto first = play(game, 3);
  Game again(shared_lab(), which, {3});
  CHECK(play(again, 3) == first);
  again.begin();  // a new episode has forgotten
  CHECK(play(again, 3) == first);
  for (const int threads : {1, 3}) {
    if (threads > 1 && trains_models(which.kind)) continue;
    const Lab lab;  // without columns
    Game anew(lab, which, {3}, threads);
    CHECK(play(anew, 3) == first);
  }
}

TEST_CASE("a score does not depend on which passages are scored beside it, or how often", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  if (which.value == "middle") return;  // of the passages at hand, by its definition
  CAPTURE(which);
  Game game(shared_lab(), which, {5});
  const auto first = play(game, 3).back()[0];  // those that compare with earlier models have one by then
  const auto& ids = shared_lab().sample;
  const auto whole = game.score(ids)[0];
  CHECK(whole == first);
  CHECK(game.score(ids)[0] == whole);
  for (std::size_t i = 0; i < ids.size(); i += 5)  // one without text may have the mean of those beside it
    if (shared_lab().corpus->passages()[ids[i]].bytes > 0) CHECK(game.score({&ids[i], 1})[0][0] == whole[i]);
  std::vector<PassageId> turned(ids.rbegin(), ids.rend());
  turned.insert(turned.end(), ids.begin(), ids.end());
  auto expected = std::vector<float>(whole.rbegin(), whole.rend());
  expected.insert(expected.end(), whole.begin(), whole.end());
  CHECK(game.score(turned)[0] == expected);
}

TEST_CASE("an agent that is saved and loaded goes on as if nothing had happened", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  const bool slot_by_slot = GENERATE(false, true);
  CAPTURE(which, slot_by_slot);
  Game game(shared_lab(), which, {3, 8}), moved(shared_lab(), which, {3, 8});
  const auto first = play(game, 2);
  CHECK(play(moved, 2) == first);
  moved.replace_agent(slot_by_slot);
  CHECK(moved.score(shared_lab().sample) == game.score(shared_lab().sample));
  CHECK(play(moved, 2) == play(game, 2));
}

TEST_CASE("every slot is what it would be alone", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  CAPTURE(which);
  Game many(shared_lab(), which, {3, 8, 3});
  const auto together = play(many, 3);
  for (std::size_t slot = 0; slot < 3; ++slot) {
    CAPTURE(slot);
    Game alone(shared_lab(), which, {slot == 1 ? 8u : 3u});
    const auto scores = play(alone, 3);
    for (std::size_t t = 0; t < scores.size(); ++t) CHECK(scores[t][0] == together[t][slot]);
  }
}

TEST_CASE("an agent's state with odd numbers anywhere in it is refused, or can be gone on from", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  CAPTURE(which);
  Game game(shared_lab(), which, {3});
  play(game, 2);
  Archive saved;
  game.agent().state(saved);
  const std::string& whole = saved.bytes();
  Rng rng(1, "test/odd");
  const std::size_t places = std::min<std::size_t>(whole.size(), 150);
  for (const double odd : {std::nan(""), -1.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::max()})
    for (std::size_t place = 0; place < places; ++place) {
      const std::size_t at = places < whole.size() ? rng.below(whole.size()) : place;
      std::string bytes = whole;
      std::memcpy(bytes.data() + at, &odd, std::min(sizeof odd, whole.size() - at));
      auto agent = shared_lab().make(which);
      try {
        Archive loading(bytes);
        agent->state(loading);
        loading.finish();
      } catch (const DataError&) {
        continue;
      }
      game.lend(agent);  // gone on from, in the place of the other
      CHECK(finite(game.score(shared_lab().sample)));
      game.tell();
      CHECK(finite(game.score(shared_lab().sample)));
      game.lend(agent);
    }
  for (const std::size_t length : {whole.size() / 2, whole.empty() ? 0 : whole.size() - 1}) {
    if (length >= whole.size()) continue;
    auto agent = shared_lab().make(which);
    Archive loading(whole.substr(0, length));
    CHECK_THROWS_AS(agent->state(loading), DataError);
  }
}

TEST_CASE("agents that are duplicates of one another score alike, and an environment takes them", "[contract]") {
  const auto which = GENERATE(from_range(cases()));
  CAPTURE(which);
  const Lab& lab = shared_lab();
  EnvContext context;
  auto parts = std::make_shared<Pretraining>();
  context.pretraining = parts;
  parts->model = lab.model;
  parts->train = lab.train;
  parts->train.intervals = 3;
  parts->corpus = lab.corpus;
  parts->trainer = make_trainer(parts->model, parts->train, lab.corpus, 1, {1});
  for (const char* name : {"a", "b", "c"}) {
    parts->agents.push_back(lab.make(which));
    parts->agent_names.emplace_back(name);
  }
  const auto options = environments().at("pretrain-v0").options();
  set_option<std::int64_t>(*options, "reference_passages", 8);
  set_option<std::int64_t>(*options, "evaluation_passages", 8);
  set_option<std::int64_t>(*options, "domain_passages", 2);
  const auto env = environments().at("pretrain-v0").make(*options, context);
  Outcome out;
  out.fit(env->spec(), 1);
  const int slot[] = {0};
  const std::uint64_t seed[] = {4};
  env->reset(slot, seed, out);
  const auto scores_now = [&] {
    Scores scores(3, std::vector<float>(lab.sample.size()));
    for (std::size_t a = 0; a < 3; ++a) {
      ScoreJob job{0, lab.sample, scores[a], {}};
      parts->agents[a]->score({&job, 1}, *parts->trainer);
    }
    return scores;
  };
  const Scores begun = scores_now();  // what they probe later is theirs
  CHECK(begun[0] == begun[1]);
  CHECK(begun[0] == begun[2]);
  std::vector<double> weights = {0.5, 0.25, 0.25};
  for (int t = 0; t < 3; ++t) {
    out.fit(env->spec(), 1);
    env->step(slot, {weights.data(), 1, 3}, out);
    CHECK(out.failed[0] == 0);
    for (const double x : out.observation[0]) CHECK(std::isfinite(x));
    CHECK(finite(scores_now()));
  }
  CHECK(out.end[0] == End::terminated);
}
