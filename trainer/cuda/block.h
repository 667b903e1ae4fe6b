// How a kernel is written, once for two machines.
//
// A kernel is a struct: its members are its arguments, and `operator()(block, index)` is what one block of lanes does for the
// index-th part of the work. On a GPU the lanes are the threads of a thread block, or of a warp where kLanes is 32 (cuda_device.h);
// on this processor they are threads too, or a single one that does everybody's share (host_device.h). A block offers
//
//   lane(), lanes()    which one is running, of how many
//   sum(x), max(x)     over all lanes, to all lanes; in a fixed order: equal calls give equal bits
//   sync()             all lanes have come here, and see what the others wrote
//   scratch()          memory of the block, as many floats as the launch asked for
//
// Every lane must come to every sum, max and sync; loops over a block's work are written with `share` and `share_grid`.
#pragma once
#include <cstdint>

#include "trainer/half.h"

#if defined(__CUDACC__)
#define FADER_LANES __device__
#else
#define FADER_LANES
#endif

namespace fader::cuda {

using Index = std::int64_t;

/// work(i) for i in [0, n), shared out to the lanes of a block: neighbours to neighbours.
template <class Block, class Work>
FADER_LANES void share(const Block& block, int n, const Work& work) {
  for (int i = block.lane(); i < n; i += block.lanes()) work(i);
}

/// work(row, column) for all of a grid, shared out row by row; divides once, not once for each.
template <class Block, class Work>
FADER_LANES void share_grid(const Block& block, int rows, int cols, const Work& work) {
  const int down = block.lanes() / cols, right = block.lanes() % cols;
  for (int r = block.lane() / cols, c = block.lane() % cols; r < rows;) {
    work(r, c);
    r += down;
    c += right;
    if (c < cols) continue;
    c -= cols;
    ++r;
  }
}

FADER_INLINE Index blocks_of(Index n, Index each) { return (n + each - 1) / each; }

}  // namespace fader::cuda
