#include "worker/services.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "shared/log.h"
#include "shared/service_ticket.h"

namespace windlass::worker {
namespace {

constexpr std::uint64_t listener_token = 0;
constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr int links_of_one_service = 128;
constexpr std::size_t links_in_all = 4096;
constexpr Milliseconds greeting_patience{5'000};
constexpr Milliseconds connect_patience{5'000};
constexpr Milliseconds check_patience{5'000};
constexpr Milliseconds ending_patience{5'000};
constexpr Milliseconds first_check_pause{5};
constexpr Milliseconds longest_check_pause{2'000};
constexpr int near_side = 0, far_side = 1;

Result<FileDescriptor> bind_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return make_error(ErrorKind::invalid, fmt::format("worker.service_listen: {} is too long for a socket", path));
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return errno_error("making a socket", errno);
    const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(probe.get(), generic, sizeof address) == 0)
        return make_error(ErrorKind::conflict, fmt::format("worker.service_listen: somebody answers at {}", path));
    if (errno == ECONNREFUSED) unlink(path.c_str());  // left by a dead process
    const mode_t before = umask(0117);
    const int bound = bind(fd.get(), generic, sizeof address);
    const int error = errno;
    umask(before);
    if (bound != 0) return errno_error("worker.service_listen: binding " + path, error);
    return fd;
}

Result<FileDescriptor> bind_tcp(const wire::Endpoint& endpoint, std::string& bound_address) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_in);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (inet_pton(AF_INET, endpoint.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
    } else if (inet_pton(AF_INET6, endpoint.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(static_cast<std::uint16_t>(endpoint.port));
        size = sizeof(sockaddr_in6);
    }
    FileDescriptor fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    if (!fd) return errno_error("making a socket", errno);
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0)
        return errno_error("worker.service_listen: binding " + endpoint.text(), errno);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    wire::Endpoint picked = endpoint;
    picked.port = ntohs(storage.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    bound_address = picked.text();
    return fd;
}

bool is_wildcard(const std::string& host) {
    in_addr v4{};
    in6_addr v6{};
    if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return v4.s_addr == 0;
    return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

// Without a secret of the site its processes know each other by their user alone, as at the scheduler.
bool is_own_user(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

}  // namespace

Result<std::unique_ptr<Services>> Services::open(const wire::Endpoint& listen, std::string secret) {
    std::string address = listen.text();
    FileDescriptor listener;
    if (!listen.unix_path.empty()) {
        WINDLASS_TRY(listener, bind_unix(listen.unix_path));
    } else {
        if (is_wildcard(listen.host))
            return make_error(
                ErrorKind::invalid,
                "worker.service_listen must be the address at which the api reaches this worker, not " + listen.host);
        if (secret.empty())
            return make_error(ErrorKind::invalid,
                              "worker.service_listen at HOST:PORT needs scheduler.secret_file; unix:/path does not");
        WINDLASS_TRY(listener, bind_tcp(listen, address));
    }
    if (::listen(listener.get(), 512) != 0) return errno_error("worker.service_listen: listening", errno);
    FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = listener_token;
    if (!epoll || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event) != 0)
        return errno_error("worker.service_listen: epoll", errno);
    return std::unique_ptr<Services>(
        new Services(std::move(listener), std::move(epoll), listen.unix_path, std::move(address), std::move(secret)));
}

Services::Services(FileDescriptor listener, FileDescriptor epoll, std::string unix_path, std::string address,
                   std::string secret)
    : listener_(std::move(listener)),
      epoll_(std::move(epoll)),
      unix_path_(std::move(unix_path)),
      address_(std::move(address)),
      secret_(std::move(secret)),
      scratch_(buffer_bytes, '\0') {}

Services::~Services() {
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

// ---- services

void Services::add(AttemptRef attempt, std::uint64_t box, const ServicePort& port, SteadyTime now,
                   const std::string& address) {
    Service service;
    service.box = box;
    service.port = port;
    service.address = address;
    service.last_traffic = now;
    service.check_at = now;
    service.check_pause = first_check_pause;
    services_.insert_or_assign(attempt, std::move(service));
}

void Services::remove(AttemptRef attempt) {
    if (services_.erase(attempt) == 0) return;
    std::vector<std::uint64_t> of_it;
    for (const auto& [id, link] : links_)
        if (link->phase != Link::Phase::greeting && link->attempt == attempt) of_it.push_back(id);
    for (const std::uint64_t id : of_it) drop(id);
}

std::optional<SteadyTime> Services::next() const {
    std::optional<SteadyTime> at;
    const auto earliest = [&](SteadyTime other) {
        if (!at || other < *at) at = other;
    };
    for (const auto& [attempt, service] : services_) {
        if (!service.ready && service.check == 0) earliest(service.check_at);
        if (service.port.idle.count() > 0 && !service.idle_told) earliest(service.last_traffic + service.port.idle);
    }
    for (const auto& [id, link] : links_)
        if (link->deadline) earliest(*link->deadline);
    return at;
}

std::vector<Services::Event> Services::on_time(SteadyTime now) {
    for (auto& [attempt, service] : services_) {
        if (!service.ready && service.check == 0 && now >= service.check_at) start_check(attempt, service, now);
        if (service.port.idle.count() > 0 && !service.idle_told && now >= service.last_traffic + service.port.idle) {
            service.idle_told = true;
            events_.push_back({attempt, Event::Kind::idle});
        }
    }
    std::vector<std::uint64_t> late;
    for (const auto& [id, link] : links_)
        if (link->deadline && now >= *link->deadline) late.push_back(id);
    for (const std::uint64_t id : late) {
        Link& link = *links_.at(id);
        if (link.check)
            check_ended(link, false, now);
        else if (link.phase == Link::Phase::connecting)
            refuse(link, "its service does not take the connection", now);
        else
            drop(id);
    }
    return std::exchange(events_, {});
}

// ---- is it ready?

void Services::start_check(AttemptRef attempt, Service& service, SteadyTime now) {
    Link& link = make_link(now);
    link.check = true;
    link.attempt = attempt;
    link.deadline = now + check_patience;
    service.check = link.id;
    if (!dial(link, service)) check_ended(link, false, now);
}

void Services::check_ended(Link& link, bool good, SteadyTime now) {
    const auto place = services_.find(link.attempt);
    drop(link.id);
    if (place == services_.end()) return;
    Service& service = place->second;
    service.check = 0;
    service.check_at = now + service.check_pause;
    service.check_pause = std::min(service.check_pause * 3 / 2, longest_check_pause);
    if (!good || service.ready) return;
    service.ready = true;
    service.last_traffic = now;
    events_.push_back({place->first, Event::Kind::ready});
}

// Enough of the answer is here when it shows its status: "HTTP/1.1 200".
void Services::read_check(Link& link, SteadyTime now) {
    constexpr std::size_t status_at = 9;
    const std::string& answer = link.to_near;
    if (answer.size() < status_at + 3) return;
    const char first = answer[status_at];
    const bool good = answer.starts_with("HTTP/1.") && answer[status_at - 1] == ' ' && first >= '1' && first <= '4';
    check_ended(link, good, now);
}

// ---- links

Services::Link& Services::make_link(SteadyTime now) {
    auto link = std::make_unique<Link>();
    link->id = ++last_link_;
    link->deadline = now + greeting_patience;
    return *links_.emplace(last_link_, std::move(link)).first->second;
}

void Services::take_clients(SteadyTime now) {
    constexpr int at_once = 32;
    for (int i = 0; i < at_once; ++i) {
        FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) return;
        if (links_.size() >= links_in_all) continue;
        if (secret_.empty() && !is_own_user(client.get())) continue;
        const int yes = 1;
        if (unix_path_.empty()) setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        Link& link = make_link(now);
        link.near = std::move(client);
        want(link, near_side, EPOLLIN);
    }
}

void Services::greet(Link& link, SteadyTime now) {
    const auto end = link.to_far.find('\n');
    if (end == std::string::npos) {
        if (link.to_far.size() > longest_service_line) drop(link.id);
        return;
    }
    const auto attempt = greeted(std::string_view(link.to_far).substr(0, end), secret_);
    if (!attempt) {  // a stranger, who is told nothing
        log::warning("somebody came to worker.service_listen without the site's secret");
        return drop(link.id);
    }
    link.to_far.erase(0, end + 1);
    const auto place = services_.find(*attempt);
    if (place == services_.end()) return refuse(link, "it does not run here", now);
    if (place->second.links >= links_of_one_service) return refuse(link, "its service has too many connections", now);
    link.attempt = *attempt;
    ++place->second.links;
    link.phase = Link::Phase::connecting;
    link.deadline = now + connect_patience;
    if (!dial(link, place->second)) return refuse(link, "its service does not take connections", now);
    settle(link, now);
}

// What is said before the first byte of the service.
void Services::refuse(Link& link, std::string_view why, SteadyTime now) {
    link.to_near = fmt::format("no {}\n", why);
    far_ended(link, now);
}

bool Services::dial(Link& link, const Service& service) {
    const auto made =
        make_socket_ ? make_socket_(service.box) : Result<int>(make_error(ErrorKind::internal, "no maker"));
    if (!made) {
        log::debug("service of {}: {}", link.attempt.text(), made.error().message);
        return false;
    }
    link.far.reset(*made);
    const int yes = 1;
    setsockopt(link.far.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(service.port.port));
    if (inet_pton(AF_INET, service.address.c_str(), &to.sin_addr) != 1) return false;
    link.phase = Link::Phase::connecting;
    const int result = connect(link.far.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (result != 0 && errno != EINPROGRESS) return false;
    want(link, far_side, EPOLLOUT);
    return true;
}

void Services::connected(Link& link, SteadyTime now) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(link.far.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        if (link.check) return check_ended(link, false, now);
        return refuse(link, "its service does not take connections", now);
    }
    link.phase = Link::Phase::open;
    if (link.check) {
        const auto& path = services_.at(link.attempt).port.check_path;
        link.to_far = fmt::format(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: windlass-check\r\nAccept: */*\r\nConnection: "
            "close\r\n\r\n",
            path);
    } else {
        link.to_near.insert(0, "ok\n");
        link.deadline.reset();
    }
    settle(link, now);
}

void Services::far_ended(Link& link, SteadyTime now) {
    link.far.reset();
    link.far_wants = 0;
    link.to_far.clear();
    link.phase = Link::Phase::ending;
    link.deadline.reset();
    settle(link, now);
}

void Services::on_near(Link& link, std::uint32_t events, SteadyTime now) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return drop(link.id);
    if ((events & EPOLLOUT) != 0 && !write_from(link.near.get(), link.to_near)) return drop(link.id);
    if ((events & EPOLLIN) != 0) {
        // Whoever is here ends both directions at once: an end of one is the end.
        if (!read_into(link.near.get(), link.to_far, link, now)) return drop(link.id);
        if (link.phase == Link::Phase::greeting) return greet(link, now);
        if (link.phase == Link::Phase::ending) link.to_far.clear();
        if (link.phase == Link::Phase::open && !write_from(link.far.get(), link.to_far)) return far_ended(link, now);
    }
    settle(link, now);
}

void Services::on_far(Link& link, std::uint32_t events, SteadyTime now) {
    if (link.phase == Link::Phase::connecting) return connected(link, now);
    if ((events & EPOLLOUT) != 0 && !write_from(link.far.get(), link.to_far)) {
        if (link.check) return check_ended(link, false, now);
        return far_ended(link, now);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        // Full, and the service gone: what it still had is lost with it.
        const bool lost = (events & (EPOLLHUP | EPOLLERR)) != 0 && link.to_near.size() >= buffer_bytes;
        const bool more = !lost && read_into(link.far.get(), link.to_near, link, now);
        if (link.check) {
            const std::uint64_t id = link.id;
            read_check(link, now);
            const auto still = links_.find(id);
            if (still != links_.end() && !more) check_ended(*still->second, false, now);
            return;
        }
        if (!write_from(link.near.get(), link.to_near)) return drop(link.id);
        if (!more) return far_ended(link, now);
    }
    settle(link, now);
}

// False: nothing more comes from there.
bool Services::read_into(int from, std::string& buffer, Link& link, SteadyTime now) {
    if (buffer.size() >= buffer_bytes) return true;
    const ssize_t got = recv(from, scratch_.data(), scratch_.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    buffer.append(scratch_.data(), static_cast<std::size_t>(got));
    if (!link.check && link.phase == Link::Phase::open)
        if (const auto service = services_.find(link.attempt); service != services_.end())
            service->second.last_traffic = now;
    return true;
}

// False: nobody takes it any more.
bool Services::write_from(int to, std::string& buffer) {
    if (buffer.empty()) return true;
    const ssize_t sent = send(to, buffer.data(), buffer.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    buffer.erase(0, static_cast<std::size_t>(sent));
    return true;
}

// What is waited for, from the state; after every change.
void Services::settle(Link& link, SteadyTime now) {
    const bool open = link.phase == Link::Phase::open;
    if (link.phase == Link::Phase::ending) {
        if (!write_from(link.near.get(), link.to_near)) return drop(link.id);
        if (link.to_near.empty() && !link.deadline) {
            shutdown(link.near.get(), SHUT_WR);
            link.deadline = now + ending_patience;
        }
    }
    if (link.near) {
        const bool read = link.to_far.empty() || link.phase == Link::Phase::greeting;
        want(link, near_side, (read ? EPOLLIN : 0U) | (link.to_near.empty() ? 0U : EPOLLOUT));
    }
    if (link.far && open)
        want(link, far_side,
             (link.to_near.empty() || link.check ? EPOLLIN : 0U) | (link.to_far.empty() ? 0U : EPOLLOUT));
}

void Services::want(Link& link, int side, std::uint32_t events) {
    const int fd = side == near_side ? link.near.get() : link.far.get();
    std::uint32_t& wanted = side == near_side ? link.near_wants : link.far_wants;
    constexpr std::uint32_t known = 1U << 31U;  // it is in the set
    if (wanted == (events | known)) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = link.id * 2 + static_cast<std::uint64_t>(side);
    epoll_ctl(epoll_.get(), (wanted & known) != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    wanted = events | known;
}

void Services::drop(std::uint64_t id) {
    const auto place = links_.find(id);
    if (place == links_.end()) return;
    const Link& link = *place->second;
    if (!link.check && link.attempt.job)
        if (const auto service = services_.find(link.attempt); service != services_.end()) --service->second.links;
    links_.erase(place);
}

std::vector<Services::Event> Services::on_readable(SteadyTime now) {
    std::array<epoll_event, 64> ready{};
    const int count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < count; ++i) {
        const auto& event = ready[static_cast<std::size_t>(i)];
        if (event.data.u64 == listener_token) {
            take_clients(now);
            continue;
        }
        const auto place = links_.find(event.data.u64 / 2);
        if (place == links_.end()) continue;
        if (event.data.u64 % 2 == near_side)
            on_near(*place->second, event.events, now);
        else
            on_far(*place->second, event.events, now);
    }
    return std::exchange(events_, {});
}

}  // namespace windlass::worker
