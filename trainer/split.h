// Which document belongs to which set. Whole groups move, never a document of one alone.
//
//   heldout   its groups go to the reward and the validation set in turn
//   test      to the test set
//   train     what has no file of its own is carved out of it: heldout_share of its groups for each such set; then
//             anchor_share of its reference groups becomes the anchor set; the rest is the pool
//
// "In turn" and "a share" are along the order (reference or not, domain, hash of the group's key), evenly spaced, so that
// every kind of document is represented in every set as well as its number of groups allows, and nothing depends on the
// order of the files. At least one reference group goes to each carved set, and never more than half of those left.
#pragma once
#include <cstdint>

#include "trainer/corpus_read.h"

namespace fader {

struct Duplicates {
  std::uint64_t train = 0, heldout = 0;  ///< documents left out of it because a set held out has the same text
};

/// Sets `label.set` and `kept` of every document. A group found in two of the sources is a DataError with examples when
/// options.group_by is given; else it is one text that occurs twice, and is kept in test before heldout before train.
Duplicates split(RawCorpus& raw, const CorpusOptions& options);

}  // namespace fader
