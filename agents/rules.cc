// rules: how many of the rules that web text is commonly filtered by a text keeps.
//
//   S(x) = rules kept / rules looked at
//
// What a rule needs is measured in agents/rule_facts.h. Gopher: Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, quality filtering
// (numbers in the text) and repetition removal (numbers in table A1). C4: Raffel et al. 2020, JMLR 21 (140), arXiv 1910.10683, section
// 2.2; its rules for lines remove lines there, and here ask whether most of a text would stay (half its bytes, our number). Of both
// those are left out that are no property of one text: language, word lists, duplicates of other pages.
// The rules are made for English, and for whole documents: a passage is too short for some. A text without words keeps those that
// forbid something.
// Status: checked against an oracle (tests/agents/rules_test.cc).
#include <algorithm>
#include <array>
#include <initializer_list>

#include "agents/rule_facts.h"
#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct Rule {
  const char* name;
  unsigned facts;  ///< what has to be measured beside the words and lines
  bool (*kept)(const RuleFacts&);
};

constexpr unsigned kRepeats = RuleFacts::kRepeatedLines, kTop = RuleFacts::kTopGrams, kGrams = RuleFacts::kRepeatedGrams;

bool within(std::span<const double> found, std::initializer_list<double> limits) {
  auto limit = limits.begin();
  for (const double x : found)
    if (x > *limit++) return false;
  return true;
}

const std::array kRules = {
    // Gopher, quality filtering
    Rule{"gopher_words", 0, [](const RuleFacts& f) { return f.words >= 50 && f.words <= 100'000; }},
    Rule{"gopher_word_length", 0, [](const RuleFacts& f) { return f.mean_word_length() >= 3 && f.mean_word_length() <= 10; }},
    Rule{"gopher_symbols", 0, [](const RuleFacts& f) { return f.hashes <= 0.1 * f.words && f.ellipses <= 0.1 * f.words; }},
    Rule{"gopher_bullets", 0, [](const RuleFacts& f) { return f.bullet_lines <= 0.9 * f.lines; }},
    Rule{"gopher_ellipsis_lines", 0, [](const RuleFacts& f) { return f.ellipsis_lines <= 0.3 * f.lines; }},
    Rule{"gopher_alphabetic", 0, [](const RuleFacts& f) { return f.words > 0 && f.alphabetic_words >= 0.8 * f.words; }},
    Rule{"gopher_stop_words", 0, [](const RuleFacts& f) { return f.distinct_stop_words >= 2; }},
    // Gopher, repetition removal
    Rule{"gopher_repeated_lines", kRepeats, [](const RuleFacts& f) { return f.repeated_lines <= 0.3 && f.repeated_line_bytes <= 0.2; }},
    Rule{"gopher_repeated_paragraphs", kRepeats,
         [](const RuleFacts& f) { return f.repeated_paragraphs <= 0.3 && f.repeated_paragraph_bytes <= 0.2; }},
    Rule{"gopher_top_grams", kTop, [](const RuleFacts& f) { return within(f.top_grams, {0.2, 0.18, 0.16}); }},
    Rule{"gopher_repeated_grams", kGrams, [](const RuleFacts& f) { return within(f.repeated_grams, {0.15, 0.14, 0.13, 0.12, 0.11, 0.1}); }},
    // C4
    Rule{"c4_line_ends", 0, [](const RuleFacts& f) { return f.line_bytes > 0 && f.ended_line_bytes >= 0.5 * f.line_bytes; }},
    Rule{"c4_line_words", 0, [](const RuleFacts& f) { return f.line_bytes > 0 && f.worded_line_bytes >= 0.5 * f.line_bytes; }},
    Rule{"c4_sentences", 0, [](const RuleFacts& f) { return f.sentences >= 3; }},
    Rule{"c4_javascript", 0, [](const RuleFacts& f) { return !f.javascript; }},
    Rule{"c4_lorem_ipsum", 0, [](const RuleFacts& f) { return !f.lorem_ipsum; }},
    Rule{"c4_curly_bracket", 0, [](const RuleFacts& f) { return !f.curly_bracket; }},
};

struct RulesOptions final : TextOptions {
  std::vector<std::string> rules;
  void fields(Fields& f) override {
    TextOptions::fields(f);
    std::string names;
    for (const Rule& rule : kRules) names += (names.empty() ? "" : ", ") + std::string(rule.name);
    f("rules", rules, "those that are looked at; empty: all (" + names + ")");
  }
  void validate() const override { chosen(); }

  std::vector<const Rule*> chosen() const {
    std::vector<std::string> known;
    for (const Rule& rule : kRules) known.emplace_back(rule.name);
    std::vector<const Rule*> out;
    for (const std::string& name : rules.empty() ? known : rules) {
      const auto it = std::find(known.begin(), known.end(), name);
      if (it == known.end()) throw ConfigError(fmt::format("rules: there is no rule '{}'{}", name, suggestion(name, known)));
      const Rule* rule = &kRules[static_cast<std::size_t>(it - known.begin())];
      if (std::find(out.begin(), out.end(), rule) != out.end()) throw ConfigError(fmt::format("rules names '{}' twice; once is enough", name));
      out.push_back(rule);
    }
    return out;
  }
};

TextScorer rules_scorer(const std::vector<const Rule*>& rules) {
  unsigned wanted = 0;
  for (const Rule* rule : rules) wanted |= rule->facts;
  return [rules, reader = std::make_shared<RuleReader>(wanted)](std::string_view text) {
    const RuleFacts& facts = reader->read(text);
    const auto kept = std::count_if(rules.begin(), rules.end(), [&](const Rule* rule) { return rule->kept(facts); });
    return static_cast<float>(static_cast<double>(kept) / static_cast<double>(rules.size()));
  };
}

class Rules final : public StaticAgent {
 public:
  Rules(RulesOptions options, const AgentContext& context)
      : StaticAgent(static_column(*context.corpus, "rules", column_key("rules 1", options.list()), context.progress, [&](std::span<float> out) {
          return score_texts(context, "rules", options.unit, [&] { return rules_scorer(options.chosen()); }, "give the pool some text", out);
        })) {}
};

REGISTER_AGENT("rules", Rules, RulesOptions, "how many of the rules of Gopher and C4 a text keeps", "checked against an oracle");

}  // namespace
}  // namespace fader
