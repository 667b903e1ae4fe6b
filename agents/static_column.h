// Scores that do not depend on the model: computed once per corpus, kept beside it as a column of float32.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/files.h"
#include "core/options.h"
#include "core/progress.h"
#include "trainer/trainer.h"

namespace fader {

struct StaticColumn {
  std::shared_ptr<const MappedFile> file;
  std::span<const float> values;  ///< one a passage, or `width` of each, by PassageId; finite
  Cost cost;                      ///< of computing it, when it was computed
  double seconds = 0;             ///< that it took then
};

/// Opens the column <corpus>/columns/<name>-<key>.f32, computing it first when it is not there. `key` says all that the
/// scores depend on besides the corpus. `compute` fills `width` numbers a passage and returns what that cost; it may ask for
/// columns of other names. Safe when two processes ask at once. A damaged column is computed anew.
StaticColumn static_column(const Corpus& corpus, const std::string& name, const std::string& key, Progress& progress,
                           const std::function<Cost(std::span<float>)>& compute, std::size_t width = 1);

/// A key: what computes the scores (another word when it computes others), and every option that it goes by.
std::string column_key(std::string_view method, const std::vector<Option>& options);

/// A key: what computes the scores (another word when it computes others), and every option that it goes by.
std::string column_key(std::string_view method, const std::vector<Option>& options);

}  // namespace fader
