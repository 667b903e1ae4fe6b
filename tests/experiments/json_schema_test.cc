// The schema that editors check experiment files with: what the program accepts it accepts, and what a schema can know to be
// wrong it refuses.
#include "experiments/json_schema.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "experiments/config.h"
#include "experiments/explain.h"
#include "experiments/point_reader.h"
#include "experiments/toml_reader.h"
#include "experiments/tool.h"
#include "tests/scratch_folder.h"

using namespace fader;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const fs::path kSource = FADER_SOURCE_DIR;

/// As much of draft-07 as the schema uses; any other keyword is a failure, so that nothing passes for want of being understood.
class Validator {
 public:
  explicit Validator(json root) : root_(std::move(root)) {}

  /// "" or the first thing that is wrong.
  std::string check(const json& value) const { return check(root_, value, "file"); }
  std::string check_definition(const std::string& name, const json& value) const {
    return check(root_.at("definitions").at(name), value, name);
  }
  const json& root() const { return root_; }

 private:
  std::string check(const json& schema, const json& value, const std::string& at) const {
    if (schema.is_boolean()) return schema.get<bool>() ? "" : at + " may not be here";
    if (schema.contains("$ref")) {
      REQUIRE(schema.size() == 1);
      const auto pointer = schema["$ref"].get<std::string>();
      REQUIRE(pointer.substr(0, 2) == "#/");
      return check(root_.at(json::json_pointer(pointer.substr(1))), value, at);
    }
    for (const auto& [keyword, rule] : schema.items())
      if (std::string problem = apply(keyword, rule, schema, value, at); !problem.empty()) return problem;
    return "";
  }

  std::string apply(const std::string& keyword, const json& rule, const json& schema, const json& value, const std::string& at) const {
    static const std::set<std::string> kSaysNothing = {"$schema", "title", "description", "default", "definitions", "then", "else"};
    static const std::set<std::string> kOfObjects = {"properties", "patternProperties", "additionalProperties", "required"};
    const auto fails = [&](const json& part) { return !check(part, value, at).empty(); };
    const auto unless = [&](bool fine) { return fine ? "" : at + ": " + keyword + " " + rule.dump() + ", found " + value.dump(); };
    if (kSaysNothing.count(keyword)) return "";
    if (kOfObjects.count(keyword)) return value.is_object() ? of_object(keyword, rule, schema, value, at) : "";
    if (keyword == "type") return unless(is_type(rule, value));
    if (keyword == "enum") return unless(std::count(rule.begin(), rule.end(), value) > 0);
    if (keyword == "const") return unless(rule == value);
    if (keyword == "minimum") return unless(!value.is_number() || !(value.get<double>() < rule.get<double>()));
    if (keyword == "maximum") return unless(!value.is_number() || !(value.get<double>() > rule.get<double>()));
    if (keyword == "pattern") return unless(!value.is_string() || matches(rule, value));
    if (keyword == "minItems") return unless(!value.is_array() || value.size() >= rule.get<std::size_t>());
    if (keyword == "not") return unless(fails(rule));
    if (keyword == "anyOf") return unless(!std::all_of(rule.begin(), rule.end(), fails));
    if (keyword == "allOf") return first(rule, [&](std::size_t i) { return check(rule[i], value, at); });
    if (keyword == "items")
      return value.is_array() ? first(value, [&](std::size_t i) { return check(rule, value[i], at + "/" + std::to_string(i)); }) : "";
    if (keyword == "if") {
      const char* branch = fails(rule) ? "else" : "then";
      return schema.contains(branch) ? check(schema[branch], value, at) : "";
    }
    FAIL("the validator of this test does not know " << keyword);
    return "";
  }

