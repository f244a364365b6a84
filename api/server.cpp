#include "api/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include "api/audit/audit_log.h"
#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/authorise.h"
#include "api/cors.h"
#include "api/front/httplib_adapter.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/links/link_principal.h"
#include "api/links/signed_link.h"
#include "api/metrics.h"
#include "api/rate_limits.h"
#include "api/routes.h"
#include "api/visit.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr std::int64_t largest_id = (std::int64_t{1} << 53) - 1;

Problem no_route(const RouteMatch& match, const Request& request) {
    if (match.allow.empty()) return not_found("There is nothing at this path.");
    Problem problem = make_problem(405, fmt::format("This path knows {}, not {}.", match.allow, request.method));
    problem.headers.emplace_back("Allow", match.allow);
    return problem;
}

// What is forwarded is not ours to judge.
bool takes_any_query(const Route& route) {
    return route.query.size() == 1 && route.query.front() == any_query;
}

std::optional<Problem> fault_of_query(const Route& route, const Request& request) {
    const bool signed_link = route.links != Links::no && looks_signed(request.target);
    for (std::size_t i = 0; i < request.query.size(); ++i) {
        const std::string& name = request.query[i].first;
        if (signed_link && is_link_parameter(name)) continue;
        if (takes_any_query(route)) continue;
        if (std::find(route.query.begin(), route.query.end(), name) == route.query.end())
            return bad_field("?" + name.substr(0, 100), fmt::format("\"{}\" is not a parameter that is known here.",
                                                                    to_valid_utf8(name.substr(0, 100))));
        for (std::size_t j = 0; j < i; ++j)
            if (request.query[j].first == name) return bad_field("?" + name, fmt::format("{} is given twice.", name));
    }
    return std::nullopt;
}

bool comes_by_link(const Route& route, const Request& request) {
    if (route.links == Links::no) return false;
    if (looks_signed(request.target)) return true;
    // A link that was altered in the wrong place no longer looks like one, and must not ask for a password.
    return route.links == Links::media && request.target.find_first_of("?=&") != std::string::npos;
}

Response rendered(Family family, const Problem& problem, std::string_view request_id) {
    if (problem.log_only.empty()) return render_problem(family, problem, request_id);
    // While something is away every request fails the same way, and that it is away was logged once by its owner.
    if (problem.status == 503)
        log::write(log::Level::debug, {log::field::request(request_id)}, "request {}: {}", request_id,
                   problem.log_only);
    else
        log::write(log::Level::error, {log::field::request(request_id)}, "request {}: {}", request_id,
                   problem.log_only);
    return render_problem(family, problem, request_id);
}

Family family_of(const RouteMatch& match, const Request& request) {
    return match.route != nullptr ? match.route->family : family_of_path(request.path);
}

bool has_header(const Response& response, std::string_view name) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const auto& header) { return header.first == name; });
}

// Everything here is somebody's private data, and none of it is a page.
void add_common_headers(Response& response) {
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    if (!has_header(response, "Cache-Control")) response.headers.emplace_back("Cache-Control", "no-store");
}

// What a handler throws is a fault of ours and told like any other: in the family's shape, and what it was is for the
// log alone. The answer is counted and recorded as all are.
template <class Step>
Reply reply_of(const Visit& visit, const Step& step) {
    try {
        return step();
    } catch (...) {
        const Error fault{ErrorKind::internal, "a handler threw: " + current_exception_text()};
        return rendered(family_of(visit.match, visit.request), problem_of(fault), visit.request.id);
    }
}

// Counts, completes and records an answer when it comes, at once or later.
struct Completion {
    const App& app;
    std::shared_ptr<Visit> visit;

    Reply operator()(Reply reply) const {
        if (auto* response = std::get_if<Response>(&reply)) return complete(std::move(*response));
        if (std::holds_alternative<Upgrade>(reply)) {
            count(visit->request.header("Upgrade").empty() ? 426 : 101);  // what the front will say, or nearly so
            return reply;
        }
        Later later = std::move(std::get<Later>(reply));
        if (later.on_deadline) later.on_deadline = after(std::move(later.on_deadline));
        later.start = [us = *this, start = std::move(later.start)](Resumer resume) {
            const Resumer complete([us, resume = std::move(resume)](Next next) { resume(us.after(std::move(next))); });
            try {
                start(complete);
            } catch (...) {
                complete([thrown = std::current_exception()]() -> Reply { std::rethrow_exception(thrown); });
            }
        };
        return later;
    }

  private:
    Next after(Next next) const {
        return [us = *this, next = std::move(next)] { return us(reply_of(*us.visit, next)); };
    }
    void count(int status) const {
        app.metrics.count_request(visit->match.route != nullptr ? visit->match.number : Metrics::no_route, status,
                                  std::chrono::duration_cast<Microseconds>(app.clock.now().steady - visit->began));
    }
    Reply complete(Response response) const {
        add_common_headers(response);
        add_cors_headers(response, visit->request, app.settings.allowed_origins);
        response.headers.insert(response.headers.end(), visit->headers.begin(), visit->headers.end());
        // A handler that sets them itself (a logout) knows better.
        if (!sets_cookies(response)) add_cookies(response, visit->renewed);
        count(response.status);
        if (visit->match.route == nullptr) return response;
        return audited(app, visit->request, *visit->match.route, visit->note, std::move(response));
    }
};

}  // namespace

Result<std::unique_ptr<Server>> Server::make(App& app, std::span<const Route> routes) {
    WINDLASS_TRY(auto router, Router::make(routes, exact_paths()));
    return std::unique_ptr<Server>(new Server(app, std::move(router)));
}

