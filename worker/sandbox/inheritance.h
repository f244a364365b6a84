// The worker's side of a spawner that outlives its worker (keeping.h): what is handed to it at its start, and taken
// over from one that a former worker has left.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"
#include "worker/file_descriptor.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {

// Files in memory that worker and spawner both hold.
Result<FileDescriptor> memory_file(const char* name);
Result<std::string> read_whole(int file);

// The page that tells the spawner how long its boxes may run without a worker.
class LeasePage {
  public:
    static Result<LeasePage> map(int file);
    LeasePage(LeasePage&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}
    LeasePage& operator=(LeasePage&& other) noexcept {
        std::swap(page_, other.page_);
        return *this;
    }
    ~LeasePage();

    // Both in this machine's steady clock. A time in the past, or none: nothing may run.
    void set(std::optional<SteadyTime> good_until);
    std::optional<SteadyTime> get() const;

  private:
    explicit LeasePage(KeepingPage* page) : page_(page) {}
    KeepingPage* page_ = nullptr;
};

struct InheritedBox {
    KeptBox about;
    std::array<FileDescriptor, max_kept> descriptors;  // by Kept::Place; empty: it did not come along
};

struct Inheritance {
    FileDescriptor lifeline;
    std::array<FileDescriptor, KeptForAll::inherited> for_all;
    std::vector<InheritedBox> boxes;
    std::uint64_t last_box = 0;
    pid_t spawner = 0;
};

// Listens in `directory`, which is ours alone. What stood there before is removed.
Result<FileDescriptor> make_door(const std::string& directory);
// Knocks at the door of a spawner that a former worker left. No value: there is none, or none that still answers.
// unavailable: it speaks another language; it was told to end, and its boxes with it.
Result<std::optional<Inheritance>> inherit(const std::string& directory);

}  // namespace windlass::worker
