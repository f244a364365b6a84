#include "api/monitoring/admin_notices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/monitoring/any_case_fields.h"
#include "api/names.h"
#include "api/role_names.h"

namespace windlass::api {
namespace {

constexpr std::int64_t most_notices = 1'000;
constexpr std::size_t longest_username = 255;
constexpr Seconds hour{3'600};
constexpr std::ptrdiff_t per_address = 5;
constexpr std::size_t altogether = 30;

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

}  // namespace

OrProblem<UserInfo> parse_user_info(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    UserInfo user;
    user.username = fields.text("Username").value_or("");
    if (is_blank(user.username))
        fields.bad("Username", "is required");
    else if (user.username.size() > longest_username)
        fields.bad("Username", fmt::format("must not be longer than {} bytes", longest_username));
    else if (has_control_characters(user.username))  // it will stand in a mail
        fields.bad("Username", "must not have line breaks or other control characters");
    for (auto& name : fields.texts("Roles").value_or(std::vector<std::string>())) {
        if (!role_named(name))
            fields.bad("Roles", "must be of user, job-control, admin");
        else if (std::find(user.roles.begin(), user.roles.end(), name) == user.roles.end())
            user.roles.push_back(std::move(name));
    }
    if (faults.any()) return std::move(faults).problem();
    return user;
}

Status AdminNoticesRepository::leave(const UserInfo& user, std::string_view address, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto number, session->query("update id_counter set next = next + 1 where name = 'admin_notice' "
                                                   "returning next - 1"));
    const std::int64_t id = number.front().integer(0);
    WINDLASS_TRY_STATUS(as_status(
        session->execute("insert into admin_notice (id, name_key, username, roles, address, times, first_us, last_us) "
                         "values (:id, :key, :username, :roles, :address, 1, :now, :now) on conflict (name_key) do "
                         "update set roles = excluded.roles, address = excluded.address, times = admin_notice.times + "
                         "1, last_us = excluded.last_us",
                         id, name_key(user.username), user.username, fmt::format("{}", fmt::join(user.roles, " ")),
                         address, to_unix_us(now))));
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "delete from admin_notice where id not in (select id from admin_notice order by last_us desc, id desc limit "
        ":most)",
        most_notices)));
    return transaction.commit();
}

Result<std::vector<AdminNotice>> AdminNoticesRepository::all() {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select id, username, roles, address, times, first_us, last_us from "
                                                 "admin_notice order by last_us desc, id desc"));
    std::vector<AdminNotice> notices;
    for (const Row& row : rows)
        notices.push_back({row.integer(0), row.text(1), words_of(row.text(2)), row.text(3), row.integer(4),
                           from_unix_us(row.integer(5)), from_unix_us(row.integer(6))});
    return notices;
}

Result<bool> AdminNoticesRepository::remove(std::int64_t id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto gone, session->execute("delete from admin_notice where id = :id", id));
    return gone > 0;
}

std::optional<Seconds> NoticeBrake::take(std::string_view address, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    while (!last_hour_.empty() && last_hour_.front().at + hour <= now) last_hour_.pop_front();
    const auto from_there = [&](const Entry& entry) { return entry.address == address; };
    const bool full = last_hour_.size() >= altogether;
    if (!full && std::count_if(last_hour_.begin(), last_hour_.end(), from_there) < per_address) {
        last_hour_.push_back({now, std::string(address)});
        return std::nullopt;
    }
    const auto oldest = full ? last_hour_.begin() : std::find_if(last_hour_.begin(), last_hour_.end(), from_there);
    return std::max(Seconds{1}, std::chrono::ceil<Seconds>(oldest->at + hour - now));
}

}  // namespace windlass::api
