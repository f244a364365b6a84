#include "api/scheduler_link.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "shared/digest.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

// So many submits may be unanswered: the scheduler commits together what came together, so more at once would not be
// done sooner, only wait longer.
constexpr std::int64_t most_open_submits = 1024;

Error away(std::string why) {
    return make_error(ErrorKind::unavailable, std::move(why));
}

// The request id of a message, or null for messages that have none.
const RequestId* request_of(const protocol::Message& message) {
    return std::visit(
        [](const auto& m) -> const RequestId* {
            if constexpr (requires { m.request; })
                return &m.request;
            else
                return nullptr;
        },
        message);
}

void set_request(protocol::Message& message, RequestId request) {
    std::visit(
        [request](auto& m) {
            if constexpr (requires { m.request; }) m.request = request;
        },
        message);
}

}  // namespace

struct SchedulerLink::State : std::enable_shared_from_this<SchedulerLink::State> {
    struct Question {
        protocol::Message message;
        std::string body;
        OnAnswer on_answer;
    };
    struct Watcher {
        std::uint64_t number;
        std::function<void()> on_end;
    };

    using Listeners = std::vector<std::shared_ptr<JobListener>>;
    struct Followed {
        Listeners listeners;
        bool asked = false;  // on this connection
    };

    uv_loop_t* loop = nullptr;
    SchedulerLinkSettings settings;
    std::function<void(bool)> on_change;

    // Any thread.
    std::mutex mutex;
    std::deque<Question> questions;
    std::vector<JobId> new_watches;
    std::unordered_map<JobId, std::vector<Watcher>> watchers;
    std::uint64_t next_watcher = 1;
    std::unordered_map<JobId, Followed> followed;
    std::vector<JobId> follow_changes;  // of these somebody came first, or left last
    bool stopped = false;
    std::atomic<bool> up = false;
    std::int64_t open_submits = 0;

    // The loop's thread.
    uv_async_t wake{};
    uv_timer_t retry{};
    uv_timer_t check{};  // with several addresses, while there is a connection
    Milliseconds delay{};
    wire::Addresses addresses;
    bool heard = false;  // since it was last asked
    std::shared_ptr<wire::Connection> connection;
    std::unordered_map<std::int64_t, OnAnswer> open;
    std::int64_t next_request = 1;
    std::shared_ptr<State> self;  // while libuv holds our handles
    int handles = 0;
    std::string last_reason;  // said once, not at every try
    std::string refusal;

    void start();
    void dial();
    void dialled(Result<std::shared_ptr<wire::Connection>> result);
    void take(protocol::Message message, std::string body);
    void answer(const RequestId& request, Answer answer);
    void ended(JobId job);
    Listeners listeners_of(JobId job);
    bool tell_followers(const protocol::Message& message, std::string& body);
    void send_follow_changes();
    void unfollow(JobId job, const JobListener* listener);
    void went_down(const std::string& reason);
    void dial_later(bool all_tried);
    void start_checking();
    void check_answer();
    void work();
    void stop();
    OnAnswer counted(OnAnswer on_answer);
};

// With the mutex held: a submit is open from now on until it is answered.
SchedulerLink::OnAnswer SchedulerLink::State::counted(OnAnswer on_answer) {
    ++open_submits;
    return [us = shared_from_this(), on_answer = std::move(on_answer)](Answer answer) {
        {
            const std::lock_guard lock(us->mutex);
            --us->open_submits;
        }
        on_answer(std::move(answer));
    };
}

void SchedulerLink::State::start() {
    self = shared_from_this();
    delay = settings.first_retry;
    handles = 3;
    addresses = wire::Addresses(settings.endpoints);
    uv_async_init(loop, &wake, [](uv_async_t* handle) { static_cast<State*>(handle->data)->work(); });
    wake.data = this;
    uv_timer_init(loop, &retry);
    retry.data = this;
    uv_timer_init(loop, &check);
    check.data = this;
    dial();
}

void SchedulerLink::State::dial() {
    wire::connect(loop, addresses.current(),
                  [us = shared_from_this()](Result<std::shared_ptr<wire::Connection>> result) {
                      us->dialled(std::move(result));
                  });
}

void SchedulerLink::State::dialled(Result<std::shared_ptr<wire::Connection>> result) {
    if (!result) return went_down(result.error().message);
    if (stopped) return result.value()->close("the api stops");
    connection = std::move(result).value();
    connection->set_handlers({
        [us = shared_from_this()](protocol::Message message, std::string body) {
            us->take(std::move(message), std::move(body));
        },
        [us = shared_from_this()](const std::string& reason) { us->went_down(reason); },
    });
    protocol::Hello hello;
    hello.role = "api";
    hello.name = settings.name;
    hello.instance = random_hex(8);
    hello.secret = settings.secret;
    connection->trust();
    connection->send(hello);
    start_checking();
}

void SchedulerLink::State::start_checking() {
    if (addresses.alone()) return;
    heard = false;
    const auto every = static_cast<std::uint64_t>(settings.answer_within.count());
    const auto for_welcome = static_cast<std::uint64_t>(settings.welcome_within.count());
    uv_timer_start(
        &check, [](uv_timer_t* timer) { static_cast<State*>(timer->data)->check_answer(); }, for_welcome, every);
}

