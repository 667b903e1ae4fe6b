#include "analysis/tables.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "analysis/budget_report.h"
#include "analysis/evidence.h"
#include "analysis/trend_tables.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

TableText runs_table(const Comparison& all) {
  const RunRecord& first = *all.contenders[0].runs[0];
  std::vector<std::string> columns = {"policy", "point", "seed", "value", "loss_reference", "loss_validation", "loss_test",
                                      "tokens", "overhead_seconds", "overhead_flops", "total_seconds"};
  for (const std::string quantity : {"seconds", "flops", "tokens"})
    for (const std::string& phase : first.phases) columns.push_back(quantity + ("_" + phase));
  TableText out(provenance(all, "complete runs; value: the metric; overhead: share of what a console needs (train and observe are none)"),
                columns);
  for (const Contender& c : all.contenders)
    for (const RunRecord* run : c.runs) {
      out.add(c.name).add(c.point).add(std::to_string(run->seed)).add(run->value).add(run->loss_reference).add(run->loss_validation);
      out.add(run->loss_test).add(run->budget()).add(overhead_seconds(*run)).add(overhead_flops(*run)).add(run->total_seconds);
      for (const auto* totals : {&run->seconds, &run->flops, &run->phase_tokens})
        for (const std::string& phase : first.phases) {
          const auto at = std::ranges::find(run->phases, phase);
          out.add(at == run->phases.end() ? stats::kNaN : (*totals)[static_cast<std::size_t>(at - run->phases.begin())]);
        }
      out.end_row();
    }
  return out;
}

TableText intervals_table(const Comparison& all) {
  TableText out(provenance(all, "losses of every run along its intervals"),
                {"policy", "seed", "interval", "tokens", "loss_reference", "loss_train", "loss_validation"});
  const auto at = [](const std::vector<double>& values, std::size_t i) { return i < values.size() ? values[i] : stats::kNaN; };
  for (const Contender& c : all.contenders)
    for (const RunRecord* run : c.runs)
      for (std::size_t i = 0; i < std::max(run->tokens.size(), run->reference.size()); ++i) {
        out.add(c.name).add(std::to_string(run->seed)).add(i).add(at(run->tokens, i)).add(at(run->reference, i));
        out.add(at(run->train, i)).add(at(run->validation, i)).end_row();
      }
  return out;
}

TableText policies_table(const Comparison& all) {
  TableText out(provenance(all, "the metric over seeds; sd: from run to run; left_out: runs found and not used; overhead: mean share"),
                {"policy", "point", "n", "left_out", "mean", "sd", "lo", "hi", "median", "interquartile_mean", "overhead_seconds",
                 "overhead_flops"});
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    out.add(c.name).add(c.point).add(c.runs.size()).add(c.left_out).add(c.mean).add(c.sd).add(c.interval.low).add(c.interval.high);
    out.add(c.median).add(c.interquartile).add(c.overhead_seconds).add(c.overhead_flops).end_row();
  }
  return out;
}

/// Rows are numbered best first; paired and pairs agree on the numbers.
TableText paired_table(const Comparison& all) {
  TableText out(provenance(all, "difference to the baseline over pairs of runs of equal seed; gain: width of Welch's unpaired interval "
                                "over that of the paired one; wins: pairs in which the policy was better"),
                {"row", "policy", "difference", "lo", "hi", "n", "sd", "correlation", "unpaired_lo", "unpaired_hi", "gain", "wins"});
  std::size_t row = 0;
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (!c.paired) continue;
    const stats::Paired& p = *c.paired;
    out.add(++row).add(c.name).add(p.difference).add(p.interval.low).add(p.interval.high).add(p.n).add(p.sd).add(p.correlation);
    out.add(p.unpaired.low).add(p.unpaired.high).add(p.gain).add(all.wins(p)).end_row();
  }
  return out;
}

