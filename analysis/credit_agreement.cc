#include "analysis/credit_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/rank_correlation.h"
#include "core/rng.h"

namespace fader {
namespace {

constexpr int kResampled = 2000;

using Column = std::vector<double>;                         // of each agent
using Sheet = std::vector<Column>;                          // of each seed
struct Place {
  std::map<std::string, Sheet> kinds;
};

std::vector<Place> places_of(const std::vector<CreditRow>& rows) {
  std::vector<std::pair<std::string, std::int64_t>> keys;
  std::map<std::pair<std::string, std::int64_t>, std::map<std::string, std::map<std::int64_t, std::map<std::string, double>>>> found;
  for (const CreditRow& r : rows) {
    const std::pair key(r.point, r.interval);
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    found[key][r.kind][r.seed][r.agent] = r.value;
  }
  std::vector<Place> out;
  for (const auto& key : keys) {
    Place& place = out.emplace_back();
    for (const auto& [kind, seeds] : found[key]) {
      Sheet& sheet = place.kinds[kind];
      for (const auto& [seed, agents] : seeds) {
        Column& column = sheet.emplace_back();
        for (const auto& [agent, value] : agents) column.push_back(value);
      }
    }
  }
  return out;
}

/// Of the agents of which both are known.
double correlation(const Column& a, const Column& b) {
  Column x, y;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (std::isfinite(a[i]) && std::isfinite(b[i])) x.push_back(a[i]), y.push_back(b[i]);
  return x.size() < 3 ? stats::kNaN : spearman(x, y);
}

/// Of those seeds that `use` names; NaN where it is NaN of one.
template <class Use>
Column mean_of(const Sheet& sheet, const Use& use) {
  Column sum(sheet.at(0).size(), 0);
  double n = 0;
  for (std::size_t s = 0; s < sheet.size(); ++s) {
    if (!use(s)) continue;
    for (std::size_t a = 0; a < sum.size(); ++a) sum[a] += sheet[s][a];
    n += 1;
  }
  for (double& x : sum) x /= n;
  return sum;
}

double mean_of_known(const Column& values) {
  Column known;
  std::ranges::copy_if(values, std::back_inserter(known), [](double x) { return !std::isnan(x); });
  return stats::mean(known);
}

/// Of each seed: its own column with the mean truth of the others.
Column one_by_one(const Sheet& sheet, const Sheet& truth) {
  Column out;
  for (std::size_t s = 0; s < sheet.size(); ++s) out.push_back(correlation(sheet[s], mean_of(truth, [s](std::size_t r) { return r != s; })));
  return out;
}

/// The mean of one half of the seeds with that of the other, both ways.
double halves(const Sheet& sheet, const Sheet& truth) {
  const auto even = [](std::size_t s) { return s % 2 == 0; };
  const auto odd = [](std::size_t s) { return s % 2 == 1; };
  return mean_of_known({correlation(mean_of(sheet, even), mean_of(truth, odd)), correlation(mean_of(sheet, odd), mean_of(truth, even))});
}

/// 95%: places with replacement, and in each of them seeds.
stats::Interval resampled(const std::vector<Column>& places) {
  if (places.empty()) return {};
  Rng rng(1, "credit_study/bootstrap");
  Column means;
  for (int b = 0; b < kResampled; ++b) {
    Column drawn;
    for (std::size_t p = 0; p < places.size(); ++p) {
      const Column& place = places[rng.below(places.size())];
      Column seeds;
      for (std::size_t s = 0; s < place.size(); ++s) seeds.push_back(place[rng.below(place.size())]);
      drawn.push_back(mean_of_known(seeds));
    }
    means.push_back(mean_of_known(drawn));
  }
  std::erase_if(means, [](double x) { return std::isnan(x); });
  if (means.empty()) return {};
  std::ranges::sort(means);
  const auto at = [&](double q) { return means[static_cast<std::size_t>(q * static_cast<double>(means.size() - 1))]; };
  return {at(0.025), at(0.975)};
}

CreditAgreement agreement_of(const std::string& kind, const std::vector<Place>& places) {
  CreditAgreement out{.kind = kind};
  std::vector<Column> seeds;
  Column half, late;
  for (const Place& place : places) {
    const auto sheet = place.kinds.find(kind), interval = place.kinds.find("interval"), episode = place.kinds.find("episode");
    if (sheet == place.kinds.end()) continue;
    if (interval != place.kinds.end()) {
      seeds.push_back(one_by_one(sheet->second, interval->second));
      out.places.push_back(mean_of_known(seeds.back()));
      half.push_back(halves(sheet->second, interval->second));
    }
    if (episode != place.kinds.end()) late.push_back(halves(sheet->second, episode->second));
  }
  out.one = mean_of_known(out.places);
  std::erase_if(seeds, [](const Column& c) { return std::isnan(mean_of_known(c)); });
  out.one_interval = resampled(seeds);
  out.half = mean_of_known(half);
  out.late = mean_of_known(late);
  return out;
}

bool is_truth(const std::string& kind) { return kind == "interval" || kind == "episode"; }

}  // namespace

std::vector<CreditAgreement> credit_agreement(const CreditTable& table) {
  const std::vector<Place> places = places_of(table.rows);
  std::set<std::string> kinds;
  for (const CreditRow& r : table.rows) kinds.insert(r.kind);
  std::vector<CreditAgreement> out;
  for (const char* truth : {"interval", "episode"})
    if (kinds.contains(truth)) out.push_back(agreement_of(truth, places));
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (const std::string& kind : kinds)
    if (!is_truth(kind)) out.push_back(agreement_of(kind, places));
  std::stable_sort(out.begin() + first, out.end(), [](const auto& a, const auto& b) {
    return std::isnan(b.one) ? !std::isnan(a.one) : a.one > b.one;
  });
  return out;
}

std::string credit_agreement_text(const CreditTable& table) {
  std::set<std::string> agents;
  std::set<std::int64_t> seeds;
  for (const CreditRow& r : table.rows) agents.insert(r.agent), seeds.insert(r.seed);
  const auto shown = [](double x) { return std::isnan(x) ? std::string("-") : fmt::format("{:.2f}", x); };
  std::string out = fmt::format(
      "Rank correlations over {} agents, means over places, {} seeds each. one: a measurement of one seed with the interval's reward of the\n"
      "others; half, episode: means of half of the seeds with the interval's reward, and the end of the episode, of the other half.\n\n"
      "{:<22} {:>5}  {:<14} {:>5} {:>8}  places\n", agents.size(), seeds.size(), "credit", "one", "95%", "half", "episode");
  for (const CreditAgreement& a : credit_agreement(table)) {
    std::string places;
    for (const double x : a.places) places += " " + shown(x);
    const std::string interval = a.one_interval.known() ? fmt::format("{:.2f} to {:.2f}", a.one_interval.low, a.one_interval.high) : "-";
    out += fmt::format("{:<22} {:>5}  {:<14} {:>5} {:>8} {}\n", is_truth(a.kind) ? "(" + a.kind + " itself)" : a.kind, shown(a.one), interval,
                       shown(a.half), shown(a.late), places);
  }
  return out;
}

std::string credit_agreement_tsv(const CreditTable& table) {
  const auto shown = [](double x) { return std::isnan(x) ? std::string("NaN") : fmt::format("{:.4f}", x); };
  std::string out = fmt::format("# study {}\nrow\tcredit\tone\tlow\thigh\thalf\tepisode\n", table.study);
  std::size_t row = 0;
  for (const CreditAgreement& a : credit_agreement(table))
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", ++row, a.kind, shown(a.one), shown(a.one_interval.low), shown(a.one_interval.high), shown(a.half), shown(a.late));
  return out;
}

}  // namespace fader
