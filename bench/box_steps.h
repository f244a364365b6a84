// What each step of a box costs: the real plans, carried out step by step by the code of the spawner and of PID 1, with
// the processor time of the thread read before and after each. No step is left out, and instead of executing a program
// the process that would become the job ends. All of it happens in a pid and mount namespace of its own.
#pragma once

namespace windlass::bench {

// Prints the table. Must run as root.
void print_share_of_steps(int runs);

}  // namespace windlass::bench