TableText tests_table(const Cell& cell) {
  const Comparison& all = cell.comparison;
  TableText out(provenance(all, "difference to the baseline over pairs of runs of equal seed: paired t and studentised bootstrap intervals; p of paired t, of "
                                "Wilcoxon's signed ranks (exact), of paired t after Holm's correction over these policies; improvement: probability that a "
                                "run of the policy is better than one of the baseline; smallest_effect: shown by so many pairs in 80 of 100 experiments at "
                                "this SD; seeds_needed: to show this difference as often, 0: above 10,000 or not known; interquartile mean of the policy's runs"),
                {"policy", "n", "difference", "t_lo", "t_hi", "studentised_lo", "studentised_hi", "p_t", "p_wilcoxon", "p_holm", "improvement",
                 "improvement_lo", "improvement_hi", "smallest_effect", "seeds_needed", "interquartile", "interquartile_lo", "interquartile_hi"});
  for (const ContenderEvidence& c : evidence_against_baseline(cell)) {
    const Evidence& e = c.evidence;
    out.add(c.contender->name).add(e.paired.n).add(e.paired.difference).add(e.paired.interval.low).add(e.paired.interval.high);
    out.add(e.studentised.low).add(e.studentised.high).add(e.p_t).add(e.p_wilcoxon).add(e.p_holm).add(e.improvement);
    out.add(e.improvement_interval.low).add(e.improvement_interval.high).add(e.smallest_effect).add(e.seeds_needed);
    out.add(c.interquartile).add(c.interquartile_interval.low).add(c.interquartile_interval.high).end_row();
  }
  return out;
}

TableText pairs_table(const Comparison& all) {
  TableText out(provenance(all, "every pair: the policy's run and the baseline's of equal seed"),
                {"row", "policy", "seed", "difference", "value", "baseline"});
  std::size_t row = 0;
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (!c.paired) continue;
    ++row;
    for (const Pair& p : c.pairs)
      out.add(row).add(c.name).add(std::to_string(p.seed)).add(p.value - p.baseline).add(p.value).add(p.baseline).end_row();
  }
  return out;
}

TableText domains_table(const Comparison& all) {
  TableText out(provenance(all, "final test loss by domain (nats per token), over seeds"),
                {"policy", "domain", "n", "mean", "sd", "lo", "hi"});
  for (const Contender& c : all.contenders)
    for (std::size_t d = 0; d < c.runs[0]->domains.size(); ++d) {
      std::vector<double> values;
      for (const RunRecord* run : c.runs)
        if (run->domains == c.runs[0]->domains && std::isfinite(run->loss_test_domain[d])) values.push_back(run->loss_test_domain[d]);
      const stats::Interval interval = stats::t_interval(values, all.confidence);
      out.add(c.name).add(c.runs[0]->domains[d]).add(values.size()).add(stats::mean(values)).add(stats::sd(values));
      out.add(interval.low).add(interval.high).end_row();
    }
  return out;
}

TableText weights_table(const Comparison& all, const Contender& c, const Stretches& weights, const std::string& what) {
  std::vector<std::string> columns = {"interval", "from", "to"};
  for (const std::string& agent : c.runs[0]->agents) columns.push_back(agent);
  TableText out(provenance(all, "weights of " + c.name + ", " + what + "; from and to: " + all.x_name), columns);
  for (std::size_t i = 0; i < weights.from.size(); ++i) {
    out.add(i).add(weights.from[i]).add(weights.to[i]);
    for (const double w : weights.values[i]) out.add(w);
    out.end_row();
  }
  return out;
}

TableText learning_table(const Comparison& all) {
  TableText out(provenance(all, fmt::format("return of the episodes that were learned from: mean over the last {} episodes of all seeds; "
                                            "lo and hi: one standard deviation of them below and above", all.window)),
                {"policy", "line", "episode", "mean", "lo", "hi", "n"});
  for (const Contender* c : drawing_order(all)) {
    const Learning& l = c->learning;
    for (std::size_t e = 0; e < l.episode.size(); ++e) {
      out.add(c->name).add(c->line).add(l.episode[e]).add(l.mean[e]);
      out.add(l.mean[e] - l.sd[e]).add(l.mean[e] + l.sd[e]).add(l.n[e]).end_row();
    }
    if (!l.episode.empty()) out.separate();
  }
  return out;
}

