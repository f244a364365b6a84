// Paths to routes, by a tree of segments. Both slash forms of a path are the same path.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/family.h"
#include "api/front/exchange.h"
#include "api/principal.h"
#include "api/problem.h"
#include "api/scopes.h"

namespace windlass::api {

struct Call;
using RouteHandler = OrProblem<Reply> (*)(const Call&);

enum class Access {
    unset,        // a forgotten one: the server does not start
    anyone,       // no credential is looked at
    session,      // a credential of any account, whatever its roles
    user,         // an account with the role user, or admin
    job_control,  // ... with the role job-control, or admin
    admin,
};

// Whether requests may carry an Idempotency-Key; the others do the same however often they are called.
enum class Creates { no, yes };

// Whether a signed link (links/signed_link.h) can stand for a credential. media: of images, for which the family has
// its own way to make them; whatever stands there beside a plain name is a link, perhaps an altered one.
enum class Links { no, yes, media };

struct Route {
    std::string_view method;
    std::string_view
        path;  // "/api/jobs/{id}/", canonical form; the last segment may be {name...}: the rest of the path
    Family family = Family::operations;
    Access access = Access::unset;
    Scope scope = Scope::none;  // that an API token needs; none only where anyone may call
    RouteHandler handler = nullptr;
    std::string_view summary;
    std::span<const std::string_view> query = {};  // parameters it knows; any other is a 400
    Creates creates = Creates::no;
    Links links = Links::no;
    bool audited = true;  // false: what it changes is not ours, or numbers that machines send all day; not recorded
};

// Alone in Route::query: whatever is sent is passed on to somebody else.
inline constexpr std::string_view any_query = "*";

inline constexpr std::size_t max_path_parameters = 2;
using PathParameters = std::array<std::string_view, max_path_parameters>;

struct RouteMatch {
    const Route* route = nullptr;  // null: see allow
    std::size_t number = 0;        // of the route in the table
    PathParameters parameters;     // views into the path
    std::string allow;             // the path is known, the method is not: what is allowed. Empty: an unknown path
};

class Router {
  public:
    // `routes` must outlive the router. `exact`: paths, without a slash at the end, that are not the same as with one.
    // invalid: a route without access, scope or handler, twice the same, or a path that cannot be matched.
    static Result<Router> make(std::span<const Route> routes, std::span<const std::string_view> exact = {});

    // HEAD finds GET.
    RouteMatch find(std::string_view method, std::string_view path) const;

    Router(Router&&) = default;
    Router& operator=(Router&&) = default;

  private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
        std::unique_ptr<Node> parameter;
        bool rest = false;  // takes everything that is left
        std::vector<std::size_t> routes;
    };

    Router() = default;
    Status add(std::size_t number);
    void choose(const std::vector<std::size_t>& numbers, std::string_view method, RouteMatch& match) const;

    std::span<const Route> routes_;
    std::map<std::string_view, std::vector<std::size_t>> exact_;
    std::unique_ptr<Node> root_ = std::make_unique<Node>();
};

}  // namespace windlass::api
