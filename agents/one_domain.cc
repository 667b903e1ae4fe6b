// one_domain: one for the passages of its domain, zero for all others. An agent for each domain makes the console a mixing law:
// with env.selection = "mixture_of_picks" its weights are the shares of the domains, as long as the candidates hold enough of each.
// Status: checked exactly (tests/agents/one_domain_test.cc).
#include <algorithm>
#include <vector>

#include "agents/agent.h"

namespace fader {
namespace {

struct OneDomainOptions final : Options {
  std::string domain;
  void fields(Fields& f) override { f("domain", domain, "name of the domain that it speaks for"); }
};

std::size_t index_of(const std::string& name, const std::vector<std::string>& domains) {
  const auto it = std::find(domains.begin(), domains.end(), name);
  if (it != domains.end()) return static_cast<std::size_t>(it - domains.begin());
  if (name.empty()) throw ConfigError(fmt::format("agent 'one_domain': domain is not given{}", suggestion(name, domains)));
  throw ConfigError(fmt::format("agent 'one_domain': the corpus has no domain '{}'{}", name, suggestion(name, domains)));
}

class OneDomain final : public Agent {
 public:
  OneDomain(const OneDomainOptions& options, const AgentContext& context)
      : corpus_(context.corpus), domain_(index_of(options.domain, corpus_->domains())) {}

  std::optional<float> not_mine() const override { return 0.0f; }
  void begin(Slots, std::span<const std::uint64_t>) override {}
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs)
      for (std::size_t i = 0; i < job.passages.size(); ++i)
        job.score[i] = corpus_->document(job.passages[i]).domain == domain_ ? 1.0f : 0.0f;
  }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}

 private:
  const std::shared_ptr<const Corpus> corpus_;
  const std::size_t domain_;
};

REGISTER_AGENT("one_domain", OneDomain, OneDomainOptions,
               "one for passages of its domain, zero for others: an agent a domain for mixing laws", "checked against an oracle");

}  // namespace
}  // namespace fader