void SchedulerLink::State::check_answer() {
    if (!std::exchange(heard, false)) {
        const auto silent = connection;
        silent->set_handlers({});
        silent->close("it does not answer");
        return went_down("it does not answer");
    }
    // Answered from memory, without a commit: silence is never the database's.
    if (up) connection->send(protocol::AskStatistics{RequestId{next_request++}});
}

void SchedulerLink::State::take(protocol::Message message, std::string body) {
    if (const auto* refused = std::get_if<protocol::Refused>(&message)) {
        // What went_down() will say of the close that follows is of no interest beside this.
        refusal = "the scheduler refused us: " + refused->reason;
        return;
    }
    heard = true;
    if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
        if (!addresses.take(welcome->epoch)) return connection->close("another one has led since");
        delay = settings.first_retry;
        last_reason.clear();
        {
            const std::lock_guard lock(mutex);
            up = true;
            new_watches.clear();
            for (const auto& [job, list] : watchers) new_watches.push_back(job);
            follow_changes.clear();
            for (auto& [job, entry] : followed) {
                entry.asked = false;
                follow_changes.push_back(job);
            }
        }
        log::info("connected to the scheduler at {}", addresses.current().text());
        work();
        if (on_change) on_change(true);
        return;
    }
    if (const auto* job = std::get_if<protocol::JobEnded>(&message)) return ended(job->job);
    if (tell_followers(message, body)) return;
    if (const auto* no = std::get_if<protocol::Unavailable>(&message)) return answer(no->request, away(no->reason));
    if (const RequestId* request = request_of(message)) {
        const RequestId id = *request;
        answer(id, std::move(message));
    }
}

void SchedulerLink::State::answer(const RequestId& request, Answer what) {
    const auto found = open.find(request.value);
    if (found == open.end()) return;
    const auto on_answer = std::move(found->second);
    open.erase(found);
    on_answer(std::move(what));
}

void SchedulerLink::State::ended(JobId job) {
    std::vector<Watcher> told;
    {
        const std::lock_guard lock(mutex);
        const auto found = watchers.find(job);
        if (found == watchers.end()) return;
        told = std::move(found->second);
        watchers.erase(found);
    }
    for (const auto& watcher : told) watcher.on_end();
}

SchedulerLink::State::Listeners SchedulerLink::State::listeners_of(JobId job) {
    const std::lock_guard lock(mutex);
    const auto found = followed.find(job);
    return found == followed.end() ? Listeners() : found->second.listeners;
}

// False: this message is not for them.
bool SchedulerLink::State::tell_followers(const protocol::Message& message, std::string& body) {
    if (const auto* event = std::get_if<protocol::JobHappened>(&message)) {
        for (const auto& listener : listeners_of(event->job)) listener->happened(*event);
        return true;
    }
    if (const auto* piece = std::get_if<protocol::JobPrinted>(&message)) {
        const auto bytes = std::make_shared<const std::string>(std::move(body));
        for (const auto& listener : listeners_of(piece->attempt.job)) listener->printed(*piece, bytes);
        return true;
    }
    if (const auto* gap = std::get_if<protocol::JobFollowed>(&message)) {
        for (const auto& listener : listeners_of(gap->job)) listener->read_again();
        return true;
    }
    return false;
}

void SchedulerLink::State::send_follow_changes() {
    std::vector<protocol::Message> messages;
    {
        const std::lock_guard lock(mutex);
        for (const JobId job : std::exchange(follow_changes, {})) {
            const auto found = followed.find(job);
            if (found == followed.end()) continue;
            auto& entry = found->second;
            if (!entry.listeners.empty()) {
                if (!std::exchange(entry.asked, true)) messages.push_back(protocol::FollowJob{job});
                continue;
            }
            if (entry.asked) messages.push_back(protocol::UnfollowJob{job});
            followed.erase(found);
        }
    }
    for (const auto& message : messages) connection->send(message);
}

void SchedulerLink::State::unfollow(JobId job, const JobListener* listener) {
    std::shared_ptr<JobListener> dropped;  // destroyed outside the lock
    const std::lock_guard lock(mutex);
    const auto found = followed.find(job);
    if (found == followed.end()) return;
    auto& list = found->second.listeners;
    const auto mine = std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.get() == listener; });
    if (mine == list.end()) return;
    dropped = std::move(*mine);
    list.erase(mine);
    if (!list.empty()) return;
    if (!up || stopped) {
        followed.erase(found);  // nobody is to be told: after a reconnect the scheduler knows nothing of it anyway
        return;
    }
    follow_changes.push_back(job);
    uv_async_send(&wake);
}

void SchedulerLink::State::went_down(const std::string& reason) {
    const bool was_up = up.exchange(false);
    connection.reset();
    uv_timer_stop(&check);
    const std::string why = refusal.empty() ? reason : std::exchange(refusal, {});
    if (!stopped && why != last_reason)
        log::warning("no connection to the scheduler at {}: {}", addresses.current().text(), why);
    last_reason = why;
    const bool all_tried = addresses.next();
    auto lost = std::exchange(open, {});
    for (auto& [id, on_answer] : lost)
        on_answer(away("The connection to the scheduler broke before it answered: this may have been done or not."));
    work();  // what came in between is answered too
    if (was_up && on_change) on_change(false);
    if (!stopped) dial_later(all_tried);
}

