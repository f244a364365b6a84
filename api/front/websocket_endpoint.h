// One open WebSocket on the loop: between the bytes of a connection, the calls of its handler and what that sends.
// Knows no socket: whoever carries its bytes is a Carrier (a Connection, see connection.h).
//
// A ping goes out every so often, whatever else is said; from then on a frame of any kind has to come in time. What
// comes when the client has said close, or broke a rule, is read and thrown away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/front/front.h"
#include "api/front/front_state.h"
#include "api/front/websocket_calls.h"
#include "api/front/websocket_session.h"

namespace windlass::api {

class WebSocketEndpoint {
  public:
    class Carrier {
      public:
        // One at a time: on_written() follows, perhaps before this returns.
        virtual void carry(std::string bytes) = 0;
        virtual void set_reading(bool wanted) = 0;
        // on_deadline() follows. Moves the one before. May be forgotten while something is being written.
        virtual void set_deadline(Milliseconds from_now) = 0;
        virtual std::uint64_t now() const = 0;  // milliseconds
        // Lets the pool run calls(); on_handled() follows.
        virtual void hand_over_calls() = 0;
        // All is said and written: ends the connection so that the client can read all of it.
        virtual void finish() = 0;
        virtual void drop() = 0;  // on_lost() follows

      protected:
        ~Carrier() = default;
    };

    WebSocketEndpoint(Carrier& carrier, WebSocketCalls& calls, const FrontLimits& limits,
                      std::shared_ptr<Counters> counters);

    void start();
    void on_bytes(std::string_view bytes);
    void on_end_of_input();
    void on_written();
    void on_outbox();
    void on_handled(bool ok);
    void on_deadline();
    void close(std::uint16_t code, std::string_view reason);
    // The connection is gone, for whatever reason. The last one.
    void on_lost();

    // Of messages that are not complete or not dealt with.
    std::size_t input_bytes() const { return session_.held_bytes() + calls_.bytes(); }

  private:
    enum class Timed { ping, pong, close };

    void settle();
    void send_output();
    void say_closed();
    void lose(std::uint16_t code, std::string_view why);
    void await_next_ping();
    void set_deadline(Timed what, Milliseconds from_now);
    bool may_read() const;

    Carrier& carrier_;
    WebSocketCalls& calls_;
    const FrontLimits& limits_;
    const std::shared_ptr<Counters> counters_;
    WebSocketSession session_;
    WebSocketSession::End end_;
    Charge unsent_charge_;
    std::vector<WebSocketMessage> messages_;
    Timed timed_ = Timed::ping;
    std::uint64_t due_ = 0;
    std::uint64_t pinged_at_ = 0;
    std::uint64_t frames_at_ping_ = 0;
    std::size_t in_flight_bytes_ = 0;
    bool writing_ = false;
    bool wake_wanted_ = false;
    bool closed_said_ = false;
    bool finished_ = false;
    bool lost_ = false;
};

}  // namespace windlass::api
