// Every route x every method x every actor x own, somebody else's, absent and malformed objects x the spellings of its
// path: who comes in, and that somebody else's and none at all answer alike. Generated from the table of routes; a
// route that is added is in here by itself.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/front/target.h"
#include "api/routes.h"
#include "api_fixture.h"
#include "images/pictures.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

constexpr const char* methods[] = {"GET",    "HEAD",    "POST",  "PUT",     "PATCH",
                                   "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"};

std::string without_ids(std::string body, const std::vector<std::string>& ids) {
    for (const auto& id : ids)
        for (auto at = body.find(id); !id.empty() && at != std::string::npos; at = body.find(id))
            body.replace(at, id.size(), "*");
    return body;
}

class AuthorisationMatrix : public ApiTest {
  protected:
    // What an actor is good for, said without looking at the code under test.
    struct Actor {
        std::string name;
        Headers headers;
        bool known = false;  // has a good credential
        bool user = false, job_control = false, admin = false;
        bool all_scopes = true;
    };

    AuthorisationMatrix() {
        make_courses();
        const auto bearer = [](const std::string& token) { return Headers{{"Authorization", "Bearer " + token}}; };
        const WallTime now = clock_.now().wall;
        const auto token_of = [&](UserId account, std::optional<WallTime> expires, Scopes scopes,
                                  std::optional<Roles> roles = {}) {
            const std::string token = random_token();
            EXPECT_TRUE(tokens_->add({token, account, "matrix", expires, scopes, roles}, now));
            return token;
        };
        Scopes reading_images;
        reading_images.add(Scope::images_read);

        actors.push_back({"anonymous", {}});
        actors.push_back({"garbage", bearer("garbage")});
        actors.push_back({"no scheme", {{"Authorization", owner.token}}});
        actors.push_back({"empty bearer", {{"Authorization", "Bearer "}}});
        actors.push_back({"basic", {{"Authorization", "Basic YWRhOmFkYQ=="}}});
        actors.push_back({"expired token", bearer(token_of(owner.id, now - Seconds{1}, Scopes::all()))});
        const auto revoked = token_of(owner.id, std::nullopt, Scopes::all());
        execute("update api_token set revoked_us = 1 where token_hash = '" + token_hash_hex(revoked) + "'");
        actors.push_back({"revoked token", bearer(revoked)});
        auto tampered = owner.token;
        tampered[5] = tampered[5] == 'A' ? 'B' : 'A';
        actors.push_back({"tampered token", bearer(tampered)});
        actors.push_back({"disabled account", bearer(disabled.token)});
        execute("update account set disabled_us = 1 where username_key = 'disabled'");
        credentials_->forget(disabled.id);
        actors.push_back({"bad header beside a good cookie",
                          {{"Authorization", "Bearer x"}, {"Cookie", "access_token=" + owner.token}}});
        actors.push_back({"claims without a signature", {{"Cookie", "Authorization=Bearer eyJhbGciOiJub25lIn0.e30."}}});

        actors.push_back({"owner", bearer(owner.token), true, true});
        actors.push_back({"owner by Token", {{"Authorization", "Token " + owner.token}}, true, true});
        actors.push_back(
            {"owner by cookie",
             {{"Cookie", "Authorization=\"Bearer " + owner.token + "\""}, {"Sec-Fetch-Site", "same-origin"}},
             true,
             true});
        actors.push_back({"another user", bearer(other.token), true, true});
        actors.push_back({"job-control", bearer(control.token), true, false, true});
        actors.push_back({"no role", bearer(roleless.token), true});
        actors.push_back({"admin", bearer(boss.token), true, true, true, true});
        actors.push_back({"owner, token of too small a scope", bearer(token_of(owner.id, {}, reading_images)), true,
                          true, false, false, false});
        actors.push_back({"admin, token of too small a scope", bearer(token_of(boss.id, {}, reading_images)), true,
                          true, true, true, false});
        actors.push_back({"admin, token lent to job-control",
                          bearer(token_of(boss.id, {}, Scopes::all(), Roles(Role::job_control))), true, false, true});
    }

    int expected_status(const Route& route, const Actor& actor) const {
        if (route.access == Access::anyone) return 200;
        if (!actor.known) return 401;
        const bool role = route.access == Access::session || actor.admin ||
                          (route.access == Access::user && actor.user) ||
                          (route.access == Access::job_control && actor.job_control);
        return role && (actor.all_scopes || route.scope == Scope::images_read) ? 200 : 403;
    }

