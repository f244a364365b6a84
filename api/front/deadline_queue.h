// Deadlines of many things under one timer. Made for deadlines that are moved all the time and seldom reached: moving
// one later, or clearing it, is a store; the queue finds out when the old time comes up and files the item again. Times
// are milliseconds of any clock that never steps. Pure; one thread.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

namespace windlass::api {

class DeadlineQueue {
  public:
    static constexpr std::uint64_t never = UINT64_MAX;

    // Embedded in what has the deadline. Must be removed before it is destroyed.
    class Item {
      public:
        std::uint64_t deadline() const { return deadline_; }

      private:
        friend class DeadlineQueue;
        std::uint64_t deadline_ = never;
        std::uint64_t filed_ = never;  // where it lies in the set; at or before deadline_
    };

    void set(Item& item, std::uint64_t deadline) {
        item.deadline_ = deadline;
        if (deadline < item.filed_) file(item, deadline);
    }
    void clear(Item& item) { item.deadline_ = never; }
    void remove(Item& item) {
        item.deadline_ = never;
        file(item, never);
    }

    // When expired() has to be asked next; never: not at all. May be early, is not late.
    std::uint64_t wake_at() const { return filed_.empty() ? never : filed_.begin()->first; }

    // One item whose deadline has come, its deadline cleared; nullptr: no more. Call until then.
    Item* expired(std::uint64_t now) {
        while (!filed_.empty() && filed_.begin()->first <= now) {
            Item& item = *filed_.begin()->second;
            if (item.deadline_ <= now) {
                remove(item);
                return &item;
            }
            file(item, item.deadline_);
        }
        return nullptr;
    }

  private:
    void file(Item& item, std::uint64_t at) {
        if (item.filed_ == at) return;
        auto node = item.filed_ == never ? decltype(filed_)::node_type{} : filed_.extract({item.filed_, &item});
        item.filed_ = at;
        if (at == never) return;
        if (node.empty()) {
            filed_.emplace(at, &item);
        } else {
            node.value() = {at, &item};
            filed_.insert(std::move(node));
        }
    }

    std::set<std::pair<std::uint64_t, Item*>> filed_;
};

}  // namespace windlass::api
