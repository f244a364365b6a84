// What the spawner keeps of its boxes for the next worker, should this one die: both ends of what connects them, the
// read ends of the pipes, working directories, networks, files in memory that the worker writes into, and how boxes
// ended whose end it has not finished with. See wire.h. Part of bin/windlass-spawner: no allocation, never blocks long.
#pragma once

#include "worker/sandbox/wire.h"

namespace windlass::worker {

// Takes the descriptors that came with set_up, in the order of KeptForAll. 0, or -1 with errno. Before that nothing is
// kept, and the end of the worker is the end of everything.
int begin_keeping(const int* descriptors);
bool is_keeping();

// Where PID 1 of a box says that it runs, beside the worker's socket; -1: nowhere.
int starts_channel();
// What was said there since the last call.
void note_starts();

// Takes `count` descriptors in the order of Kept, and lets go of what was kept of the slot before.
void keep_box(int slot, std::uint64_t box, const int* descriptors, int count);
void note_end(int slot, const Report& end);
void note_stuck(int slot);
void forget_box(int slot, std::uint64_t box);

// The worker shows its death here; -1: it has died.
int lifeline();
// It was seen to be dead. False: nothing is left that would be worth waiting for the next one.
bool orphaned(bool boxes_run);
// Where the next worker knocks, while there is none.
int door();
// Milliseconds until nothing may run any longer without a worker; 0: now.
std::int64_t patience_ms();
// Somebody knocks: hands everything over. `pids`: of PID 1 of each slot, 0: none.
void let_in(const std::int32_t* pids, int slots, std::uint64_t last_box);

}  // namespace windlass::worker
