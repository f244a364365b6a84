// A real store on a real database, and beside it the model, which is told of all that the real one did. Both are
// compared: what the real one takes and refuses, and what it has. So the model's judgement of every promise holds for
// the real one.
#pragma once

#include <memory>

#include "tests/scheduler/store_fixture.h"
#include "tests/simulation/model_store.h"
#include "tests/simulation/random.h"

namespace windlass::simulation {

// The database of one run.
class RealDatabase {
  public:
    // `shared`: as schedulers with a standby use it (PostgreSQL).
    RealDatabase(Engine engine, bool shared, std::uint64_t seed);

    std::shared_ptr<Store> open(ModelDatabase& model);
    // Row by row, at the end.
    void compare(const ModelDatabase& model);
    std::size_t probes() const { return probes_; }

  private:
    friend class MirroredStore;
    void follow(ModelDatabase& model);

    scheduler::test::SqlStoreDatabase database_;
    const bool shared_;
    Random random_;
    bool follows_ = false;
    bool lock_broken_ = false;
    int open_ = 0;  // stores, led or not
    std::size_t probes_ = 0;
};

class MirroredStore final : public Store {
  public:
    MirroredStore(RealDatabase& database, ModelDatabase& model, std::unique_ptr<Store> real)
        : database_(database), model_(model), mirror_(model), real_(std::move(real)) {
        ++database_.open_;
    }
    ~MirroredStore() override {
        if (model_.leader_ == this) model_.leader_ = nullptr;
        --database_.open_;
    }
    MirroredStore(const MirroredStore&) = delete;
    MirroredStore& operator=(const MirroredStore&) = delete;

    Result<std::int64_t> lead() override;
    Status commit(const Batch& batch) override;
    Result<StoredState> load() override;
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override;
    Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                    const std::string& key) override;
    Result<std::vector<ScheduleRecord>> schedules() override;
    Result<std::int64_t> move_finished(std::int64_t most) override;
    Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) override;
    Result<std::int64_t> forget_expired(WallTime now, std::int64_t most) override {
        return real_->forget_expired(now, most);
    }
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) override {
        return real_->payloads(jobs);
    }
    Result<std::string> blob(const std::string& sha256) override { return real_->blob(sha256); }
    Status ping() override;

  private:
    bool leads() const { return epoch_ != 0 && epoch_ == model_.epoch_; }
    // That the real one took this only from who leads, and refused it only to who does not.
    void judge(const Status& answer, const std::string& what);
    // Tries what must be refused.
    void probe(const Batch& batch);

    RealDatabase& database_;
    ModelDatabase& model_;
    ModelStore mirror_;  // for reading only
    std::unique_ptr<Store> real_;
    std::int64_t epoch_ = 0;
};

}  // namespace windlass::simulation
