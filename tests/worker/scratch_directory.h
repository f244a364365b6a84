// A directory of one test's own, removed with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "shared/result.h"

namespace windlass::worker::testing {

class ScratchDirectory {
  public:
    ScratchDirectory() {
        std::string pattern = "/tmp/windlass-worker-test-XXXXXX";
        WINDLASS_CHECK(mkdtemp(pattern.data()) != nullptr, "no directory for a test in /tmp");
        path_ = pattern;
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    void make_directory(const std::string& name) const { std::filesystem::create_directories(*this / name); }
    void write(const std::string& name, std::string_view bytes) const {
        std::ofstream(*this / name, std::ios::binary) << bytes;
    }

  private:
    std::string path_;
};

}  // namespace windlass::worker::testing