void SchedulerLink::State::dial_later(bool all_tried) {
    const Milliseconds pause = all_tried ? delay : Milliseconds{0};
    uv_timer_start(
        &retry, [](uv_timer_t* timer) { static_cast<State*>(timer->data)->dial(); },
        static_cast<std::uint64_t>(pause.count()), 0);
    if (all_tried) delay = std::min(delay * 2, settings.longest_retry);
}

// Sends what other threads left for us.
void SchedulerLink::State::work() {
    std::deque<Question> asked;
    std::vector<JobId> watched;
    {
        const std::lock_guard lock(mutex);
        asked.swap(questions);
        if (up) watched.swap(new_watches);
    }
    for (auto& question : asked) {
        if (!up || !connection) {
            question.on_answer(away("The scheduler cannot be reached now; nothing was done. Try again."));
            continue;
        }
        const std::int64_t id = next_request++;
        set_request(question.message, RequestId{id});
        open.emplace(id, std::move(question.on_answer));
        connection->send(question.message, question.body);
    }
    if (!connection) return;
    for (const JobId job : watched) connection->send(protocol::WatchJob{job});
    if (up) send_follow_changes();
}

void SchedulerLink::State::stop() {
    {
        const std::lock_guard lock(mutex);
        if (stopped) return;
        stopped = true;
    }
    if (connection) connection->close("the api stops");
    went_down("the api stops");
    for (auto* handle : {reinterpret_cast<uv_handle_t*>(&wake), reinterpret_cast<uv_handle_t*>(&retry),
                         reinterpret_cast<uv_handle_t*>(&check)}) {
        uv_close(handle, [](uv_handle_t* closed) {
            auto& us = *static_cast<State*>(closed->data);
            if (--us.handles == 0) us.self.reset();
        });
    }
}

SchedulerLink::SchedulerLink(uv_loop_t* loop, SchedulerLinkSettings settings, std::function<void(bool)> on_change)
    : state_(std::make_shared<State>()) {
    state_->loop = loop;
    state_->settings = std::move(settings);
    state_->on_change = std::move(on_change);
    state_->start();
}

SchedulerLink::~SchedulerLink() {
    stop();
}

void SchedulerLink::ask(protocol::Message question, std::string body, OnAnswer on_answer) {
    const bool is_submit = std::holds_alternative<protocol::SubmitJobs>(question);
    const char* why = "The scheduler cannot be reached now; nothing was done. Try again.";
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->stopped && state_->up && is_submit && state_->open_submits >= most_open_submits) {
            why = "The scheduler has more submits in hand than it can take; nothing was done. Try again in a moment.";
        } else if (!state_->stopped && state_->up) {
            if (is_submit) on_answer = state_->counted(std::move(on_answer));
            state_->questions.push_back({std::move(question), std::move(body), std::move(on_answer)});
            // Under the lock: stop() closes the handle only after it has had the lock.
            if (state_->questions.size() == 1) uv_async_send(&state_->wake);
            return;
        }
    }
    on_answer(away(why));
}

Watch SchedulerLink::watch(JobId job, std::function<void()> on_end) {
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(state_->mutex);
        number = state_->next_watcher++;
        auto& list = state_->watchers[job];
        list.push_back({number, std::move(on_end)});
        if (list.size() == 1 && !state_->stopped) {
            state_->new_watches.push_back(job);
            uv_async_send(&state_->wake);
        }
    }
    return Watch([state = std::weak_ptr(state_), job, number] {
        const auto alive = state.lock();
        if (!alive) return;
        std::function<void()> dropped;  // destroyed outside the lock
        const std::lock_guard lock(alive->mutex);
        const auto found = alive->watchers.find(job);
        if (found == alive->watchers.end()) return;
        auto& list = found->second;
        const auto mine =
            std::find_if(list.begin(), list.end(), [&](const State::Watcher& w) { return w.number == number; });
        if (mine == list.end()) return;
        dropped = std::move(mine->on_end);
        list.erase(mine);
        if (list.empty()) alive->watchers.erase(found);
    });
}

Watch SchedulerLink::follow(JobId job, std::shared_ptr<JobListener> listener) {
    const JobListener* const which = listener.get();
    {
        const std::lock_guard lock(state_->mutex);
        auto& entry = state_->followed[job];
        entry.listeners.push_back(std::move(listener));
        if (!entry.asked && state_->up && !state_->stopped) {
            state_->follow_changes.push_back(job);
            uv_async_send(&state_->wake);
        }
    }
    return Watch([state = std::weak_ptr(state_), job, which] {
        if (const auto alive = state.lock()) alive->unfollow(job, which);
    });
}

bool SchedulerLink::connected() const {
    return state_->up;
}

void SchedulerLink::stop() {
    state_->stop();
}

}  // namespace windlass::api
