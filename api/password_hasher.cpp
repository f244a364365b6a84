#include "api/password_hasher.h"

#include <sodium.h>

#include <array>

#include "shared/digest.h"

namespace windlass::api {

HashCost HashCost::interactive() {
    return {crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE};
}
HashCost HashCost::cheapest() {
    return {crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN};
}

PasswordHasher::PasswordHasher(HashCost cost, int threads, std::size_t most_waiting)
    : cost_(cost), most_waiting_(most_waiting), nobodys_hash_(hash_now(random_token())) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordHasher::~PasswordHasher() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        queue_.clear();
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
}

Status PasswordHasher::hash(std::string password, std::function<void(std::string)> done) {
    return submit([this, password = std::move(password), done = std::move(done)] { done(hash_now(password)); });
}

Status PasswordHasher::verify(std::string password, std::optional<std::string> hash,
                              std::function<void(Verdict)> done) {
    return submit([this, password = std::move(password), hash = std::move(hash), done = std::move(done)] {
        done(check(password, hash));
    });
}

std::string PasswordHasher::hash_now(const std::string& password) const {
    std::array<char, crypto_pwhash_STRBYTES> text{};
    const int failed = crypto_pwhash_str_alg(text.data(), password.data(), password.size(), cost_.operations,
                                             cost_.memory_bytes, crypto_pwhash_ALG_ARGON2ID13);
    WINDLASS_CHECK(failed == 0, "there is no memory left to hash a password (64 MiB)");
    return text.data();
}

Verdict PasswordHasher::check(const std::string& password, const std::optional<std::string>& hash) const {
    const std::string& stored = hash ? *hash : nobodys_hash_;
    Verdict verdict;
    verdict.correct =
        crypto_pwhash_str_verify(stored.c_str(), password.data(), password.size()) == 0 && hash.has_value();
    if (verdict.correct && crypto_pwhash_str_needs_rehash(stored.c_str(), cost_.operations, cost_.memory_bytes) == 1)
        verdict.better_hash = hash_now(password);
    return verdict;
}

Status PasswordHasher::submit(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= most_waiting_)
            return make_error(ErrorKind::unavailable, "too many passwords are waiting to be checked");
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
    return {};
}

void PasswordHasher::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        auto work = std::move(queue_.front());
        queue_.pop_front();
        ++hashed_;  // before its answer leaves: who has the answer sees it counted
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
    }
}

std::size_t PasswordHasher::waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

std::uint64_t PasswordHasher::hashed() const {
    const std::lock_guard lock(mutex_);
    return hashed_;
}

}  // namespace windlass::api
