// The points of one series in one window of time, packed into a few bytes each.
//
// Times by delta-of-delta and values XORed with the one before, as in T. Pelkonen et al., "Gorilla: A Fast, Scalable,
// In-Memory Time Series Database", VLDB 2015, section 4.1. Differences from the paper: times are milliseconds, so the
// classes of the delta-of-delta are wider; any class may hold the second time; a row may have several values.
//
//   byte 0    1: points as measured, one value each; 2: stretches, four values each (mean, min, max, count)
//   varint    number of rows (LEB128)
//   bits      of each row, the highest bit of a byte first; the last byte is filled up with zeros:
//     time    first row: 64 bits, ms since 1970. Then D, the difference of two deltas (the delta before the second row
//             is 0):  0: D = 0;  10: 7 bits;  110: 14 bits;  1110: 22 bits;  1111: 64 bits (two's complement)
//     values  first row: 64 bits each, IEEE 754. Then the XOR with the row before:  0: equal;
//             10: the bits that differ lie within the block of the row before, and follow;
//             11: 5 bits leading zeros (31 at most), 6 bits length of the block less 1, the block
//
// Pure. What pack() made is read by unpack() exactly, bit by bit, NaN and -0.0 included.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::metrics {

struct Point {
    std::int64_t at_ms = 0;
    double value = 0;

    bool operator==(const Point&) const = default;
};

// What was measured from `at_ms` on, for as long as its resolution says.
struct Stretch {
    std::int64_t at_ms = 0;
    double mean = 0;
    double min = 0;
    double max = 0;
    double count = 0;  // of points, whole

    bool operator==(const Stretch&) const = default;
};

// Times must ascend strictly; what does not is a broken assumption.
std::string pack(std::span<const Point> points);
std::string pack(std::span<const Stretch> stretches);

// Any bytes are safe to read; never yields more than four rows for each byte.
//   internal  these bytes were not made by pack()
Result<std::vector<Point>> unpack_points(std::string_view bytes);
Result<std::vector<Stretch>> unpack_stretches(std::string_view bytes);

}  // namespace windlass::metrics
