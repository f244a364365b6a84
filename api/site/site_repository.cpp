#include "api/site/site_repository.h"

#include "shared/json.h"

namespace windlass::api {
namespace {

Result<std::vector<std::string>> parse_list(const std::string& text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    std::vector<std::string> list;
    if (!document.IsArray()) return make_error(ErrorKind::internal, "site_thing.visible_to is no list: " + text);
    for (const auto& entry : document.GetArray()) {
        if (!entry.IsString())
            return make_error(ErrorKind::internal, "site_thing.visible_to holds more than text: " + text);
        list.emplace_back(text_of(entry));
    }
    return list;
}

std::string list_of(const std::vector<std::string>& list) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& entry : list) windlass::put(json, entry);
    json.EndArray();
    return std::string(text_of(buffer));
}

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

int number(SiteKind kind) {
    return static_cast<int>(kind);
}

}  // namespace

Result<std::vector<SiteThing>> SiteRepository::all(SiteKind kind) {
    WINDLASS_TRY(const auto session, pool_.lease());
    std::map<std::string, SiteThing> things;
    const auto thing = [&](const std::string& name) -> SiteThing& {
        SiteThing& found = things[name];
        found.kind = kind;
        found.name = name;
        return found;
    };
    WINDLASS_TRY(const auto said,
                 session->query("select name, label, visible_to from site_thing where kind = :kind", number(kind)));
    for (const Row& row : said) {
        SiteThing& one = thing(row.text(0));
        one.declared = true;
        one.label = row.text(1);
        WINDLASS_TRY(one.visible_to, parse_list(row.text(2)));
    }
    WINDLASS_TRY(const auto offers,
                 session->query("select o.name, w.name, o.digest from site_offer o join worker w on w.id = o.worker "
                                "where o.kind = :kind",
                                number(kind)));
    for (const Row& row : offers) thing(row.text(0)).workers.emplace(row.text(1), row.text(2));
    std::vector<SiteThing> list;
    for (auto& [name, one] : things) list.push_back(std::move(one));
    return list;
}

Result<std::optional<SiteThing>> SiteRepository::one(SiteKind kind, const std::string& name) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto said,
                 session->query("select label, visible_to from site_thing where kind = :kind and name = :name",
                                number(kind), name));
    SiteThing thing;
    thing.kind = kind;
    thing.name = name;
    if (!said.empty()) {
        thing.declared = true;
        thing.label = said.front().text(0);
        WINDLASS_TRY(thing.visible_to, parse_list(said.front().text(1)));
        return std::optional(std::move(thing));
    }
    WINDLASS_TRY(
        const auto offers,
        session->query("select count(*) from site_offer where kind = :kind and name = :name", number(kind), name));
    if (offers.front().integer(0) == 0) return std::optional<SiteThing>();
    return std::optional(std::move(thing));
}

Status SiteRepository::put(SiteKind kind, const std::string& name, const SiteThingChange& change, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(as_status(
        session->execute("insert into site_thing (kind, name, label, visible_to, changed_us) values (:kind, :name, '', "
                         "'[]', :now) on conflict (kind, name) do update set changed_us = excluded.changed_us",
                         number(kind), name, to_unix_us(now))));
    if (change.label)
        WINDLASS_TRY_STATUS(
            as_status(session->execute("update site_thing set label = :label where kind = :kind and name = :name",
                                       *change.label, number(kind), name)));
    if (change.visible_to)
        WINDLASS_TRY_STATUS(as_status(
            session->execute("update site_thing set visible_to = :visible where kind = :kind and name = :name",
                             list_of(*change.visible_to), number(kind), name)));
    return transaction.commit();
}

Result<bool> SiteRepository::remove(SiteKind kind, const std::string& name) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto removed,
                 session->execute("delete from site_thing where kind = :kind and name = :name", number(kind), name));
    return removed > 0;
}

}  // namespace windlass::api