TableText evaluation_table(const Comparison& all) {
  TableText out(provenance(all, "every episode that was played to judge a policy; order: from 1 in each run; value: the metric"),
                {"policy", "line", "order", "return", "value", "seed", "episode"});
  for (const Contender* c : drawing_order(all)) {
    for (const RunRecord* run : c->runs) {
      std::size_t order = 0;
      for (const PlayedEpisode& p : run->played) {
        if (!p.evaluation || run->played.size() < 2) continue;
        out.add(c->name).add(c->line).add(++order).add(p.total).add(p.value);
        out.add(std::to_string(run->seed)).add(std::to_string(p.number)).end_row();
      }
    }
    if (c->evaluated) out.separate();
  }
  return out;
}

/// Writes tables and remembers which.
class Writer {
 public:
  explicit Writer(fs::path folder) : folder_(std::move(folder)) {}
  void write(const std::string& name, const TableText& table) {
    const fs::path file = folder_ / (name + ".tsv");
    make_folder(file.parent_path());
    write_atomically(file, table.text());
    written_.insert(file);
  }
  /// Tables of an earlier report on this experiment that this one has not written again: they no longer have anything to say.
  void remove_stale(const std::string& experiment) const {
    std::vector<fs::path> stale;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file() || entry.path().extension() != ".tsv" || written_.contains(entry.path())) continue;
      std::ifstream in(entry.path());
      std::string first, second;
      std::getline(in, first);
      std::getline(in, second);
      if (second.starts_with(fmt::format("# experiment {};", experiment))) stale.push_back(entry.path());
    }
    std::error_code ignored;
    for (const fs::path& file : stale) {
      fs::remove(file, ignored);
      if (file.parent_path() != folder_) fs::remove(file.parent_path(), ignored);   // where it was the last one
    }
  }

 private:
  fs::path folder_;
  std::set<fs::path> written_;
};

TableText hypotheses_table(const Study& study, const std::vector<Tested>& tested) {
  static constexpr const char* kOutcome[] = {"supported", "contradicted", "not shown", "too few pairs", "not tested"};
  TableText out(provenance(study.cells[0].comparison, "hypotheses stated before the runs began; p_holm: corrected over all of them"),
                {"hypothesis", "policy", "against", "metric", "direction", "cell", "outcome", "n", "difference", "t_lo", "t_hi", "studentised_lo", "studentised_hi",
                 "p_t", "p_wilcoxon", "p_holm", "smallest_effect", "seeds_needed"});
  for (const Tested& t : tested) {
    const Evidence& e = t.evidence;
    out.add(t.stated.name).add(t.stated.policy).add(t.stated.against).add(t.stated.metric).add(t.stated.direction).add(t.cell);
    out.add(kOutcome[static_cast<std::size_t>(t.outcome)]).add(e.paired.n).add(e.paired.difference).add(e.paired.interval.low).add(e.paired.interval.high);
    out.add(e.studentised.low).add(e.studentised.high).add(e.p_t).add(e.p_wilcoxon).add(e.p_holm).add(e.smallest_effect).add(e.seeds_needed).end_row();
  }
  return out;
}

void write_tables_of(const Cell& cell, Writer& writer) {
  const Comparison& all = cell.comparison;
  const auto write = [&](const std::string& name, const TableText& table) { writer.write(cell.file + name, table); };
  write("runs", runs_table(all));
  write("intervals", intervals_table(all));
  write("policies", policies_table(all));
  write("paired", paired_table(all));
  write("pairs", pairs_table(all));
  write("tests", tests_table(cell));
  const std::string against = all.curve_quantity + " against " + all.x_name;
  write("curves", curves_table(all, against, [](const Contender& c) -> const Curve& { return c.curve; }));
  write("differences", curves_table(all, "difference to the baseline, paired by seed: " + against,
                                    [](const Contender& c) -> const Curve& { return c.difference; }));
  write("domains", domains_table(all));
  if (all.window > 0) {
    write("learning", learning_table(all));
    write("evaluation", evaluation_table(all));
  }
  for (const Contender& c : all.contenders) {
    if (c.weights.from.empty()) continue;
    write(weights_name(c), weights_table(all, c, c.weights, fmt::format("mean over {} seeds", c.runs.size())));
    write(weights_name(c) + "_one_run", weights_table(all, c, c.first_weights, fmt::format("seed {}", c.runs[0]->seed)));
  }
  for (const NamedTable& trend : trend_tables(all)) write(trend.name, trend.table);
}

}  // namespace

