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
    if (!damaged_.contains(sha256)) {
        WINDLASS_TRY_STATUS(cache_.put(sha256, bytes));
    } else if (sha256_hex(bytes) != sha256) {
        return make_error(ErrorKind::invalid, "its bytes are not those of its hash");
    }
    std::vector<AttemptRef> complete;
    const auto blob = blobs_.find(sha256);
    if (blob == blobs_.end()) return complete;  // nobody wants it any more; the next one may
    for (Wanted& wanted : order_)
        if (wanted.missing.erase(sha256) == 1 && wanted.missing.empty()) complete.push_back(wanted.ref);
    if (!cache_.has(sha256) && !blob->second.held) {
        held_bytes_ += static_cast<std::int64_t>(bytes.size());
        blob->second.held = std::make_shared<const std::string>(std::move(bytes));
    }
    return complete;
}

std::vector<InputFiles::Source> InputFiles::sources(AttemptRef ref) {
    std::vector<Source> sources;
    for (const auto& [path, sha256] : index_.at(ref)->files) {
        Source& source = sources.emplace_back(Source{path, sha256, blobs_.at(sha256).held, {}});
        // Gone from the cache: another attempt found it damaged. Then it cannot be read here either.
        if (!source.held && cache_.has(sha256)) source.cached_at = cache_.use(sha256);
    }
    return sources;
}

InputFiles::Content InputFiles::read(const std::vector<Source>& sources) {
    Content content;
    for (const Source& source : sources) {
        if (source.held) {
            content.files.emplace(source.path, *source.held);
        } else if (auto bytes = read_blob(source.cached_at, source.sha256)) {
            content.files.emplace(source.path, *std::move(bytes));
        } else {
            content.damaged.insert(source.sha256);
        }
    }
    return content;
}

bool InputFiles::wait_again(AttemptRef ref, const std::set<std::string>& damaged) {
    for (const std::string& sha256 : damaged) {
        damaged_.insert(sha256);
        cache_.remove(sha256);
    }
    // It may have come again meanwhile, for another attempt.
    Wanted& wanted = *index_.at(ref);
    for (const auto& [path, sha256] : wanted.files)
        if (!is_here(sha256)) wanted.missing.insert(sha256);
    return wanted.missing.empty();
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
