#include "store/plan_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::uint64_t kLargest = 1 << 30;

Json to_json(const Hypothesis& h) {
  return {{"name", h.name}, {"policy", h.policy}, {"against", h.against}, {"metric", h.metric}, {"direction", h.direction}, {"cell", h.cell}};
}
Json to_json(const PlannedPoint& p) {
  return {{"point", p.slug}, {"policy", p.policy}, {"cell", p.cell}, {"stage", p.stage}, {"hash", p.hash}, {"varies", p.varies}, {"seeds", p.seeds}};
}

template <class T>
T field(const Json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end()) throw DataError(fmt::format("'{}' is missing", key));
  return found->get<T>();
}

Hypothesis hypothesis_of(const Json& j) {
  return {field<std::string>(j, "name"), field<std::string>(j, "policy"), field<std::string>(j, "against"), field<std::string>(j, "metric"),
          field<std::string>(j, "direction"), field<std::string>(j, "cell")};
}
PlannedPoint point_of(const Json& j) {
  return {field<std::string>(j, "point"), field<std::string>(j, "policy"), field<std::string>(j, "cell"), field<std::string>(j, "stage"),
          field<std::string>(j, "hash"), field<std::vector<std::string>>(j, "varies"), field<std::vector<std::int64_t>>(j, "seeds")};
}

}  // namespace

void write_plan(const std::filesystem::path& folder, const PlanFile& plan) {
  Json out = {{"fader_plan", kVersion},     {"experiment", plan.experiment}, {"question", plan.question},   {"baseline", plan.baseline},
              {"metric", plan.metric},      {"confidence", plan.confidence}, {"screening", plan.screening}, {"hypotheses", Json::array()},
              {"points", Json::array()}};
  for (const Hypothesis& h : plan.hypotheses) out["hypotheses"].push_back(to_json(h));
  for (const PlannedPoint& p : plan.points) out["points"].push_back(to_json(p));
  write_atomically(folder / "plan.json", out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<PlanFile> read_plan(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "plan.json";
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const Json j = Json::parse(read_file(file, kLargest));
    if (!j.is_object() || field<int>(j, "fader_plan") != kVersion) throw DataError("another version of the format");
    PlanFile out{field<std::string>(j, "experiment"), field<std::string>(j, "question"), field<std::string>(j, "baseline"),
                 field<std::string>(j, "metric"), field<double>(j, "confidence"), field<bool>(j, "screening"), {}, {}};
    for (const Json& h : field<Json>(j, "hypotheses")) out.hypotheses.push_back(hypothesis_of(h));
    for (const Json& p : field<Json>(j, "points")) out.points.push_back(point_of(p));
    return out;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: is no plan of an experiment: {}", file.string(), e.what()));
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: is no plan of an experiment: {}", file.string(), e.what()));
  }
}

}  // namespace fader
