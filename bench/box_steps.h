// What each step of a box costs: the plan of a box with some steps left out, against the whole one, in turns.
//
// A box without all its walls runs nothing but the harmless static program of this benchmark, and only in a pid and
// mount namespace of its own.
#pragma once

#include <string>

namespace windlass::bench {

// Prints the table. `program`: its path as the boxes see it. Must run as root.
void print_share_of_steps(const std::string& program, int runs, int rounds);

}  // namespace windlass::bench
