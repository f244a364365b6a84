// The spawner is PID 1 of a pid namespace of its own, so that the kernel ends every box with it, whatever happens.
#pragma once

namespace windlass::worker {

// Forks. The child returns 0 and is PID 1 of the namespace unshared before. The parent never returns: it waits for the
// child and ends as it did; should the worker be gone, it ends first, and the child with it. -1 with errno if fork
// fails.
int become_init();

// Before become_init(): the end of the worker is nothing to the guard, and ends no box.
void outlive_the_worker();

}  // namespace windlass::worker
