// fader_report: tables, figures and a summary of what an experiment's stored runs say.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "analysis/report.h"
#include "analysis/tool_tables.h"
#include "core/error.h"

namespace {

using fader::ConfigError;

constexpr const char* kUsage =
    "usage: report [options] DIR...\n"
    "Reads the stored runs of experiments (DIR is runs/<experiment>, or a folder of such) and writes tables/, figures/,\n"
    "report.html and report.md beside them; a summary goes to standard output. Runs that are missing, half-written, failed\n"
    "or foreign are named and left out; runs of different corpora, models or token budgets are refused, unless a sweep\n"
    "varies them: then every such cell is compared by itself. Of a folder that a tool has written (tool scorecard, agents,\n"
    "credit) the figure is drawn.\n\n"
    "  --baseline NAME   compare with this policy (default: the one that the experiment names)\n"
    "  --metric PATH     compare by this dataset of one number an episode (default: the experiment's, final/loss_test)\n"
    "  --ope             off-policy estimates as well: what other arms would have earned, from runs of policies that draw arms\n"
    "  --ope-reward NAME         of this reward (default: the environment's first)\n"
    "  --ope-observations        their reward model sees what the console saw\n"
    "  --no-figures      tables and text only\n"
    "  --help            this text\n\n"
    "Exit: 0 done (also without gnuplot: tables only), 2 usage, 3 no runs, runs that cannot be compared, or --ope and nothing that\n"
    "could be estimated, 4 a figure failed.\n";

struct CommandLine {
  fader::ReportOptions options;
  std::vector<std::string> folders;
  bool help = false;
};

CommandLine parse(const std::vector<std::string>& words) {
  CommandLine out;
  fader::OpeOptions ope;
  bool estimates = false;
  const std::vector<std::string> known = {"--baseline", "--metric", "--no-figures", "--ope", "--ope-observations", "--ope-reward", "--help"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const bool option = words[i].starts_with("-");
    const std::string name = option ? words[i].substr(0, equals) : "";
    if (!option) {
      out.folders.push_back(words[i]);
    } else if (name == "--help" || name == "-h") {
      out.help = true;
    } else if (name == "--no-figures") {
      out.options.figures = false;
    } else if (name == "--ope") {
      estimates = true;
    } else if (name == "--ope-observations") {
      estimates = ope.observations = true;
    } else if (name == "--baseline" || name == "--metric" || name == "--ope-reward") {
      if (equals == std::string::npos && i + 1 == words.size()) throw ConfigError(name + ": a value is missing");
      estimates |= name == "--ope-reward";
      std::string& value = name == "--baseline" ? out.options.baseline : name == "--metric" ? out.options.metric : ope.reward;
      value = equals == std::string::npos ? words[++i] : words[i].substr(equals + 1);
    } else {
      throw ConfigError(fmt::format("{}: no such option{}; --help lists them", name, fader::suggestion(name, known)));
    }
  }
  if (estimates) out.options.ope = ope;
  if (out.folders.empty() && !out.help) throw ConfigError("no folder given; try: report runs/<experiment>");
  return out;
}

int complain(const fader::Error& error) {
  fmt::print(stderr, "report: {}\n", error.what());
  return static_cast<int>(error.code());
}

/// The first trouble is the exit code; the other folders are reported on all the same.
class Reporter {
 public:
  explicit Reporter(const fader::ReportOptions& options) : options_(options) {}
  void report_on(const std::string& folder) try {
    if (fader::has_tool_tables(folder)) return show([&] { return fader::tool_report(folder, options_); });
    for (const auto& experiment : fader::experiment_folders(folder)) show([&] { return fader::report(experiment, options_); });
  } catch (const fader::Error& error) {
    first(complain(error));
  }
  /// Done, unless there was trouble, or estimates were asked for and no folder had any.
  int code() const { return code_ == 0 && options_.ope && !estimated_ ? static_cast<int>(fader::Exit::data) : code_; }

 private:
  template <class Make>
  void show(const Make& make) try {
    const fader::Report done = make();
    for (const std::string& problem : done.problems) fmt::print(stderr, "report: {}\n", problem);
    fmt::print("{}{}", begun_ ? "\n" : "", done.summary);
    begun_ = true;
    estimated_ |= done.estimated;
    if (!done.problems.empty()) first(static_cast<int>(fader::Exit::run));
  } catch (const fader::Error& error) {
    first(complain(error));
  }
  void first(int trouble) { code_ = code_ == 0 ? trouble : code_; }

  const fader::ReportOptions& options_;
  bool begun_ = false, estimated_ = false;
  int code_ = 0;
};

}  // namespace

int main(int count, char** words) try {
  CommandLine line = parse({words + 1, words + count});
  if (line.help) {
    fmt::print("{}", kUsage);
    return 0;
  }
#ifdef FADER_SOURCE_DIR
  line.options.source = FADER_SOURCE_DIR;
#endif
  Reporter reporter(line.options);
  for (const std::string& folder : line.folders) reporter.report_on(folder);
  return reporter.code();
} catch (const fader::Error& error) {
  return complain(error);
} catch (const std::exception& error) {
  fmt::print(stderr, "report: a defect: {}\n", error.what());
  return static_cast<int>(fader::Exit::defect);
}