  std::string of_object(const std::string& keyword, const json& rule, const json& schema, const json& value, const std::string& at) const {
    if (keyword == "required") {
      for (const auto& key : rule)
        if (!value.contains(key.get<std::string>())) return at + " has no " + key.get<std::string>();
      return "";
    }
    for (const auto& [key, inner] : value.items()) {
      const std::string there = at + "/" + key;
      const bool named = schema.contains("properties") && schema["properties"].contains(key);
      std::string problem;
      if (keyword == "properties" && named) problem = check(rule[key], inner, there);
      if (keyword == "patternProperties")
        for (const auto& [pattern, part] : rule.items())
          if (problem.empty() && matches(pattern, key)) problem = check(part, inner, there);
      if (keyword == "additionalProperties" && !named && !of_a_pattern(schema, key)) problem = check(rule, inner, there);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  static bool of_a_pattern(const json& schema, const std::string& key) {
    if (schema.contains("patternProperties"))
      for (const auto& [pattern, part] : schema["patternProperties"].items())
        if (matches(pattern, key)) return true;
    return false;
  }
  static bool is_type(const json& type, const json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "number") return value.is_number();
    REQUIRE(type == "integer");
    return value.is_number_integer() || (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
  }
  static bool matches(const std::string& pattern, const std::string& text) {
    static std::map<std::string, std::regex> compiled;
    const auto [it, fresh] = compiled.try_emplace(pattern);
    if (fresh) it->second = std::regex(pattern, std::regex::ECMAScript);
    return std::regex_search(text, it->second);
  }
  template <class F>
  static std::string first(const json& list, F check) {
    for (std::size_t i = 0; i < list.size(); ++i)
      if (std::string problem = check(i); !problem.empty()) return problem;
    return "";
  }

  json root_;
};

const Validator& schema() {
  static const Validator validator(json::parse(experiment_schema()));
  return validator;
}

struct ToJson {
  json operator()(bool v) const { return v; }
  json operator()(std::int64_t v) const { return v; }
  json operator()(double v) const { return v; }
  json operator()(const std::string& v) const { return v; }
  json operator()(TomlDate) const { return "a date"; }  // JSON has none: editors show a text to the schema
  json operator()(const TomlList& list) const {
    json out = json::array();
    for (const TomlValue& value : list) out.push_back(std::visit(*this, value.data));
    return out;
  }
  json operator()(const TomlTable& table) const {
    json out = json::object();
    for (const TomlEntry& entry : table) out[entry.key] = std::visit(*this, entry.value.data);
    return out;
  }
};

/// A file as the schema sees it. Null when it is no TOML.
json seen(const std::string& text) {
  Problems problems;
  const auto source = std::make_shared<const Source>(Source{"file", "file", ".", 0});
  const TomlValue tree = parse_toml(text, source, problems);
  return problems.empty() ? std::visit(ToJson{}, tree.data) : json();
}
std::string problem(const std::string& text) {
  const json value = seen(text);
  REQUIRE(value.is_object());
  return schema().check(value);
}

std::vector<fs::path> toml_files(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".toml") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

const std::string kBandit = "[env]\nkind = \"bandit-v0\"\n";
const std::string kPretrain = "[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n";
const std::string kUcb = "[policy]\nkind = \"ucb\"\n";

}  // namespace

TEST_CASE("the schema in the tree is the one that the program writes") {
  INFO("after a change of options: ./run_experiment tool schema --out experiments/schema.json");
  CHECK(read_file(kSource / "experiments/schema.json") == experiment_schema());
  const ScratchFolder scratch;
  const fs::path file = scratch / "schema.json";
  CHECK(run_tool({"schema", "--out", file.string()}) == 0);
  CHECK(read_file(file) == experiment_schema());
}

TEST_CASE("the experiments of the tree, and every point of theirs in full, pass the schema") {
  const auto files = toml_files(kSource / "experiments");
  REQUIRE(files.size() >= 2);
  for (const fs::path& file : files) {
    CAPTURE(file.string());
    CHECK(problem(read_file(file)) == "");
    const Experiment experiment = load_experiment(file, {});
    for (const Point& point : experiment.points) CHECK(problem(point.toml) == "");
    CHECK(problem(config_of_run(experiment, experiment.points.at(0), 7)) == "");
  }
}

TEST_CASE("experiments name the schema for editors, below the question") {
  for (const fs::path& file : toml_files(kSource / "experiments")) {
    CAPTURE(file.string());
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    CHECK(load_experiment(file, {}).question == line.substr(2));
    CHECK(line.back() == '?');
    bool named = false;
    while (std::getline(in, line) && line.rfind("#", 0) == 0) named = named || line == "#:schema ./schema.json";
    CHECK(named);
  }
}

TEST_CASE("defaults are of the type and in the range that the schema states") {
  for (const Section& section : sections()) {
    CAPTURE(section.name);
    std::string text;
    const auto options = section.options();
    for (const Option& o : options->list()) text += o.name + " = " + o.value() + "\n";
    CHECK(schema().check_definition(section.name, seen(text)) == "");
  }
  const json& batch = schema().root()["definitions"]["train"]["properties"]["batch"];
  TrainOptions train;
  CHECK(batch["default"] == train.batch);
  CHECK(batch["type"] == "integer");
  CHECK(batch["minimum"] == 1);
  CHECK(batch["maximum"] == 1000000);
  CHECK(batch["description"] == "rows a step");
}

TEST_CASE("of what is wrong on record the schema refuses all that a schema can know") {
  const std::map<std::string, std::string> kBeyond = {
      {"base_circle", "another file"},
      {"base_circle_of_two", "another file"},
      {"base_is_a_folder", "another file"},
      {"base_is_no_file", "another file"},
      {"base_is_no_toml", "another file"},
      {"base_misspelt", "another file"},
      {"base_missing", "another file"},
      {"changes_that_do_not_fit", "values against each other"},
      {"corpus_relations", "values against each other"},
      {"means_that_are_no_probabilities", "values against each other"},
      {"no_seeds", "what a section checks as a whole"},
      {"policy_of_an_unknown_agent", "names that stand elsewhere in the file"},
      {"presets_twice", "values against each other"},
      {"relation_between_options", "values against each other"},
      {"same_point_twice", "values against each other"},
      {"seed_twice", "what a section checks as a whole"},
      {"two_agents_of_one_name", "values against each other"},
      {"two_policies_of_one_name", "values against each other"},
      {"unknown_baseline", "names that stand elsewhere in the file"},
      {"weights_for_a_known_answer", "one number for each agent"},
      {"weights_for_other_agents", "one number for each agent"},
      {"whole_number_with_a_point", "16.0 is 16 in JSON"},
  };
  std::size_t refused = 0;
  for (const fs::path& file : toml_files(kSource / "tests/golden/config_messages")) {
    const std::string text = read_file(file), name = file.stem().string();
    if (text.rfind("#: ", 0) == 0) continue;  // what is wrong is said on the command line
    const json value = seen(text);
    if (value.is_null()) continue;            // no TOML
    CAPTURE(name);
    const std::string found = schema().check(value);
    CAPTURE(found);
    CHECK(found.empty() == (kBeyond.count(name) > 0));
    refused += found.empty() ? 0 : 1;
  }
  CHECK(refused >= 45);
}

TEST_CASE("what a kind does not have is refused, what it has is not") {
  CHECK(problem(kBandit + kUcb + "c = 2\nzeta = 1\n") == "");
  CHECK(problem(kBandit + kUcb + "gamma = 0.9\n") != "");  // of another policy
  CHECK(problem(kBandit + "[policy]\nkind = \"discounted_ucb\"\ngamma = 0.9\n") == "");
  CHECK(problem(kBandit + "pool = \"stream\"\n" + kUcb) != "");
  CHECK(problem(kPretrain + "eta = 0.1\n" + kUcb) != "");
  CHECK(problem(kPretrain + "[[agents]]\nkind = \"domain\"\neta = 0.1\nname = \"d\"\n" + kUcb) == "");
  CHECK(problem(kBandit + "name = \"x\"\n" + kUcb) != "");  // an environment has none
  CHECK(problem(kBandit + kUcb + "name = \"x\"\n") == "");
}

TEST_CASE("training and its agents go with an environment that trains") {
  CHECK(problem(kPretrain + "[train]\nbatch = 4\n" + kUcb) == "");
  CHECK(problem("[env]\nkind = \"pretrain-v0\"\n" + kUcb) != "");
  CHECK(problem("agents = []\n[env]\nkind = \"pretrain-v0\"\n" + kUcb) != "");
  for (const char* extra : {"[train]\n", "[model]\n", "[corpus]\n", "[[agents]]\nkind = \"random\"\n"}) {
    CAPTURE(extra);
    CHECK(problem(kBandit + kUcb + extra) != "");
  }
}

TEST_CASE("a file with a base need not be whole") {
  CHECK(problem("base = \"b.toml\"\n") == "");
  CHECK(problem("base = \"b.toml\"\n[env]\nnoise = 0.5\n[policy]\nc = 2\n[train]\nbatch = 4\n") == "");
  CHECK(problem("base = \"b.toml\"\n[env]\nnosie = 0.5\n") != "");
  CHECK(problem("base = \"b.toml\"\n[env]\nkind = \"pretrain-v0\"\n") == "");  // its agents are there
  CHECK(problem("base = \"b.toml\"\n[[policies]]\nc = 2\n") != "");           // lists are not merged
  CHECK(problem("name = \"x\"\n" + kBandit) != "");
  CHECK(problem(kUcb) != "");
}

TEST_CASE("`set` takes what may differ for one policy, in dots or in tables") {
  const auto with = [](const json& set) {
    json file = seen(kPretrain + kUcb);
    file["policy"]["set"] = set;
    return schema().check(file);
  };
  CHECK(with(json::parse(R"({"env.candidates": 8, "train.batch": 4, "run.threads": 2, "corpus.reference.domains": ["a"]})")) == "");
  CHECK(with(json::parse(R"({"env": {"candidates": 8}, "corpus": {"reference.domains": "a"}, "corpus.synthetic": {"seed": 1}})")) == "");
  CHECK(with(json::parse(R"({"agents.d.eta": 0.5, "agents": {"r": {"kind": "random"}}, "agents.q": {"epochs": 2}})")) == "");
  CHECK(with(json::parse(R"({"agents": [{"kind": "random"}]})")) == "");
  for (const char* wrong : {R"({"env.candidates": 0})", R"({"env.candidate": 8})", R"({"run.seeds": [1]})", R"({"run": {"seeds": [1]}})",
                            R"({"compare.metric": "x"})", R"({"agents.d.etta": 0.5})", R"({"agents": {"d": 3}})", R"({"train": 3})"}) {
    CAPTURE(wrong);
    CHECK(with(json::parse(wrong)) != "");
  }
}

TEST_CASE("a key that is quoted with its dots is the same key") {
  json file = seen(kPretrain + kUcb);
  file["run.seeds"] = {1, 2};
  file["policy.c"] = 2;
  file["corpus"] = {{"reference.domains", {"a"}}};
  CHECK(schema().check(file) == "");
  file["run.seeds"] = "x";  // the values of such keys are the program's to check
  CHECK(schema().check(file) == "");
  file.erase("run.seeds");
  file["policy"]["set"] = {{"env.noise", "x"}};
  CHECK(schema().check(file) != "");
  file["policy"].erase("set");
  file["run.sedes"] = {1};
  CHECK(schema().check(file) != "");
}

TEST_CASE("lists, filters and names are what the reader takes") {
  CHECK(problem(kPretrain + kUcb + "[corpus]\ngroup_by = \"meta.work\"\nreference.where = { meta = { kind = [\"book\"] }, \"a.b\" = \"c\" }\n") == "");
  CHECK(problem(kPretrain + kUcb + "[corpus]\ngroup_by = [1]\n") != "");
  CHECK(problem(kPretrain + kUcb + "[corpus]\nreference.where = { kind = 3 }\n") != "");
  CHECK(problem(kBandit + "means = [0, 0.5]\nchange_every = 3\nchanges = [[1, 2], [2, 1]]\n" + kUcb) == "");
  CHECK(problem(kBandit + "changes = [1, 2]\n" + kUcb) != "");
  for (int c = 1; c < 128; ++c)
    for (const std::string& name : {std::string(1, static_cast<char>(c)), std::string("a") + static_cast<char>(c)}) {
      CAPTURE(name);
      json file = seen(kBandit + kUcb);
      file["name"] = name;
      CHECK((schema().check(file) == "") == (name_problem(name, "_-+.") == ""));
      file["name"] = "x";
      file["policy"]["name"] = name;
      CHECK((schema().check(file) == "") == (name_problem(name, "_-+") == ""));
    }
  CHECK(problem("name = \"" + std::string(64, 'a') + "\"\n" + kBandit + kUcb) == "");
  CHECK(problem("name = \"" + std::string(65, 'a') + "\"\n" + kBandit + kUcb) != "");
}