    // Values for the parameters of a path: the owner's, and one that nobody has.
    // Has no owner: the same for everybody who may ask.
    static bool is_public(std::string_view path) {
        return path.starts_with("/api/queues/") || path.starts_with("/api/tiers/") ||
               path.starts_with("/api/search/") || path.starts_with("/api/environments/");
    }

    static std::string account_of(const Actor& actor) {
        if (actor.name == "another user") return "other";
        if (actor.name == "job-control") return "control";
        if (actor.name == "no role") return "roleless";
        return actor.name.starts_with("admin") ? "boss" : "owner";
    }
    // One class and one course of the owner's; everybody may teach, so that only roles and ownership keep people out.
    void make_courses() {
        for (const auto& account : {owner, other, control, roleless})
            EXPECT_TRUE(courses_->set_teacher(account.id, true, clock_.now().wall));
        const auto also = [](Session&, std::int64_t) { return Status(); };
        Course course;
        course.owner = owner.id;
        course.name = course.image = "own";
        EXPECT_EQ(courses_->create(course, clock_.now().wall, also).value(), 1);
        EXPECT_EQ(courses_->create_class(owner.id, "own", clock_.now().wall, also).value(), 1);
    }

    struct Objects {
        std::string own, absent, malformed;
    };
    Objects objects_for(std::string_view parameter, std::string_view path) {
        if (parameter == "{sha256}") return {sha256_hex("own"), sha256_hex("absent"), "xyz"};
        if (parameter == "{id}" && path.starts_with("/api/users/")) return {owner.id.text(), "999999", "x"};
        if (parameter == "{id}" && path.starts_with("/api/schedules/")) return {"1", "999999", "-1"};
        if (parameter == "{id}" && path.starts_with("/api/tokens/")) return {"1", "999999", "x"};
        if (parameter == "{id}" && (path.starts_with("/api/user/") || path.starts_with("/api/images/")))
            return {"1", "999999", "x"};  // the image, and its thumbnail
        if (parameter == "{name}" && path.starts_with("/api/media/")) return {"1.png", "999999.png", "%00"};
        if (parameter == "{id}" && path.starts_with("/v1/c")) return {"1", "999999", "x"};  // courses and classes
        if (parameter == "{id}") return {job.text(), "123456789", "9e9"};
        if (parameter == "{user}") return {"owner", "absent-one", "%00"};
        if (parameter == "{course}") return {"1", "999999", "x"};
        if (parameter == "{path...}") return {"out.txt", "none.txt", "..%2f..%2fetc%2fpasswd"};
        return {"default", "absent-one", "%00"};
    }
    static std::string fill(std::string_view path, const std::function<std::string(std::string_view)>& value) {
        std::string target;
        for (std::size_t at = 0; at < path.size();) {
            if (path[at] != '{') {
                target += path[at++];
                continue;
            }
            const auto end = path.find('}', at);
            target += value(path.substr(at, end - at + 1));
            at = end + 1;
        }
        return target;
    }

    // Status and body; of a stream only that there is one.
    Answer ask(const std::string& method, const std::string& target, const Actor& actor) {
        ++asked;
        const bool body = method != "GET" && method != "HEAD";
        return send_without_reading(method, target, body ? "{}" : "", actor.headers);
    }
    const Actor& actor(std::string_view name) const {
        for (const auto& one : actors)
            if (one.name == name) return one;
        ADD_FAILURE() << "no actor " << name;
        return actors.front();
    }

    Account owner = make_account("owner");
    Account other = make_account("other");
    Account control = make_account("control", Role::job_control);
    Account roleless = make_account("roleless", Roles{});
    Account disabled = make_account("disabled");
    Account boss = make_account("boss", Roles(Role::admin) | Roles(Role::user));
    const JobId job = submit(owner);
    const int image = send("POST", "/api/user/images/", form(png(4, 3)), owner.token,
                           {{"Content-Type", "multipart/form-data; boundary=edge"}})
                          .status;
    std::vector<Actor> actors;
    std::size_t asked = 0;
};