TableText::TableText(const std::vector<std::string>& comments, const std::vector<std::string>& columns) : columns_(columns.size()) {
  for (std::string comment : comments) {
    std::ranges::replace_if(comment, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text_ += "# " + comment + "\n";
  }
  for (const std::string& column : columns) {
    std::string name = column;
    std::ranges::replace(name, ' ', '_');
    add(name);
  }
  end_row();
}

TableText& TableText::cell(const std::string& text) {
  if (pending_) text_ += "\n\n";
  pending_ = false;
  if (cells_++ > 0) text_ += '\t';
  text_ += text;
  return *this;
}

TableText& TableText::add(std::string_view text) {
  std::string clean(text);
  std::ranges::replace_if(clean, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '#'; }, ' ');
  return cell(clean);
}

TableText& TableText::add(double number) { return cell(std::isnan(number) ? "NaN" : fmt::format("{}", number)); }
TableText& TableText::add(std::size_t number) { return cell(fmt::format("{}", number)); }

void TableText::end_row() {
  FADER_CHECK_EQ(cells_, columns_);
  cells_ = 0;
  text_ += '\n';
}

std::vector<std::string> provenance(const Comparison& all, const std::string& what) {
  return {what, fmt::format("experiment {}; metric {}; intervals: {} t; baseline {}", all.experiment, all.metric,
                            stats::percent(all.confidence), all.baseline.empty() ? "none" : all.baseline)};
}

std::vector<const Contender*> drawing_order(const Comparison& all) {
  std::vector<const Contender*> out;
  for (const Contender& c : all.contenders) out.push_back(&c);
  std::ranges::stable_sort(out, [](const Contender* a, const Contender* b) {
    return (a->line == 0 && b->line > 0) || (b->line > 0 && a->line > b->line);
  });
  return out;
}

TableText curves_table(const Comparison& all, const std::string& what, const Curve& (*of)(const Contender&)) {
  TableText out(provenance(all, what), {"policy", "line", "tokens", "mean", "lo", "hi", "n"});
  for (const Contender* c : drawing_order(all)) {
    const Curve& curve = of(*c);
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      out.add(c->name).add(c->line).add(curve.x[i]).add(curve.mean[i]).add(curve.band[i].low).add(curve.band[i].high);
      out.add(curve.n).end_row();
    }
    if (!curve.x.empty()) out.separate();
  }
  return out;
}

std::string weights_name(const Contender& contender) { return "weights_" + contender.file; }

void write_tables(const Study& study, const fs::path& folder) {
  Writer writer(folder);
  for (const Cell& cell : study.cells) write_tables_of(cell, writer);
  const Comparison& first = study.cells[0].comparison;
  TableText left_out(provenance(first, "what was found and not used"), {"place", "reason"});
  for (const LeftOut& item : study.left_out) left_out.add(item.place).add(item.reason).end_row();
  writer.write("left_out", left_out);
  TableText points(provenance(first, "configurations: each point's is the file config.toml of its runs"), {"point", "policy", "cell", "runs", "config_sha256"});
  for (const Cell& cell : study.cells)
    for (const Contender& c : cell.comparison.contenders)
      points.add(c.point).add(c.runs[0]->policy).add(cell.name).add(c.runs.size()).add(c.runs[0]->config).end_row();
  writer.write("points", points);
  if (const std::vector<Tested> tested = tested_hypotheses(study); !tested.empty()) writer.write("hypotheses", hypotheses_table(study, tested));
  for (const NamedTable& budget : budget_tables(study)) writer.write(budget.name, budget.table);
  for (const NamedTable& over : overview_tables(study)) writer.write(over.name, over.table);
  writer.remove_stale(first.experiment);
}

}  // namespace fader
