#include "worker/input_files.h"

#include "shared/digest.h"

namespace windlass::worker {

bool InputFiles::is_here(const std::string& sha256) const {
    const auto blob = blobs_.find(sha256);
    return (blob != blobs_.end() && blob->second.held) || cache_.has(sha256);
}

bool InputFiles::want(AttemptRef ref, const std::map<std::string, std::string>& files) {
    Wanted wanted{ref, files, {}};
    std::set<std::string> hashes;
    for (const auto& [path, sha256] : files) hashes.insert(sha256);
    for (const std::string& sha256 : hashes) {
        if (blobs_[sha256].users++ == 0) cache_.pin(sha256);
        if (!is_here(sha256)) wanted.missing.insert(sha256);
    }
    const bool complete = wanted.missing.empty();
    index_.emplace(ref, order_.insert(order_.end(), std::move(wanted)));
    return complete;
}

void InputFiles::drop(AttemptRef ref) {
    const auto place = index_.find(ref);
    if (place == index_.end()) return;
    std::set<std::string> hashes;
    for (const auto& [path, sha256] : place->second->files) hashes.insert(sha256);
    for (const std::string& sha256 : hashes) let_go(sha256);
    order_.erase(place->second);
    index_.erase(place);
}

void InputFiles::let_go(const std::string& sha256) {
    const auto blob = blobs_.find(sha256);
    if (--blob->second.users > 0) return;
    if (blob->second.held) held_bytes_ -= static_cast<std::int64_t>(blob->second.held->size());
    cache_.unpin(sha256);
    blobs_.erase(blob);
}

std::vector<std::string> InputFiles::next_requests() {
    std::vector<std::string> requests;
    for (const Wanted& wanted : order_) {
        if (&wanted != &order_.front() && held_bytes_ >= memory_bytes_) break;
        for (const std::string& sha256 : wanted.missing) {
            if (under_way_.size() == most_under_way) return requests;
            if (under_way_.insert(sha256).second) requests.push_back(sha256);
        }
    }
    return requests;
}

void InputFiles::forget_requests() {
    under_way_.clear();
}

std::vector<AttemptRef> InputFiles::waiting_for(const std::string& sha256) const {
    std::vector<AttemptRef> refs;
    for (const Wanted& wanted : order_)
        if (wanted.missing.contains(sha256)) refs.push_back(wanted.ref);
    return refs;
}

Result<std::vector<AttemptRef>> InputFiles::arrived(const std::string& sha256, std::string bytes) {
    under_way_.erase(sha256);
    if (sha256_hex(bytes) != sha256)
        return make_error(ErrorKind::invalid, "its bytes are not those of its hash " + sha256);
    if (!damaged_.contains(sha256)) WINDLASS_TRY_STATUS(cache_.put(sha256, bytes));
    std::vector<AttemptRef> complete;
    const auto blob = blobs_.find(sha256);
    if (blob == blobs_.end()) return complete;  // nobody wants it any more; the next one may
    for (Wanted& wanted : order_)
        if (wanted.missing.erase(sha256) == 1 && wanted.missing.empty()) complete.push_back(wanted.ref);
    if (!cache_.has(sha256) && !blob->second.held) {
        held_bytes_ += static_cast<std::int64_t>(bytes.size());
        blob->second.held = std::move(bytes);
    }
    return complete;
}

std::optional<std::map<std::string, std::string>> InputFiles::read(AttemptRef ref) {
    Wanted& wanted = *index_.at(ref);
    WINDLASS_CHECK(wanted.missing.empty(), "files are read that are not here");
    std::map<std::string, std::string> content;
    for (const auto& [path, sha256] : wanted.files) {
        const Blob& blob = blobs_.at(sha256);
        auto bytes = blob.held ? blob.held : cache_.get(sha256);
        if (bytes) {
            content.emplace(path, *std::move(bytes));
        } else {
            wanted.missing.insert(sha256);
            damaged_.insert(sha256);
        }
    }
    // Others that want a damaged one notice it as this one did, when they read it.
    if (!wanted.missing.empty()) return std::nullopt;
    return content;
}

std::int64_t InputFiles::size_bytes(AttemptRef ref, std::int64_t unit) const {
    std::int64_t sum = 0;
    for (const auto& [path, sha256] : index_.at(ref)->files) {
        const Blob& blob = blobs_.at(sha256);
        const std::int64_t size = blob.held ? static_cast<std::int64_t>(blob.held->size()) : cache_.size_bytes(sha256);
        sum += (size + unit - 1) / unit * unit;
    }
    return sum;
}

}  // namespace windlass::worker
