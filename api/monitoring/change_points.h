// Where the level of a series of numbers changes.
//
// PELT: R. Killick, P. Fearnhead, I. A. Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost",
// Journal of the American Statistical Association 107 (2012): the segmentation with the smallest sum of squared
// distances from the means of its segments, each segment costing a penalty of 3 s^2 ln n. s, the noise, is estimated
// from the differences of neighbours (their median absolute deviation, which a few jumps do not move), and taken as at
// least a hundredth of the range, so that a smooth series is not cut to pieces. Segments are three values long at
// least. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace windlass::api {

// Numbers of the values that begin a new segment, ascending; never 0. `values` are finite.
std::vector<std::size_t> change_points(std::span<const double> values);

}  // namespace windlass::api
