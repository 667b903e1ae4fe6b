#include "experiments/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/config.h"
#include "experiments/explain.h"

namespace fader {
namespace {

using Json = nlohmann::ordered_json;  // in the order of the descriptions

Json reference(const std::string& definition) { return {{"$ref", "#/definitions/" + definition}}; }
/// Of these keys and no others; `quoted`: by pattern.
Json object(Json properties, Json quoted = Json::object()) {
  Json out = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!quoted.empty()) out["patternProperties"] = std::move(quoted);
  return out;
}
Json required(const std::string& key) { return {{"required", Json::array({key})}}; }
Json is(const std::string& key, Json what) { return {{"properties", {{key, std::move(what)}}}, {"required", Json::array({key})}}; }
Json list_of(Json element) { return {{"type", "array"}, {"items", std::move(element)}}; }
Json text() { return {{"type", "string"}}; }

Json bound(double x) {
  if (x == std::floor(x) && std::abs(x) < 9.007e15) return static_cast<std::int64_t>(x);
  return x;
}

Json number(const char* type, const Option& o) {
  Json out = {{"type", type}};
  if (std::isfinite(o.low)) out["minimum"] = bound(o.low);
  if (std::isfinite(o.high)) out["maximum"] = bound(o.high);
  return out;
}

Json text_of(const Option& o) {
  Json out = text();
  if (!o.allowed.empty()) out["enum"] = o.allowed;
  return out;
}

/// What its reader accepts, value by value.
struct TypeOf {
  const Option& o;
  Json operator()(bool*) const { return {{"type", "boolean"}}; }
  Json operator()(std::int64_t*) const { return number("integer", o); }
  Json operator()(double*) const { return number("number", o); }
  Json operator()(std::string*) const { return text_of(o); }
  Json operator()(std::vector<double>*) const { return list_of(number("number", o)); }
  Json operator()(std::vector<std::int64_t>*) const { return list_of(number("integer", o)); }
  Json operator()(std::vector<std::string>*) const {
    return {{"anyOf", {text_of(o), list_of(text_of(o))}}};  // one text is a list of one
  }
  Json operator()(Vectors*) const { return list_of(list_of(number("number", o))); }
  Json operator()(Filters*) const { return {{"type", "object"}, {"additionalProperties", reference("filter")}}; }
};

Json schema_of(const Option& o) {
  Json out = {{"description", o.help + (o.is_path ? "; relative to this file" : "")}};
  out.update(std::visit(TypeOf{o}, o.target));
  if (o.problem().empty()) out["default"] = std::visit([](auto* value) { return Json(*value); }, o.target);
  return out;
}

/// Properties by name. A name with dots stands within tables: "reference.domains". Whoever quotes it, dots and all, writes
/// the same to the program, so a table accepts that as well.
class Described {
 public:
  void add(const std::string& name, const Json& schema) {
    put(properties_, name, schema);
    if (name.find('.') != std::string::npos) quoted_[pattern(name)] = schema;
  }
  void add(Options& options) {
    for (const Option& o : options.list()) add(o.name, schema_of(o));
  }
  /// That matches this name alone.
  static std::string pattern(const std::string& name) {
    std::string out = "^";
    for (const char c : name) out += c == '.' ? std::string("\\.") : std::string(1, c);
    return out + "$";
  }
  const Json& properties() const { return properties_; }
  const Json& quoted() const { return quoted_; }

 private:
  static void put(Json& properties, const std::string& name, const Json& schema) {
    const auto dot = name.find('.');
    if (dot == std::string::npos) {
      properties[name] = schema;
      return;
    }
    Json& inner = properties[name.substr(0, dot)];
    if (inner.is_null()) inner = object(Json::object());
    put(inner["properties"], name.substr(dot + 1), schema);
  }

