// For those who run the site.
#include "api/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
    {"GET", "/healthz", Family::operations, Access::anyone, Scope::none, health, "The process answers"},
    {"GET", "/readyz", Family::operations, Access::anyone, Scope::none, ready, "Scheduler and database can be reached"},
    {"GET", "/", Family::operations, Access::anyone, Scope::none, show_dashboard, "The dashboard, for people"},
    {"GET", "/dashboard/{version}/{path...}", Family::operations, Access::anyone, Scope::none, dashboard_asset,
     "Scripts and styles of the dashboard"},
    {"GET", "/api/site/", Family::operations, Access::anyone, Scope::none, show_site,
     "What a page must know before anybody has signed in"},
    {"GET", "/metrics", Family::operations, Access::anyone, Scope::none, metrics, "Figures, as Prometheus text"},
};

}  // namespace

std::span<const Route> operations_routes() {
    return table;
}

}  // namespace windlass::api
