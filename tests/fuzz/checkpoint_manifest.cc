// The manifest of a checkpoint, from bytes. What is accepted names a folder by two numbers and nothing else, and is written
// and read again as it was.
#include "experiments/checkpoint.h"
#include "tests/fuzz/fuzz.h"

using namespace fader;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Manifest m;
  if (!fuzz::accepts([&] { m = parse_manifest(text, "manifest.json"); })) return 0;
  FADER_CHECK(m.moment.interval >= 0 && m.moment.step >= 0 && m.moment.name().find_first_not_of("0123456789.") == std::string::npos);
  FADER_CHECK_EQ(m.state_sha256.size(), 64u);
  const Manifest again = parse_manifest(manifest_text(m), "manifest.json");
  FADER_CHECK(again.moment == m.moment && again.config_sha256 == m.config_sha256 && again.corpus_sha256 == m.corpus_sha256 &&
              again.seed == m.seed && again.state_sha256 == m.state_sha256 && again.state_bytes == m.state_bytes && again.program == m.program);
  return 0;
}