Reply Server::handle(const Request& request) const {
    auto visit =
        std::make_shared<Visit>(Visit{request, router_.find(request.method, request.path), app_.clock.now().steady});
    const Completion complete{app_, visit};
    if (auto preflight = answer_preflight(request, visit->match.allow, app_.settings.allowed_origins))
        return complete(*std::move(preflight));
    return complete(reply_of(*visit, [&]() -> Reply {
        auto answer = dispatch(visit);
        if (answer) return std::move(answer).value();
        return rendered(family_of(visit->match, request), answer.error(), request.id);
    }));
}

OrProblem<Reply> Server::dispatch(const std::shared_ptr<Visit>& visit) const {
    const Request& request = visit->request;
    auto principal = principal_of(*visit);
    if (auto refusal = refusal_by_rate(*visit, principal ? principal->id : UserId{})) return *std::move(refusal);
    const Route* route = visit->match.route;
    if (route == nullptr) return no_route(visit->match, request);
    if (!principal) return principal.error();
    if (auto refusal = refusal_of(*route, *principal)) return *std::move(refusal);
    if (auto fault = fault_of_query(*route, request)) return *std::move(fault);
    if (is_audited(*route, visit->note) && !app_.audit.has_room())
        return try_again_later("What is done here is recorded, and the record cannot be written now. Try again later.");
    Call call{app_, request, *route, router_, *principal, visit->match.parameters};
    call.note = std::shared_ptr<AuditNote>(visit, &visit->note);
    if (route->creates == Creates::yes) {
        WINDLASS_TRY(auto replayed, take_idempotency_key(call, visit->claim));
        if (replayed) return Reply(*std::move(replayed));
    }
    return route->handler(call);
}

// Nobody, where no credential is asked for.
OrProblem<Principal> Server::principal_of(Visit& visit) const {
    if (visit.match.route == nullptr || visit.match.route->access == Access::anyone) return Principal{};
    if (comes_by_link(*visit.match.route, visit.request)) {
        visit.headers.emplace_back("Referrer-Policy", "no-referrer");
        return principal_of_link(app_, visit.request);
    }
    WINDLASS_TRY(auto identified, app_.credentials.identify(visit.request));
    visit.renewed = std::move(identified.renewed);
    if (changes_something(visit.request.method)) describe(visit.note, identified.principal);
    return std::move(identified.principal);
}

std::optional<Problem> Server::refusal_by_rate(Visit& visit, UserId account) const {
    const SteadyTime now = app_.clock.now().steady;
    const auto standing = account ? app_.rates.take(account, now) : app_.rates.take(visit.request.remote_address, now);
    if (!standing) return std::nullopt;
    for (auto& header : rate_headers(*standing)) visit.headers.push_back(std::move(header));
    if (!standing->refused) return std::nullopt;
    Problem problem = make_problem(429, "Too many requests in a short time. Wait before you send more.");
    problem.retry_after_s = standing->retry_after_s;
    return problem;
}

// Gives the call its key, or the answer of the request that had it before.
OrProblem<std::optional<Response>> Server::take_idempotency_key(Call& call, std::shared_ptr<void>& claim) const {
    WINDLASS_TRY(auto sent, read_idempotency_key(call.request, call.route, call.principal));
    if (!sent) return std::optional<Response>();
    claim = app_.idempotency.claim(*sent);
    if (!claim) {
        Problem problem = make_problem(409, "The first request with this Idempotency-Key is still under way.");
        problem.type = "urn:windlass:problem:key-in-use";
        problem.retry_after_s = 1;
        return problem;
    }
    WINDLASS_TRY(auto earlier, app_.idempotency.find(*sent, app_.clock.now().wall));
    if (earlier && !earlier->same_request) {
        Problem problem = make_problem(422, "This Idempotency-Key was used with another request.");
        problem.type = "urn:windlass:problem:key-of-another-request";
        return problem;
    }
    call.key = std::make_shared<const IdempotencyKey>(*std::move(sent));
    call.replay = earlier.has_value();
    if (!earlier || !earlier->answer) return std::optional<Response>();
    earlier->answer->headers.emplace_back("Idempotency-Replayed", "true");
    return std::move(earlier->answer);
}

Response Server::render_error(int status, std::string_view detail, std::string_view path, std::string_view request_id) {
    Problem problem = make_problem(status, std::string(detail));
    if (status == 503 || status == 429) problem.retry_after_s = 1;
    Response response = render_problem(family_of_path(path), problem, request_id);
    add_common_headers(response);
    return response;
}

std::string_view Call::query(std::string_view name) const {
    for (const auto& [parameter, value] : request.query)
        if (parameter == name) return value;
    return {};
}

std::optional<std::int64_t> Call::path_id(std::size_t index) const {
    const auto text = path[index];
    if (text.empty() || text.size() > 16 || text.front() < '0' || text.front() > '9') return std::nullopt;
    std::int64_t id = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failed != std::errc() || end != text.data() + text.size() || id < 1 || id > largest_id) return std::nullopt;
    return id;
}

Next Call::then(std::function<OrProblem<Reply>()> step) const {
    return [step = std::move(step), &asked = request, family = route.family]() -> Reply {
        auto answer = step();
        return answer ? std::move(answer).value() : Reply(rendered(family, answer.error(), asked.id));
    };
}

Response json_response(const rapidjson::StringBuffer& buffer, int status) {
    Response response;
    response.status = status;
    response.body.assign(buffer.GetString(), buffer.GetSize());
    return response;
}

Response no_content() {
    Response response;
    response.status = 204;
    return response;
}

}  // namespace windlass::api
