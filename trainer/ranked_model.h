// One model over several processes: each takes part of the segments of every batch, and all end with the same numbers.
//
// The processes call alike, with equal parameters and batches. Segments are cut into as many runs as there are ranks, about
// equal in positions; losses and gradient are summed in the order of the ranks (ranks.h). Against one process the sums are
// taken in another order, which is rounding; among processes the bits are equal. What is wanted of a segment by itself is one rank's
// to find, and goes to all.
//
// When a rank is lost in the middle of a batch, rank 0 does the parts of all, one after another, with the same bits: so it
// comes to a place where everything can be saved. The others throw.
#pragma once
#include <memory>

#include "trainer/model.h"
#include "trainer/ranks.h"

namespace fader {

/// RunError when the processes are found to be doing different things; LostRank in ranks other than 0.
std::unique_ptr<Model<float>> share_batches(std::unique_ptr<Model<float>> model, std::shared_ptr<Ranks> ranks);

}  // namespace fader