  Json properties_ = Json::object(), quoted_ = Json::object();
};

/// Names become parts of folders. `also`: what may stand in them beside letters and digits, - last.
Json name_pattern(const std::string& also, const std::string& description) {
  return {{"description", description}, {"type", "string"}, {"pattern", fmt::format("^[A-Za-z0-9_][A-Za-z0-9{}]{{0,63}}$", also)}};
}

Json without_default(Json schema) {
  schema.erase("default");
  return schema;
}

/// `properties` of one kind joined to those of all: where kinds differ in more than the default, any of them.
void join(Json& all, const Json& properties) {
  for (const auto& [name, schema] : properties.items()) {
    if (!all.contains(name)) {
      all[name] = schema;
    } else if (without_default(all[name]) == without_default(schema)) {
      if (all[name] != schema) all[name] = without_default(schema);
    } else if (all[name] != schema) {
      const bool joined = all[name].size() == 1 && all[name].contains("anyOf");  // an option's own has a description beside
      if (!joined) all[name] = Json{{"anyOf", Json::array({all[name]})}};
      Json& some = all[name]["anyOf"];
      if (std::find(some.begin(), some.end(), schema) == some.end()) some.push_back(schema);
    }
  }
}

/// What `schema` of one kind says that `shared`, which holds beside it, does not.
Json beyond(const Json& shared, const Json& schema) {
  if (schema == shared) return Json::object();
  if (without_default(schema) != shared) return schema;
  return schema.contains("default") ? Json{{"default", schema["default"]}} : Json::object();
}

/// Definitions for what is chosen by `kind`: "policy.keys", what any kind may have, from which editors complete; "policy.ucb"
/// and so on, what of it goes with a kind; "policy", both: with any key while there is no kind. Not a `oneOf` of whole kinds:
/// editors then say that none matches, in place of which key is wrong.
template <class Shelf>
void define_kinds(Json& definitions, const std::string& noun, const Shelf& shelf, const Json& common) {
  std::map<std::string, Described> kinds;
  std::string described = "which one";
  Json options = Json::object(), quoted = Json::object();
  for (const std::string& kind : shelf.names()) {
    described += fmt::format("\n- {}: {}", kind, shelf.at(kind).summary);
    kinds[kind].add(*shelf.at(kind).options());
    join(options, kinds[kind].properties());
    join(quoted, kinds[kind].quoted());
  }
  Json keys = {{"kind", {{"description", described}, {"type", "string"}, {"enum", shelf.names()}}}};
  keys.update(common);
  Json rules = Json::array({reference(noun + ".keys")});
  for (auto& [kind, of_kind] : kinds) {
    Json one = {{"kind", Json::object()}};
    for (const auto& [name, schema] : common.items()) one[name] = Json::object();
    for (const auto& [name, schema] : of_kind.properties().items()) one[name] = beyond(options[name], schema);
    rules.push_back({{"if", is("kind", {{"const", kind}})}, {"then", reference(noun + "." + kind)}});
    definitions[noun + "." + kind] = object(std::move(one), of_kind.quoted());
    definitions[noun + "." + kind]["description"] = shelf.at(kind).summary;
  }
  keys.update(options);
  definitions[noun + ".keys"] = object(std::move(keys), std::move(quoted));
  definitions[noun] = {{"allOf", std::move(rules)}};
}

/// "train.batch" and so on for all that a definition holds, as references to it.
void add_dotted(Json& out, const std::string& prefix, const std::string& pointer, const Json& table) {
  for (const auto& [name, schema] : table["properties"].items()) {
    const std::string at = fmt::format("{}/properties/{}", pointer, name);
    out[prefix + "." + name] = reference(at);
    if (schema.contains("properties")) add_dotted(out, prefix + "." + name, at, schema);
  }
}

/// `set` of a policy: what may differ for it alone, mostly written as "env.noise" = 0.1.
Json what_may_be_set(const Json& definitions) {
  Json run = definitions["run"];
  run["properties"].erase("seeds");  // the same for all policies, so that comparisons are paired
  Json properties = {{"run", run}, {"env", reference("env.keys")}};
  for (const char* section : {"corpus", "model", "train"}) properties[section] = reference(section);
  const Json agent = reference("agent.keys");
  properties["agents"] = {{"anyOf", {{{"type", "object"}, {"additionalProperties", agent}}, reference("agents")}}};
  add_dotted(properties, "run", "run", run);
  for (const char* section : {"corpus", "model", "train"}) add_dotted(properties, section, section, definitions[section]);
  add_dotted(properties, "env", "env.keys", definitions["env.keys"]);
  Json out = object(std::move(properties));
  out["description"] = "what differs for this policy alone: { \"env.noise\" = 0.1, \"agents.quality.epochs\" = 3 }";
  out["patternProperties"] = {{"^agents\\.[^.]+$", agent}};
  for (const auto& [name, schema] : definitions["agent.keys"]["properties"].items())
    out["patternProperties"][fmt::format("^agents\\.[^.]+\\.{}$", name)] = reference("agent.keys/properties/" + name);
  return out;
}

Json at_least_one(const std::string& noun) {
  Json out = list_of({{"allOf", {reference(noun), required("kind")}}});
  out["minItems"] = 1;
  return out;
}

/// The keys of a file.
Json experiment(const Json& definitions) {
  Json properties = {{"name", name_pattern("_.+-", "of the folder of its results; absent: the name of the file")},
                     {"base", {{"description", "an experiment file to begin from, relative to this one; tables merge, lists replace"},
                               {"type", "string"}}}};
  Json quoted = Json::object();
  // Whole names in quotes are rare here: which there are is checked, and their values are left to the program.
  const auto add_quoted = [&](const std::string& prefix, const std::string& definition) {
    Json dotted = Json::object();
    add_dotted(dotted, prefix, definition, definitions[definition]);
    std::string names;
    for (const auto& [name, schema] : dotted.items()) {
      const std::string pattern = Described::pattern(name);
      names += (names.empty() ? "" : "|") + pattern.substr(1, pattern.size() - 2);
    }
    quoted["^(" + names + ")$"] = Json::object();
  };
  for (const Section& section : sections()) {
    properties[section.name] = reference(section.name);
    add_quoted(section.name, section.name);
  }
  for (const char* one : {"env", "policy"}) {
    properties[one] = reference(one);
    add_quoted(one, std::string(one) + ".keys");
  }
  for (const char* many : {"agents", "policies", "hypotheses"}) properties[many] = reference(many);
  return object(std::move(properties), std::move(quoted));
}

/// What must be there, and what must not be there together. A file with a `base` may have the rest from it.
Json rules() {
  const Json whole = {{"not", required("base")}};
  Json needed = {{"required", {"env"}},
                 {"properties", {{"env", required("kind")}, {"policy", required("kind")}}},
                 {"anyOf", {required("policies"), required("policy")}}};
  const Json both = {{"required", {"policy", "policies"}}};
  Json out = {reference("experiment"), {{"not", both}}, {{"if", whole}, {"then", std::move(needed)}}};
  for (const std::string& kind : environments().names()) {
    const auto options = environments().at(kind).options();
    Json then;
    if (dynamic_cast<const EnvOptions&>(*options).trains()) then = {{"if", whole}, {"then", required("agents")}};
    else
      for (const char* of_training : {"corpus", "model", "train", "agents"}) then["properties"][of_training] = false;
    out.push_back({{"if", is("env", is("kind", {{"const", kind}}))}, {"then", std::move(then)}});
  }
  return out;
}

/// As text with a line for every definition: small, and what changes is seen.
std::string a_line_each(const Json& schema) {
  std::string out = "{";
  for (const auto& [name, value] : schema.items()) {
    out += fmt::format("{}\n\"{}\":", out.size() > 1 ? "," : "", name);
    if (name != "definitions") {
      out += value.dump();
      continue;
    }
    std::string lines;
    for (const auto& [of, definition] : value.items()) lines += fmt::format("{}\n\"{}\":{}", lines.empty() ? "" : ",", of, definition.dump());
    out += "{" + lines + "\n}";
  }
  return out + "\n}\n";
}

}  // namespace

