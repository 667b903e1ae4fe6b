// Experiment files that are right: what they resolve to, and that the resolved text resolves to itself.
#include "experiments/config.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "experiments/resolve.h"

using namespace fader;
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

namespace {

/// A folder of files that goes away with the test.
class Scratch {
 public:
  Scratch() : folder(fs::temp_directory_path() / ("fader_config_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  ~Scratch() { fs::remove_all(folder); }
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  const fs::path folder;
};

const std::string kBandit = "[env]\nkind = \"bandit-v0\"\n";
const std::string kUcb = "[policy]\nkind = \"ucb\"\n";

Experiment load(const Scratch& scratch, const std::string& text, const Strings& overrides = {}) {
  return load_experiment(scratch.write("x.toml", text), overrides);
}

std::string value_of(const Point& point, const std::string& path) {
  for (const Setting& s : settings(point))
    if (s.path() == path) return s.value;
  return "(none)";
}
std::string origin_of(const Point& point, const std::string& path) {
  for (const Setting& s : settings(point))
    if (s.path() == path) return s.origin;
  return "(none)";
}

std::string message_of(const Scratch& scratch, const std::string& text, const Strings& overrides = {}) {
  try {
    load(scratch, text, overrides);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a small file resolves to one point with defaults") {
  const Scratch scratch;
  const Experiment x =
      load(scratch, "#  Is UCB any good?  \n" + kBandit + "[policy]\nkind = \"ucb\"\nc = 2\n[run]\nseeds = [4, 2]\n");
  CHECK(x.name == "x");
  CHECK(x.question == "Is UCB any good?");
  CHECK(x.compare.baseline == "ucb");
  REQUIRE(x.points.size() == 1);
  const Point& p = x.points[0];
  CHECK(p.slug == "base");
  CHECK(p.hash.size() == 64);
  CHECK(p.run.seeds == std::vector<std::int64_t>{4, 2});
  CHECK(p.env.kind == "bandit-v0");
  CHECK(p.policy.name == "ucb");
  CHECK(p.agents.empty());
  CHECK_FALSE(p.trains());
  CHECK(value_of(p, "policy.c") == "2.0");  // a whole number where a number is expected
  CHECK(origin_of(p, "policy.c") == "x.toml:6");
  CHECK(origin_of(p, "policy.kind") == "x.toml:5");
  CHECK(origin_of(p, "env.horizon") == "default");
  CHECK(value_of(p, "train.batch") == "(none)");  // nothing is trained
}

TEST_CASE("sections, agents and policies of a training environment") {
  const Scratch scratch;
  const Experiment x = load(scratch, R"(
name = "mixed"
[corpus]
reference.domains = ["book"]
group_by = "meta.work"
[corpus.reference.where]
"meta.kind" = ["book", "essay"]
meta.lang = "en"
[model]
width = 32
[env]
kind = "pretrain-v0"
[[agents]]
kind = "random"
[[agents]]
kind = "random"
name = "dice"
[[policies]]
kind = "uniform"
[[policies]]
kind = "one_hot"
name = "alone"
agent = "dice"
[compare]
baseline = "alone"
)");
  CHECK(x.name == "mixed");
  CHECK(x.compare.baseline == "alone");
  REQUIRE(x.points.size() == 2);
  const Point& p = x.points[1];
  CHECK(p.slug == "policy=alone");
  CHECK(p.model.width == 32);
  CHECK(p.corpus.reference_domains == Strings{"book"});
  CHECK(p.corpus.group_by == Strings{"meta.work"});  // one text is a list of one
  CHECK(p.corpus.reference_where == Filters{{"meta.kind", {"book", "essay"}}, {"meta.lang", {"en"}}});
  REQUIRE(p.agents.size() == 2);
  CHECK(p.agents[0].name == "random");
  CHECK(p.agents[1].name == "dice");
  CHECK(p.policy.kind == "one_hot");
  CHECK(x.points[0].hash != p.hash);
}

TEST_CASE("parents are read first, tables merge by key, arrays replace") {
  const Scratch scratch;
  scratch.write("base/grand.toml",
                "name = \"grand\"\n[env]\nkind = \"bandit-v0\"\nnoise = 0.5\nhorizon = 10\n[run]\nseeds = [1, 2, 3]\n");
  scratch.write("base/small.toml", "base = \"grand.toml\"\n[env]\nhorizon = 20\n[policy]\nkind = \"ucb\"\nc = 0.25\n");
  const Experiment x =
      load(scratch, "base = \"base/small.toml\"\n[run]\nseeds = [7]\n[env]\nmeans = [0, 1]\n[policy]\nfloor_passages = 0\n");
  CHECK(x.name == "x");  // a name is not inherited
  const Point& p = x.points.at(0);
  CHECK(p.run.seeds == std::vector<std::int64_t>{7});
  CHECK(value_of(p, "env.noise") == "0.5");
  CHECK(value_of(p, "env.horizon") == "20");
  CHECK(value_of(p, "env.means") == "[0.0, 1.0]");
  CHECK(value_of(p, "policy.c") == "0.25");
  CHECK(origin_of(p, "env.noise") == "base/grand.toml:4");
  CHECK(origin_of(p, "policy.c") == "base/small.toml:6");
  CHECK(origin_of(p, "env.means") == "x.toml:5");

  const Experiment y =
      load(scratch, "base = \"base/small.toml\"\n[[policies]]\nkind = \"uniform\"\n[[policies]]\nkind = \"ucb\"\n");
  REQUIRE(y.points.size() == 2);  // [[policies]] replaces [policy]
  CHECK(value_of(y.points[1], "policy.c") == "1.0");
}

TEST_CASE("overrides of --set win over files, in order, and name things in lists") {
  const Scratch scratch;
  const std::string two =
      kBandit +
      "[[policies]]\nkind = \"ucb\"\nset = { \"env.horizon\" = 30 }\n[[policies]]\nkind = \"ucb\"\nname = \"wide\"\nc = 3\n";
  const Experiment x = load(scratch, two,
                            {"policies.wide.c=4", "run.seeds=[1,2]", "env.payoff=bernoulli", "policies.ucb.c=0.5",
                             "policies.ucb.c = 0.75", "name=other"});
  CHECK(x.name == "other");
  CHECK(value_of(x.points[0], "policy.c") == "0.75");
  CHECK(value_of(x.points[1], "policy.c") == "4.0");
  CHECK(origin_of(x.points[1], "policy.c") == "--set");
  CHECK(value_of(x.points[1], "env.payoff") == "\"bernoulli\"");
  CHECK(x.points[1].run.seeds == std::vector<std::int64_t>{1, 2});
  CHECK(value_of(x.points[0], "env.horizon") == "30");
  CHECK(value_of(x.points[1], "env.horizon") == "100");
  CHECK(x.points[0].slug == "policy=ucb,env.horizon=30");

  const Experiment y = load(scratch, two, {"env.horizon=40"});  // above `set`, and the slug says what is true
  CHECK(value_of(y.points[0], "env.horizon") == "40");
  CHECK(y.points[0].slug == "policy=ucb,env.horizon=40");

  const Experiment z = load(scratch, kBandit + kUcb, {"policy.c=0.125", "policy.name=narrow"});
  CHECK(value_of(z.points.at(0), "policy.c") == "0.125");
  CHECK(z.points[0].policy.name == "narrow");
  CHECK(load(scratch, kBandit, {"policies=[{kind=\"uniform\"},{kind=\"ucb\"}]"}).points.size() == 2);
  CHECK(load(scratch, kBandit, {"policy.kind=uniform"}).points.at(0).policy.kind == "uniform");
}

TEST_CASE("a bare word is a text for options that are texts, whatever it looks like") {
  const Scratch scratch;
  const std::string text = "[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n" + kUcb;
  const Point p =
      load(scratch, text, {"corpus.group_by=2024", "corpus.reference.domains=a#b", "corpus.topic_field=true"}).points.at(0);
  CHECK(p.corpus.group_by == Strings{"2024"});
  CHECK(p.corpus.reference_domains == Strings{"a#b"});
  CHECK(p.corpus.topic_field == "true");
  CHECK(has(message_of(scratch, text, {"corpus.topic_field=\"\xff\""}), "not valid UTF-8"));
  CHECK(has(message_of(scratch, text, {"train.batch=8 # more"}),
            "train.batch is the text '8 # more'; expected a whole number"));
  CHECK(has(message_of(scratch, text, {"train.batch=8\ntrain.intervals=3"}), "expected a whole number"));
}

TEST_CASE("paths are relative to where they are written") {
  const Scratch scratch;
  scratch.write("base/p.toml", "[corpus]\ntrain = [\"../data/a.jsonl\", \"/abs/b.jsonl\"]\n");
  const std::string text =
      "base = \"base/p.toml\"\n[corpus]\nheldout = \"here.jsonl\"\n[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = "
      "\"random\"\n" +
      kUcb;
  const Point p = load(scratch, text, {"corpus.test=there/*.jsonl"}).points.at(0);
  CHECK(p.corpus.train == Strings{(scratch.folder / "data/a.jsonl").string(), "/abs/b.jsonl"});
  CHECK(p.corpus.heldout == Strings{(scratch.folder / "here.jsonl").string()});
  CHECK(p.corpus.test == Strings{(fs::current_path() / "there/*.jsonl").string()});
  CHECK(p.corpus.tokenizer.empty());
}

TEST_CASE("the resolved text runs by itself to the same point, to the bit") {
  const Scratch scratch;
  const std::string texts[] = {
      "# Why?\n" + kBandit +
          "noise = 0.1\nmeans = [0.1, 0.30000000000000004, 1e-300]\n[[policies]]\nkind = \"ucb\"\nc = 0.7\n" +
          "presets_list = [[1, 0, 0], [0.25, 0.25, 0.5]]\n[[policies]]\nkind = \"uniform\"\nname = \"even\"\nset = { "
          "\"env.horizon\" = 7 }\n",
      "[corpus]\ntrain = \"a \\\"b\\\" \\\\ \\u00e9\\t.jsonl\"\nreference.where = { \"meta.kind\" = [\"book\"] "
      "}\n[env]\nkind = \"pretrain-v0\"\n" +
          std::string("[[agents]]\nkind = \"random\"\n[[agents]]\nkind = \"random\"\nname = \"dice\"\n") + kUcb +
          "set = { \"train.batch\" = 8, \"model.norm_epsilon\" = 0.00001 }\n"};
  for (const std::string& text : texts) {
    const Experiment x = load(scratch, text, {"run.seeds=[9, 3]"});
    for (const Point& p : x.points) {
      CAPTURE(p.toml);
      const Experiment again = load_experiment(scratch.write("elsewhere/config.toml", p.toml), {});
      REQUIRE(again.points.size() == 1);
      const Point& q = again.points[0];
      CHECK(again.name == x.name);
      CHECK(again.question == x.question);
      CHECK(q.slug == "base");
      CHECK(q.hash == p.hash);
      CHECK(q.policy.name == p.policy.name);
      const auto before = settings(p), after = settings(q);
      REQUIRE(before.size() == after.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        CHECK(before[i].path() == after[i].path());
        CHECK(before[i].value == after[i].value);  // shortest text that reads back to the same bits
      }
    }
    const Experiment one = load_resolved(scratch.write("run/config.toml", config_of_run(x, x.points[0], 3)));
    CHECK(one.points.at(0).run.seeds == std::vector<std::int64_t>{3});
    CHECK(one.points[0].hash == x.points[0].hash);
  }
}

TEST_CASE("a resolved file leads to no other file") {
  const Scratch scratch;
  scratch.write("secret.toml", kBandit);
  const auto file = scratch.write("run/config.toml", "base = \"../secret.toml\"\n" + kUcb);
  CHECK_NOTHROW(load_experiment(file, {}));
  CHECK_THROWS_WITH(load_resolved(file), Catch::Contains("config.toml:1:8: error: base: a resolved file stands alone"));
}

TEST_CASE("letters of any script outside of texts are refused in their place") {
  const Scratch scratch;
  for (const char* letter : {"\u00a1", "\u00e9", "\u015e", "\u3042", "\u3001"}) {
    CAPTURE(letter);
    const auto file = scratch.write("x.toml", kBandit + kUcb + "c = 1 " + letter + "\n");
    CHECK_THROWS_WITH(load_experiment(file, {}), Catch::Contains("this is not TOML"));
    CHECK_THROWS_WITH(load_experiment(scratch.write("y.toml", std::string(letter) + "m = 1\n" + kBandit + kUcb), {}), Catch::Contains("y.toml:1:"));
  }
}

TEST_CASE("the resolved text says where each value came from, without folders of this machine") {
  const Scratch scratch;
  scratch.write("base/b.toml", kBandit);
  const Point p = load(scratch, "base = \"base/b.toml\"\n" + kUcb + "c = 0.5\n", {"run.threads=2"}).points.at(0);
  CHECK(has(p.toml, "threads = 2 "));
  CHECK(has(p.toml, "# --set\n"));
  CHECK(has(p.toml, "# base/b.toml:2\n"));
  CHECK(has(p.toml, "# x.toml:4\n"));
  CHECK(has(p.toml, "# default\n"));
  CHECK_FALSE(has(p.toml, scratch.folder.string()));
}

TEST_CASE("the hash is of what can change a result, and of nothing else") {
  const Scratch scratch;
  const auto hash = [&](const std::string& text, const Strings& overrides = {}) {
    return load(scratch, text, overrides).points.at(0).hash;
  };
  const std::string text = kBandit + kUcb;
  const std::string h = hash(text);
  CHECK(hash("name = \"other\"\n# a comment\n" + text) == h);
  CHECK(hash(text, {"run.seeds=[5]"}) == h);
  CHECK(hash(text, {"policy.name=renamed"}) == h);
  CHECK(hash(text, {"run.log_steps=false"}) == h);
  CHECK(hash(text, {"env.noise=0.1"}) == h);  // its default
  CHECK(hash(text, {"env.noise=0.2"}) != h);
  CHECK(hash(text, {"policy.c=0.2"}) != h);
  CHECK(hash(text, {"run.threads=2"}) != h);
  CHECK(hash(text, {"policy.kind=uniform"}) != h);

  const std::string agents[] = {"[[agents]]\nkind = \"random\"\nname = \"a\"\n",
                                "[[agents]]\nkind = \"random\"\nname = \"b\"\n"};
  const std::string head = "[env]\nkind = \"pretrain-v0\"\n";
  CHECK(hash(head + agents[0] + agents[1] + kUcb) !=
        hash(head + agents[1] + agents[0] + kUcb));  // weights are in their order
}

TEST_CASE("precision is settled when the file is read, and the file of the run says so") {
  const Scratch scratch;
  const std::string text = "[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n[policy]\nkind = \"uniform\"\n";
  const auto precision = [&](const Strings& overrides) { return load(scratch, text, overrides).points[0].train.precision; };
  CHECK(precision({}) == TrainOptions().resolved().precision);
  CHECK(precision({}) != "auto");
  CHECK(precision({"run.device=cuda"}) == "bfloat16");
  for (const std::string given : {"float32", "bfloat16"}) CHECK(precision({"train.precision=" + given}) == given);
  const Experiment x = load(scratch, text);
  CHECK_THAT(origin_of(x.points[0], "train.precision"), Catch::StartsWith("auto"));
  CHECK(x.points[0].toml.find("precision = \"auto\"") == std::string::npos);
  CHECK(load(scratch, x.points[0].toml).points[0].hash == x.points[0].hash);
}

TEST_CASE("the models in experiments/base can be built on") {
  const Scratch scratch;
  for (const auto& [name, size] : {std::pair{"llama_373m", 341e6}, {"llama_1b3", 1.28e9}}) {
    const std::string base = std::string(FADER_SOURCE_DIR) + "/experiments/base/" + name + ".toml";
    const Experiment x = load(scratch, "base = \"" + base + "\"\n[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n[policy]\nkind = \"uniform\"\n");
    CHECK(static_cast<double>(x.points[0].model.parameters()) == Approx(size).epsilon(0.01));
    CHECK(x.points[0].train.recompute);
  }
}

TEST_CASE("slugs are folder names, short and different") {
  CHECK(slug_of("policy=ucb,env.selection=top_k") == "policy=ucb,env.selection=top_k");
  const std::string longer = "policy=a," + std::string(100, 'x');
  CHECK(slug_of(longer).size() == 80);
  CHECK(slug_of(longer) != slug_of(longer + "y"));

  const Scratch scratch;
  const Experiment x =
      load(scratch, kBandit +
                        "[[policies]]\nkind = \"ucb\"\nset.env.means = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.11, "
                        "0.12, 0.13, 0.14]\n[[policies]]\nkind = \"uniform\"\n");
  CHECK(x.points[0].slug.rfind("policy=ucb,env.means=0.1_0.2_", 0) == 0);
  CHECK(x.points[0].slug.size() <= 80);
  CHECK(x.points[1].slug == "policy=uniform");
}

TEST_CASE("a file that cannot be read is one clear message") {
  const Scratch scratch;
  scratch.write("bandit_ucb.toml", kBandit + kUcb);
  const auto message = [](const fs::path& file) {
    try {
      load_experiment(file, {});
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const std::string folder = scratch.folder.string();
  CHECK(message(scratch.folder / "bandit_ubc.toml") ==
        folder + "/bandit_ubc.toml: error: no such file; did you mean '" + folder + "/bandit_ucb.toml'?");
  CHECK(message(scratch.folder / "bandit_ucb") ==
        folder + "/bandit_ucb: error: no such file; did you mean '" + folder + "/bandit_ucb.toml'?");
  CHECK(message(scratch.folder) == folder + ": error: this is a folder; expected an experiment file, ending in .toml");
  CHECK(message(scratch.write("binary.toml", std::string("a = \"\xff\xfe\"\n"))) ==
        folder + "/binary.toml:1:5: error: this is not TOML: here is a byte that is not of UTF-8; expected a text file, saved as UTF-8");
  CHECK(has(message(scratch.write("empty.toml", "")), "empty.toml:1:1: error: there is no environment"));
  scratch.write("a.toml", "base = \"b.toml\"\n");
  scratch.write("b.toml", "base = \"./a.toml\"\n");
  CHECK(has(message(scratch.folder / "a.toml"), "b.toml:1:8: error: base goes round in a circle: "));
  CHECK(has(message(scratch.write("deep.toml", "a = " + std::string(5000, '['))), "deep.toml:1:"));
}

TEST_CASE("all problems are told at once, in the order of the file, each once") {
  const Scratch scratch;
  const std::string message =
      message_of(scratch,
                 "[env]\nkind = \"bandit-v0\"\nhorizon = 0\nnoise = -1\n[[policies]]\nkind = \"ucb\"\nc = -1\n"
                 "[[policies]]\nkind = \"uniformm\"\n[run]\nseeds = [1, 1]\n",
                 {"run.threads=0"});
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= message.size();) {
    const std::size_t end = std::min(message.find('\n', begin), message.size());
    lines.push_back(message.substr(begin, end - begin));
    begin = end + 1;
  }
  REQUIRE(lines.size() == 5);  // seeds are not looked at while another value of [run] is wrong
  CHECK(has(lines[0], "x.toml:3:11: error: env.horizon is 0"));
  CHECK(has(lines[1], "x.toml:4:9: error: env.noise is -1"));
  CHECK(has(lines[2], "x.toml:7:5: error: policies.ucb.c is -1"));
  CHECK(has(lines[3], "x.toml:9:8: error: no policy 'uniformm'; did you mean 'uniform'?"));
  CHECK(has(lines[4], "--set run.threads=0: error: run.threads is 0"));
}
