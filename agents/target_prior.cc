// target_prior: which domains a target mixture has more of than the pool.
//
//   S(x) = ln( target[domain of x] / pool[domain of x] )                        shares of tokens
//
// target = "uniform": as much of every domain that the pool has; "natural": the pool's own mixture, all scores 0, so that picks
// are a random sample; "anchor": the mixture of the anchor set; "given": the shares of the options, divided by their sum. The uniform and
// the natural mixture are the baselines of online mixing (Jiang et al. 2024, "ADO", arXiv 2410.11820; Chen et al. 2024,
// "Aioli", arXiv 2411.05735). A domain that the target has nothing of scores just below the lowest.
// Status: checked against an oracle (tests/agents/target_prior_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "agents/static_agent.h"

namespace fader {
namespace {

struct TargetOptions final : Options {
  std::string target = "uniform";
  std::vector<std::string> domains;
  std::vector<double> shares;
  void fields(Fields& f) override {
    f("target", target, "the mixture: equal shares, the pool's own, that of the anchor set, or the shares given").one_of({"uniform", "natural", "anchor", "given"});
    f("domains", domains, "given: names of domains; those left out have no share");
    f("shares", shares, "given: of each of these; divided by their sum", 0.0, 1e9);
  }
  void validate() const override {
    if ((target == "given") != !domains.empty())
      throw ConfigError(target == "given" ? "domains is empty and target is 'given'; name the domains and their shares, or choose another target"
                                          : fmt::format("domains is given and target is '{}'; set target = \"given\", or leave it out", target));
    if (domains.size() != shares.size())
      throw ConfigError(fmt::format("shares has {} numbers for {} domains; expected one each", shares.size(), domains.size()));
    for (auto d = domains.begin(); d != domains.end(); ++d)
      if (std::find(domains.begin(), d, *d) != d) throw ConfigError(fmt::format("domains names '{}' twice; once is enough", *d));
    if (!shares.empty() && std::accumulate(shares.begin(), shares.end(), 0.0) <= 0) throw ConfigError("shares are all 0; expected one above it");
  }
};

/// Of each domain, adding up to one.
std::vector<double> token_shares(const Corpus& corpus, Set set) {
  std::vector<double> out(corpus.domains().size(), 0);
  double all = 0;
  for (const PassageId id : corpus.set(set)) {
    out[corpus.document(id).domain] += corpus.passages()[id].tokens;
    all += corpus.passages()[id].tokens;
  }
  for (double& share : out) share /= std::max(all, 1.0);
  return out;
}

std::vector<double> target_shares(const TargetOptions& options, const Corpus& corpus, const std::vector<double>& pool) {
  if (options.target == "natural") return pool;
  if (options.target == "anchor") return token_shares(corpus, Set::anchor);
  std::vector<double> out(pool.size(), 0);
  if (options.target == "uniform") {
    const double there = static_cast<double>(std::count_if(pool.begin(), pool.end(), [](double p) { return p > 0; }));
    for (std::size_t d = 0; d < out.size(); ++d) out[d] = pool[d] > 0 ? 1 / there : 0;
    return out;
  }
  const double all = std::accumulate(options.shares.begin(), options.shares.end(), 0.0);
  for (std::size_t i = 0; i < options.domains.size(); ++i) {
    const auto it = std::find(corpus.domains().begin(), corpus.domains().end(), options.domains[i]);
    if (it == corpus.domains().end())
      throw ConfigError(fmt::format("agent 'target_prior': the corpus has no domain '{}'{}", options.domains[i],
                                    suggestion(options.domains[i], corpus.domains())));
    out[static_cast<std::size_t>(it - corpus.domains().begin())] = options.shares[i] / all;
  }
  return out;
}

class TargetPrior final : public StaticAgent {
 public:
  TargetPrior(TargetOptions options, const AgentContext& context)
      : StaticAgent(static_column(*context.corpus, "target_prior", column_key("target_prior 1", options.list()), context.progress,
                                  [&](std::span<float> out) { return fill(options, *context.corpus, out); })) {}

 private:
  static Cost fill(const TargetOptions& options, const Corpus& corpus, std::span<float> out) {
    const std::vector<double> pool = token_shares(corpus, Set::pool), target = target_shares(options, corpus, pool);
    std::vector<float> score(pool.size());
    for (std::size_t d = 0; d < pool.size(); ++d)
      score[d] = pool[d] > 0 && target[d] > 0 ? static_cast<float>(std::log(target[d] / pool[d])) : std::nanf("");
    if (!rank_missing_last(score))
      throw ConfigError(options.target == "anchor" ? "agent 'target_prior': the anchor set has no text of a domain of the pool; raise corpus.anchor_share, "
                                                     "or choose another target"
                                                   : "agent 'target_prior': the pool has no text of the domains given; name others");
    for (std::size_t id = 0; id < out.size(); ++id) out[id] = score[corpus.document(static_cast<PassageId>(id)).domain];
    return {};
  }
};

REGISTER_AGENT("target_prior", TargetPrior, TargetOptions, "domains that a target mixture has more of than the pool", "checked against an oracle");

}  // namespace
}  // namespace fader
