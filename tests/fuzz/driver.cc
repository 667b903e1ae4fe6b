// Drives a fuzz target where there is no libFuzzer: all seeds, then mutations of them that are the same every time. Takes the
// options of libFuzzer that are used here, so that the same command lines work:
//
//   fuzz_NAME [-runs=N] [-max_total_time=SECONDS] [-seed=N] [-max_len=BYTES] [-dict=FILE] [-artifact_prefix=PATH] [FILE|FOLDER]...
//
// Files alone are run once each, in order; a folder holds seeds. Other options of libFuzzer's form are passed over. Blind: what
// a mutation reaches is not watched. A finding is written to PATHcrash-NAME and ends the program with 1, or by its signal.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "core/rng.h"
#include "tests/fuzz/fuzz.h"

// Of the sanitisers, where they are there.
extern "C" void __sanitizer_set_death_callback(void (*)(void)) __attribute__((weak));

namespace {

using fader::Rng;
namespace fs = std::filesystem;

constexpr unsigned kSecondsAnInput = 20;
constexpr rlim_t kMoreMemory = rlim_t{1} << 30;  // than there is in use at the beginning

struct Settings {
  std::int64_t runs = -1, max_total_time = 0, seed = 1, max_len = 4096;
  std::string dict, artifact_prefix;
  std::vector<fs::path> files, folders;
};

Settings read_command_line(int argc, char** argv) {
  Settings out;
  const std::map<std::string, std::int64_t*> numbers = {
      {"-runs", &out.runs}, {"-max_total_time", &out.max_total_time}, {"-seed", &out.seed}, {"-max_len", &out.max_len}};
  const std::map<std::string, std::string*> texts = {{"-dict", &out.dict}, {"-artifact_prefix", &out.artifact_prefix}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string name = argument.substr(0, argument.find('=')), value = argument.substr(std::min(name.size() + 1, argument.size()));
    if (const auto number = numbers.find(name); number != numbers.end())
      std::from_chars(value.data(), value.data() + value.size(), *number->second);
    else if (const auto text = texts.find(name); text != texts.end()) *text->second = value;
    else if (argument[0] != '-') (fs::is_directory(argument) ? out.folders : out.files).emplace_back(argument);
  }
  return out;
}

// Words in quotes, a line each, with \xNN, \\ and \" in them.
std::vector<std::string> read_words(const std::string& file) {
  std::vector<std::string> words;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto open = line.find('"'), close = line.rfind('"');
    if (line.empty() || line[0] == '#' || open == close) continue;
    std::string& word = words.emplace_back();
    for (std::size_t i = open + 1; i < close; ++i) {
      unsigned code = 0;
      if (line[i] != '\\') word += line[i];
      else if (line[++i] != 'x') word += line[i];
      else std::from_chars(line.data() + i + 1, line.data() + i + 3, code, 16), word += static_cast<char>(code), i += 2;
    }
  }
  return words;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One to eight small changes: bytes, whole numbers as lengths and counts are, pieces moved, doubled, left out, taken from another.
class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::vector<std::string> words, std::int64_t seed, std::size_t longest)
      : seeds_(seeds), words_(std::move(words)), rng_(static_cast<std::uint64_t>(seed), "fuzz/mutations"), longest_(longest) {}

  std::string next() {
    std::string bytes = seeds_[rng_.below(seeds_.size())];
    for (auto n = 1 + rng_.below(8); n > 0; --n) change(bytes);
    bytes.resize(std::min(bytes.size(), longest_));
    return bytes;
  }

 private:
  std::size_t place(const std::string& bytes) { return static_cast<std::size_t>(rng_.below(bytes.size() + 1)); }
  std::size_t span(const std::string& bytes, std::size_t from) {
    return static_cast<std::size_t>(1 + rng_.below(std::min<std::size_t>(bytes.size() - from, rng_.below(4) == 0 ? 256 : 8) + 1));
  }

  void change(std::string& bytes) {
    const std::size_t at = place(bytes);
    const bool inside = at < bytes.size();
    switch (rng_.below(10)) {
      case 0:
        if (inside) bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng_.below(8)));
        break;
      case 1:
        if (inside) bytes[at] = static_cast<char>(rng_.below(256));
        break;
      case 2: number(bytes, at); break;
      case 3: bytes.insert(at, 1 + rng_.below(8), static_cast<char>(rng_.below(256))); break;
      case 4: bytes.erase(at, span(bytes, at)); break;
      case 5: bytes.insert(place(bytes), std::string(bytes, at, span(bytes, at))); break;
      case 6: splice(bytes, at); break;
      case 7: bytes.resize(at); break;
      default: word(bytes, at);
    }
  }
  void number(std::string& bytes, std::size_t at) {
    static constexpr std::uint64_t kNumbers[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~std::uint64_t{0} >> 1, ~std::uint64_t{0}};
    std::uint64_t value = kNumbers[rng_.below(std::size(kNumbers))] + rng_.below(3) - 1;
    if (rng_.below(4) == 0) value = bytes.size();
    const std::size_t width = std::min(std::size_t{1} << rng_.below(4), bytes.size() - at);
    std::memcpy(bytes.data() + at, &value, width);
  }
  void splice(std::string& bytes, std::size_t at) {
    const std::string& other = seeds_[rng_.below(seeds_.size())];
    const std::size_t from = place(other);
    bytes.insert(at, other, from, rng_.below(2) == 0 ? std::string::npos : span(other, from));
  }
  void word(std::string& bytes, std::size_t at) {
    if (words_.empty()) return;
    const std::string& w = words_[rng_.below(words_.size())];
    bytes.replace(at, rng_.below(2) == 0 ? 0 : w.size(), w);
  }

  const std::vector<std::string>& seeds_;
  const std::vector<std::string> words_;
  Rng rng_;
  std::size_t longest_;
};

