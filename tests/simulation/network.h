// Connections between the workers and the scheduler: in order in each direction, late, and cut without warning, with
// what is under way lost. Each end notices a cut by itself, much later perhaps.
#pragma once

#include <functional>
#include <map>

#include "scheduler/queue_io.h"
#include "tests/simulation/random.h"
#include "tests/simulation/timeline.h"

namespace windlass::simulation {

using LinkNumber = int;  // 0: none

class Network {
  public:
    struct Ends {
        // Of the process that listens there now; 0: nobody does. A connection ends with the process it was made to.
        std::function<std::uint64_t(std::size_t scheduler)> listener;
        std::function<void(LinkNumber, const scheduler::Event&)> scheduler_hears;
        std::function<void(LinkNumber)> scheduler_notices_cut;
        std::function<void(LinkNumber, const scheduler::Effect&)> worker_hears;
        std::function<void(LinkNumber)> worker_notices_cut;
    };

    Network(Timeline& timeline, Random& random) : timeline_(timeline), random_(random) {}
    void connect_ends(Ends ends) { ends_ = std::move(ends); }
    // How many of the connections begin with seconds of silence.
    void set_slow_links(double share) { slow_links_ = share; }
    void set_latency(Microseconds highest) { latency_ = highest; }

    // To scheduler number `scheduler`.
    LinkNumber open(WorkerId worker, std::size_t scheduler) {
        const bool slow = random_.chance(slow_links_);
        const SteadyTime first = timeline_.now() + (slow ? random_.time(Seconds{0}, Seconds{8}) : Microseconds{0});
        links_[++last_] = Link{worker, scheduler, ends_.listener(scheduler), true, false, first, timeline_.now()};
        return last_;
    }
    WorkerId worker_of(LinkNumber link) const { return links_.at(link).worker; }
    std::size_t scheduler_of(LinkNumber link) const { return links_.at(link).scheduler; }

    void to_scheduler(LinkNumber number, scheduler::Event event) {
        Link& link = links_.at(number);
        if (!link.up) return;
        timeline_.at(link.next_to_scheduler = arrival(link.next_to_scheduler),
                     [this, number, event = std::move(event)] {
                         const Link& arrived = links_.at(number);
                         if (!arrived.up && !arrived.lingers) return;
                         if (arrived.listener == 0 || arrived.listener != ends_.listener(arrived.scheduler))
                             return cut(number, Seconds{0}, Milliseconds{1});
                         ends_.scheduler_hears(number, event);
                     });
    }
    void to_worker(LinkNumber number, scheduler::Effect effect) {
        Link& link = links_.at(number);
        if (!link.up) return;
        timeline_.at(link.next_to_worker = arrival(link.next_to_worker), [this, number, effect = std::move(effect)] {
            if (links_.at(number).up) ends_.worker_hears(number, effect);
        });
    }

    // The wire is cut. Who has already turned away from this link ignores the notice.
    void cut(LinkNumber number, Microseconds scheduler_notices, Microseconds worker_notices) {
        Link& link = links_.at(number);
        if (!link.up) return;
        link.up = false;
        timeline_.after(scheduler_notices, [this, number] { ends_.scheduler_notices_cut(number); });
        timeline_.after(worker_notices, [this, number] { ends_.worker_notices_cut(number); });
    }

    // The worker turns away. What it has sent may still arrive, after what it says on its next connection perhaps.
    void abandon(LinkNumber number, Microseconds scheduler_notices) {
        Link& link = links_.at(number);
        if (!link.up) return;
        link.lingers = random_.chance(0.5);
        cut(number, scheduler_notices, Microseconds{0});
    }

  private:
    struct Link {
        WorkerId worker;
        std::size_t scheduler = 0;
        std::uint64_t listener = 0;
        bool up = false;
        bool lingers = false;
        SteadyTime next_to_scheduler{};  // nothing sent later arrives earlier
        SteadyTime next_to_worker{};
    };
    SteadyTime arrival(SteadyTime not_before) {
        const SteadyTime at = timeline_.now() + random_.time(Microseconds{50}, latency_);
        return at < not_before ? not_before : at;
    }

    Timeline& timeline_;
    Random& random_;
    Ends ends_;
    std::map<LinkNumber, Link> links_;
    LinkNumber last_ = 0;
    double slow_links_ = 0;
    Microseconds latency_{Milliseconds{20}};
};

}  // namespace windlass::simulation