TEST_F(AuthorisationMatrix, every_route_lets_in_whom_its_table_says_and_nobody_else) {
    for (const auto& route : routes()) {
        std::set<std::string> refusals;  // of those without a good credential
        for (const auto& actor : actors) {
            const auto target = fill(route.path, [&](auto parameter) {
                // There only one's own name opens anything.
                const bool own_name = route.path.starts_with("/v1/course/") || route.path.starts_with("/v1/job/");
                if (parameter == "{user}" && own_name) return account_of(actor);
                return objects_for(parameter, route.path).absent;
            });
            const auto answer = ask(std::string(route.method), target, actor);
            const std::string what = fmt::format("{} {} as {}: {} {}", route.method, target, actor.name, answer.status,
                                                 answer.body.substr(0, 200));
            const int expected = expected_status(route, actor);
            if (expected != 200) {
                EXPECT_EQ(answer.status, expected) << what;
                if (expected == 401) refusals.insert(answer.body);
            } else if (route.access != Access::anyone) {
                EXPECT_NE(answer.status, 401) << what;
                EXPECT_NE(answer.status, 403) << what;
            }
            EXPECT_TRUE(answer.status < 500 || answer.status == 503) << what;
        }
        // One sentence for nothing presented, one for anything bad: expired, revoked, tampered, disabled look alike.
        EXPECT_LE(refusals.size(), 2U) << route.path;
    }
    std::printf("authorisation matrix: %zu requests for %zu routes and %zu actors\n", asked, routes().size(),
                actors.size());
}

TEST_F(AuthorisationMatrix, a_method_that_a_path_does_not_know_is_405_for_everybody) {
    std::map<std::string, std::set<std::string>> known;
    for (const auto& route : routes()) known[std::string(route.path)].insert(std::string(route.method));
    for (const auto& [path, own] : known) {
        const auto target = fill(path, [&](auto parameter) { return objects_for(parameter, path).absent; });
        for (const std::string method : methods) {
            if (own.contains(method) || (method == "HEAD" && own.contains("GET"))) continue;
            std::set<std::string> answers;
            for (const auto& actor : actors) {
                const auto answer = ask(method, target, actor);
                answers.insert(answer.body);
                EXPECT_TRUE(answer.status == 405 || answer.status == 404)
                    << method << " " << target << " " << actor.name;
            }
            EXPECT_EQ(answers.size(), 1U) << method << " " << target << ": everybody gets the same answer";
        }
    }
    std::printf("authorisation matrix: %zu requests with other methods\n", asked);
}

TEST_F(AuthorisationMatrix, somebody_elses_and_none_at_all_answer_alike) {
    std::size_t compared = 0;
    for (const auto& route : routes()) {
        if (route.path.find('{') == std::string_view::npos || route.access == Access::anyone) continue;
        for (const char* who : {"another user", "job-control", "no role", "owner, token of too small a scope"}) {
            const auto own = fill(route.path, [&](auto parameter) { return objects_for(parameter, route.path).own; });
            const auto absent =
                fill(route.path, [&](auto parameter) { return objects_for(parameter, route.path).absent; });
            // What everybody may see is nobody's: queues and tiers have no owner.
            if (is_public(route.path)) continue;
            // That scope is large enough here, and the owner is the owner.
            if (route.scope == Scope::images_read && std::string_view(who).starts_with("owner")) continue;
            const auto foreign = ask(std::string(route.method), own, actor(who));
            const auto none = ask(std::string(route.method), absent, actor(who));
            const auto ids = std::vector<std::string>{job.text(), "123456789",       owner.id.text(),
                                                      "999999",   sha256_hex("own"), sha256_hex("absent")};
            EXPECT_EQ(foreign.status, none.status)
                << route.method << " " << own << " as " << who << ": " << foreign.body;
            EXPECT_EQ(without_ids(foreign.body, ids), without_ids(none.body, ids))
                << route.method << " " << own << " as " << who;
            EXPECT_GE(foreign.status, 400) << route.method << " " << own << " as " << who;
            ++compared;
        }
    }
    EXPECT_GT(compared, 50U);
    std::printf("authorisation matrix: %zu pairs of a foreign and an absent object\n", compared);
}

TEST_F(AuthorisationMatrix, an_owner_and_an_admin_reach_what_is_there) {
    for (const char* path : {"/api/jobs/{id}/", "/api/jobs/{id}/events/", "/api/jobs/{id}/attempts/",
                             "/api/jobs/{id}/why/", "/api/results/{id}/"}) {
        const auto target = fill(path, [&](auto parameter) { return objects_for(parameter, path).own; });
        for (const char* who : {"owner", "owner by Token", "owner by cookie", "admin"})
            EXPECT_EQ(ask("GET", target, actor(who)).status, 200) << target << " " << who;
    }
}