// What a dying process can still reach.
const std::string* running = nullptr;
char artifact[4096];

void save() {  // only what a signal handler may call
  if (!running) return;
  const int file = ::open(artifact, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ::write(file, running->data(), running->size()) < 0) return;
  ::close(file);
  const auto say = [](const char* text) { [[maybe_unused]] const auto n = ::write(2, text, std::strlen(text)); };
  say("\nfinding: the input is in ");
  say(artifact);
  say("\n");
  running = nullptr;
}
void on_signal(int signal) {
  save();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void watch(const std::string& name, const Settings& settings) {
  std::snprintf(artifact, sizeof artifact, "%scrash-%s", settings.artifact_prefix.c_str(), name.c_str());
  ::signal(SIGALRM, on_signal);  // it hangs
  if (__sanitizer_set_death_callback) {
    __sanitizer_set_death_callback(save);
    return;  // its own handlers say more, and its shadow memory knows no limit
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(signal, on_signal);
#ifndef __SANITIZE_THREAD__
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit limit{pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMoreMemory, RLIM_INFINITY};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
}

bool run(const std::string& input) {
  running = &input;
  ::alarm(kSecondsAnInput);
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    save();
    return false;
  }
  ::alarm(0);
  running = nullptr;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = read_command_line(argc, argv);
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(); };
  watch(fs::path(argv[0]).filename().string(), settings);

  std::vector<fs::path> files = settings.files;
  for (const auto& folder : settings.folders)
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) files.push_back(entry.path());
  if (settings.files.empty()) std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(read(file));
  if (seeds.empty()) seeds.emplace_back();

  std::int64_t done = 0;
  for (const auto& seed : seeds) {
    if (!run(seed)) return 1;
    ++done;
  }
  Mutator mutator(seeds, read_words(settings.dict), settings.seed, static_cast<std::size_t>(settings.max_len));
  const bool files_alone = settings.folders.empty() && !settings.files.empty();
  const auto more = [&] {
    return !files_alone && (settings.runs < 0 || done < settings.runs) &&
           (settings.max_total_time <= 0 || seconds() < static_cast<double>(settings.max_total_time));
  };
  while (more()) {
    if (!run(mutator.next())) return 1;
    ++done;
  }
  std::fprintf(stderr, "Done %lld runs in %.1f second(s)\n", static_cast<long long>(done), seconds());
  return 0;
}
