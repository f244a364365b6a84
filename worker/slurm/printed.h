// What a job in Slurm prints on one stream, read from its file from the beginning by each life of the worker: keeps the
// cuts of former lives, so that chunks that were sent once are the same for ever. Pure.
#pragma once

#include <deque>
#include <vector>

#include "worker/output_collector.h"

namespace windlass::worker::slurm {

class Printed {
  public:
    // `cuts`: where the chunks of former lives end, ascending.
    Printed(std::int64_t limit_bytes, const std::vector<std::int64_t>& cuts)
        : output(limit_bytes), cuts_(cuts.begin(), cuts.end()), recorded_(cuts.size()) {}

    std::int64_t offset() const { return read_; }  // of the file, from where to read on
    void add(std::string_view bytes) {
        read_ += static_cast<std::int64_t>(bytes.size());
        while (!cuts_.empty() && !bytes.empty()) {
            const auto missing = static_cast<std::size_t>(cuts_.front() - output.kept_bytes());
            output.add(bytes.substr(0, missing));
            bytes.remove_prefix(std::min(missing, bytes.size()));
            if (output.kept_bytes() == cuts_.front()) cut_again();
        }
        output.add(bytes);
    }
    // There is nothing more. The job may have cut its file shorter than it was: what the scheduler has of it stays.
    void ended() {
        while (!cuts_.empty()) {
            output.add(std::string(static_cast<std::size_t>(cuts_.front() - output.kept_bytes()), '\n'));
            cut_again();
        }
    }
    // Chunks may be made and sent: those of former lives are all there again.
    bool is_whole() const { return cuts_.empty(); }
    // Ends of chunks that are in no record yet; they are now.
    std::vector<std::int64_t> unrecorded() {
        std::vector<std::int64_t> ends;
        for (; recorded_ < output.chunk_count(); ++recorded_) {
            const auto chunk = output.chunk(recorded_);
            ends.push_back(chunk.offset + static_cast<std::int64_t>(chunk.bytes.size()));
        }
        return ends;
    }

    OutputCollector output;

  private:
    void cut_again() {
        output.cut();
        cuts_.pop_front();
    }

    std::deque<std::int64_t> cuts_;  // not reached yet
    std::int64_t read_ = 0;
    std::size_t recorded_;
};

}  // namespace windlass::worker::slurm