TEST_F(AuthorisationMatrix, malformed_objects_are_refused_like_absent_ones_and_never_believed) {
    for (const auto& route : routes()) {
        if (route.path.find('{') == std::string_view::npos) continue;
        const auto target =
            fill(route.path, [&](auto parameter) { return objects_for(parameter, route.path).malformed; });
        if (!parse_target(target)) continue;  // the front has refused it: 400
        for (const auto& one : actors) {
            const auto answer = ask(std::string(route.method), target, one);
            const int expected = expected_status(route, one);
            if (expected != 200) {
                EXPECT_EQ(answer.status, expected) << route.method << " " << target << " " << one.name;
            }
            EXPECT_TRUE(answer.status < 500 || answer.status == 503) << route.method << " " << target << answer.body;
        }
    }
}

TEST_F(AuthorisationMatrix, no_spelling_of_a_path_is_a_way_around) {
    std::size_t spellings = 0;
    for (const auto& route : routes()) {
        if (route.access == Access::anyone) continue;
        const auto path = fill(route.path, [&](auto parameter) { return objects_for(parameter, route.path).own; });
        const auto plain = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
        const auto encoded = [](const std::string& text) {
            std::string all;
            for (const char c : text)
                all += c == '/' ? std::string("/") : fmt::format("%{:02x}", static_cast<unsigned>(c) & 0xffU);
            return all;
        };
        std::string upper = path;
        for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        for (const auto& spelling : {plain,
                                     plain + "/",
                                     plain + "//",
                                     "/" + path,
                                     "//x" + path,
                                     encoded(path),
                                     encoded(plain),
                                     upper,
                                     plain + "/.",
                                     plain + "/..",
                                     "/api/../" + path.substr(1),
                                     "/healthz/.." + path,
                                     "/healthz/%2e%2e" + path,
                                     "/healthz%2f%2e%2e" + path,
                                     plain + ";x=1",
                                     plain + "%00",
                                     plain + "%2f",
                                     plain + "?access_token=" + owner.token,
                                     plain + "%3fx",
                                     plain + "#x",
                                     plain + "?_method=GET"}) {
            if (!parse_target(spelling)) continue;  // the front has refused it: 400
            ++spellings;
            for (const char* who : {"anonymous", "revoked token", "no role"}) {
                if (std::string(who) == "no role" && route.access == Access::session) continue;
                const auto answer = ask(std::string(route.method), spelling, actor(who));
                EXPECT_TRUE(answer.status == 401 || answer.status == 403 || answer.status == 404 ||
                            answer.status == 405)
                    << route.method << " " << spelling << " as " << who << ": " << answer.status;
            }
            // Headers that other servers take for a method, a user or an address.
            const Actor hopeful{"hopeful",
                                {{"X-HTTP-Method-Override", "GET"},
                                 {"X-Original-URL", "/healthz"},
                                 {"X-Rewrite-URL", "/healthz"},
                                 {"X-Forwarded-User", "admin"},
                                 {"Remote-User", "admin"},
                                 {"X-Forwarded-For", "127.0.0.1"},
                                 {"X-Real-IP", "127.0.0.1"},
                                 {"REMOTE_ADDR", "127.0.0.1"}}};
            const auto answer = ask(std::string(route.method), spelling, hopeful);
            EXPECT_TRUE(answer.status == 401 || answer.status == 404 || answer.status == 405)
                << route.method << " " << spelling;
        }
    }
    std::printf("authorisation matrix: %zu spellings of paths, %zu requests\n", spellings, asked);
}

TEST_F(AuthorisationMatrix, an_upgrade_to_a_websocket_is_asked_for_its_credential_like_anything_else) {
    const Headers upgrade = {{"Upgrade", "websocket"},
                             {"Connection", "Upgrade"},
                             {"Sec-WebSocket-Version", "13"},
                             {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
    for (const auto& route : routes()) {
        if (route.method != "GET" || route.access == Access::anyone) continue;
        const auto target = fill(route.path, [&](auto parameter) { return objects_for(parameter, route.path).own; });
        for (const auto& one : actors) {
            const int expected = expected_status(route, one);
            if (expected == 200) continue;
            Actor upgrading = one;
            upgrading.headers.insert(upgrading.headers.end(), upgrade.begin(), upgrade.end());
            EXPECT_EQ(ask("GET", target, upgrading).status, expected) << target << " " << one.name;
        }
    }
}

}  // namespace
}  // namespace windlass::api::test