std::string experiment_schema() {
  Json definitions;
  const Json fields = {{"type", "object"}, {"additionalProperties", reference("filter")}};
  definitions["filter"] = {{"anyOf", {text(), list_of(text()), fields}}};
  for (const Section& section : sections()) {
    Described described;
    described.add(*section.options());
    definitions[section.name] = object(described.properties(), described.quoted());
    definitions[section.name]["description"] = section.summary;
  }
  definitions["sweep"]["properties"]["over"] = {{"type", "object"}, {"description", "what varies: a list of values, or a range, for any option; agents = \"subsets\""}};
  Described hypothesis;
  hypothesis.add(*std::make_unique<HypothesisOptions>());
  definitions["hypotheses"] = list_of(object(hypothesis.properties()));
  define_kinds(definitions, "env", environments(), Json::object());
  define_kinds(definitions, "agent", agents(), {{"name", name_pattern("_+-", "what it is called; absent: its kind")}});
  definitions["agents"] = at_least_one("agent");
  Described deployment;
  Deployment deployed;
  deployment.add(deployed);
  Json of_policies = deployment.properties();
  of_policies["name"] = name_pattern("_+-", "what it is called; absent: its kind");
  of_policies["set"] = what_may_be_set(definitions);
  define_kinds(definitions, "policy", policies(), of_policies);
  definitions["policies"] = at_least_one("policy");
  definitions["experiment"] = experiment(definitions);
  const Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                    {"title", "fader experiment"},
                    {"description", "Written by `run_experiment tool schema` from the descriptions that files are read with."},
                    {"type", "object"},
                    {"allOf", rules()},
                    {"definitions", std::move(definitions)}};
  return a_line_each(out);
}

}  // namespace fader
