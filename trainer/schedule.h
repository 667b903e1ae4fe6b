// Learning rate as a function of the step: a small table of named schedules.
//
//   constant  warm-up as below, then the rate. What is looked at (losses, reference gradient, influence) in the last `decay` share of
//        the steps is the mean of the weights after each of these steps; training goes on with the weights themselves.
//        Kaddour 2022, latest weight averaging (arXiv 2209.14981), with every step a checkpoint. Status: mean checked against
//        weights averaged by hand.
//   cosine  warm-up as below, then down to final_share x rate along half a cosine, which the last step has. Loshchilov and Hutter
//        2017, "SGDR" (arXiv 1608.03983), equation 5 with one period. Status: checked against exact values.
//   wsd  warm-up, stable, decay: linear from rate/w to the rate over the first w steps, constant, then linear down to
//        final_share x rate, which the last step has. Hu et al. 2024, "MiniCPM" (arXiv 2404.06395), section 4, with a
//        linear decay. Status: checked against exact values.
//
// Pure functions; thread-safe.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/trainer.h"

namespace fader {

/// Names that TrainOptions::schedule may have.
std::vector<std::string> schedule_names();

/// Of step `step` (from 0). Steps past the end keep the last rate.
double scheduled_rate(const TrainOptions& options, std::int64_t step);

/// Weights that the mean is of once `steps` steps are done; 0: none, or no mean is kept.
std::int64_t averaged_weights(const TrainOptions& options, std::int64_t steps);

}  // namespace fader
