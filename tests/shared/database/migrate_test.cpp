#include "shared/database/migrate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "shared/database/dialect.h"
#include "shared/job_state.h"
#include "tests/shared/database/schema_text.h"
#include "tests/support/databases.h"

namespace windlass {
namespace {

using test::EmptyDatabase;

class Migrations : public testing::TestWithParam<Engine> {
  protected:
    EmptyDatabase database{GetParam()};
    Session session{database.url()};
};

INSTANTIATE_TEST_SUITE_P(, Migrations, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return test::engine_name(test.param); });

constexpr Migration one{1, "0001_one.sql", "create table one (id bigint not null primary key) {{hot}}; -- it's one\n"};
constexpr Migration two{2, "0002_two.sql", "create table two (bytes {{bytes}}); insert into one (id) values (7);"};
constexpr Migration broken_two{2, "0002_two.sql", "create table two (id bigint); create tabel three (id bigint);"};

TEST_P(Migrations, are_applied_once_and_in_order) {
    EXPECT_EQ(schema_version(session).value(), 0);
    const Migration first[] = {one};
    ASSERT_TRUE(migrate(session, first));
    EXPECT_EQ(schema_version(session).value(), 1);
    const Migration both[] = {one, two};
    ASSERT_TRUE(migrate(session, both));
    ASSERT_TRUE(migrate(session, both));
    EXPECT_EQ(schema_version(session).value(), 2);
    EXPECT_EQ(session.query("select id from one").value().size(), 1U);
}

TEST_P(Migrations, leave_the_old_tables_when_one_of_them_fails) {
    const Migration both[] = {one, broken_two};
    const Status status = migrate(session, both);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("0002_two.sql"), std::string::npos) << status.error().message;
    EXPECT_EQ(schema_version(session).value(), 0);
    const Migration good[] = {one, two};
    EXPECT_TRUE(migrate(session, good));
}

TEST_P(Migrations, refuse_a_database_newer_than_the_program) {
    const Migration both[] = {one, two};
    ASSERT_TRUE(migrate(session, both));
    const Migration old[] = {one};
    const Status status = migrate(session, old);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::invalid);
    EXPECT_NE(status.error().message.find("newer than this program"), std::string::npos);
}

constexpr Migration adding_two{2, "0002_two.sql", "-- runs with: 1\ncreate table two (id bigint);", "drop table two;"};
constexpr Migration adding_three{3, "0003_three.sql", "-- Two.\n-- runs with: 2\ncreate table three (id bigint);"};

TEST_P(Migrations, leave_a_newer_database_alone_when_all_that_is_new_in_it_runs_with_the_program) {
    const Migration old[] = {one};
    const Migration next[] = {one, adding_two};
    const Migration after[] = {one, adding_two, adding_three};
    ASSERT_TRUE(migrate(session, next));
    EXPECT_TRUE(migrate(session, old));
    EXPECT_EQ(schema_version(session).value(), 2);
    ASSERT_TRUE(migrate(session, after));
    EXPECT_TRUE(migrate(session, next));
    EXPECT_FALSE(migrate(session, old)) << "the third says that only those with the second run with it";
}

TEST_P(Migrations, of_a_program_that_recorded_nothing_about_others_are_for_that_program_alone) {
    const Migration next[] = {one, adding_two};
    ASSERT_TRUE(migrate(session, next));
    ASSERT_TRUE(session.run_script("alter table schema_migration drop column runs_with", "as 0.1.0 made it"));
    const Migration old[] = {one};
    EXPECT_FALSE(migrate(session, old));
    const Migration after[] = {one, adding_two, adding_three};
    ASSERT_TRUE(migrate(session, after)) << "and they go on from there";
    EXPECT_TRUE(migrate(session, next));
}

TEST_P(Migrations, are_undone_in_one_transaction_as_far_as_each_can_be) {
    const Migration first[] = {one};
    ASSERT_TRUE(migrate(session, first));
    const std::string before = test::schema_text(session);
    constexpr Migration three{3, "0003_three.sql", "create table three (id bigint);", "drop table three;"};
    const Migration all[] = {one, adding_two, three};
    ASSERT_TRUE(migrate(session, all));
    for (const int nowhere : {-1, 3, 4}) EXPECT_FALSE(migrate_back(session, nowhere, all)) << nowhere;
    const Status impossible = migrate_back(session, 0, all);
    ASSERT_FALSE(impossible);
    EXPECT_NE(impossible.error().message.find("0001_one.sql cannot be undone"), std::string::npos);
    EXPECT_EQ(schema_version(session).value(), 3) << "not half of it";
    ASSERT_TRUE(migrate_back(session, 1, all));
    EXPECT_EQ(schema_version(session).value(), 1);
    EXPECT_EQ(test::schema_text(session), before);
    EXPECT_TRUE(migrate(session, all));
}

// sql/back: the tables are then exactly those that the older program would have made.
TEST_P(Migrations, of_this_program_lead_back_to_the_tables_of_each_one_before) {
    const auto all = embedded_migrations();
    int ways = 0;
    for (std::size_t to = all.size() - 1; to > 0 && !all[to].back.empty(); --to, ++ways) {
        SCOPED_TRACE(all[to].name);
        EmptyDatabase older(GetParam());
        Session other(older.url());
        ASSERT_TRUE(migrate(other, all.first(to)));
        EmptyDatabase newer(GetParam());
        Session site(newer.url());
        ASSERT_TRUE(migrate(site));
        const Status back = migrate_back(site, static_cast<int>(to));
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(test::schema_text(site), test::schema_text(other));
        const std::string counters = "select name from id_counter order by name";
        const auto left = site.query(counters).value();
        const auto expected = other.query(counters).value();
        ASSERT_EQ(left.size(), expected.size());
        for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i].text(0), expected[i].text(0));
        ASSERT_TRUE(migrate(site));
    }
    EXPECT_GE(ways, 6);
}

TEST_P(Migrations, refuse_a_script_that_was_edited_after_it_was_applied) {
    const Migration first[] = {one};
    ASSERT_TRUE(migrate(session, first));
    const Migration edited[] = {{1, "0001_one.sql", "create table one (id bigint)"}, two};
    const Status status = migrate(session, edited);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::invalid);
    EXPECT_NE(status.error().message.find("0001_one.sql"), std::string::npos);
    EXPECT_EQ(schema_version(session).value(), 1);
}

TEST_P(Migrations, of_programs_that_start_together_are_applied_once) {
    std::vector<std::thread> programs;
    std::vector<Status> ends(4);
    for (Status& end : ends) {
        programs.emplace_back([&] {
            Session own(database.url());
            end = migrate(own);
        });
    }
    for (std::thread& program : programs) program.join();
    for (const Status& end : ends) EXPECT_TRUE(end) << end.error().message;
    EXPECT_EQ(schema_version(session).value(), static_cast<int>(embedded_migrations().size()));
}

TEST_P(Migrations, of_this_program_give_exactly_the_snapshot_in_sql) {
    ASSERT_TRUE(migrate(session));
    const std::string path =
        std::string(WINDLASS_SOURCE_DIRECTORY) + "/sql/schema." + test::engine_name(GetParam()) + ".sql";
    std::ifstream file(path);
    const std::string snapshot{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(test::schema_text(session), snapshot) << "run scripts/schema-snapshot and look at the difference";
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// How many rows each table has.
std::map<std::string, std::int64_t> sizes(Session& session) {
    const auto tables = session.query(session.engine() == Engine::sqlite
                                          ? "select name from sqlite_master where type = 'table' order by name"
                                          : "select cast(table_name as text) from information_schema.tables where "
                                            "table_schema = current_schema() and table_type = 'BASE TABLE'");
    std::map<std::string, std::int64_t> all;
    for (const Row& row : tables.value())
        all[row.text(0)] = session.query("select count(*) from " + row.text(0)).value()[0].integer(0);
    return all;
}

// sql/fixtures: a small site of each release, with something in most of its tables.
TEST_P(Migrations, bring_a_site_of_each_release_up_to_date_and_lose_nothing_of_it) {
    const std::string sources = WINDLASS_SOURCE_DIRECTORY;
    const std::string snapshot = text_of(sources + "/sql/schema." + test::engine_name(GetParam()) + ".sql");
    int releases = 0;
    for (const auto& entry : std::filesystem::directory_iterator(sources + "/sql/fixtures")) {
        if (!entry.path().string().ends_with("." + test::engine_name(GetParam()) + ".sql")) continue;
        SCOPED_TRACE(entry.path());
        ++releases;
        EmptyDatabase old(GetParam());
        Session site(old.url());
        ASSERT_TRUE(site.run_script(text_of(entry.path()), "the fixture"));
        const auto before = sizes(site);
        EXPECT_GT(std::ranges::count_if(before, [](const auto& table) { return table.second > 0; }), 20);
        const auto migrated = migrate(site);
        ASSERT_TRUE(migrated) << migrated.error().message;
        EXPECT_EQ(test::schema_text(site), snapshot);
        const auto after = sizes(site);
        for (const auto& [table, rows] : before) {
            const auto found = after.find(table);
            ASSERT_NE(found, after.end()) << table << " is gone: say here where its rows went";
            EXPECT_GE(found->second, rows) << table;
        }
    }
    EXPECT_GE(releases, 1);
}

// Writers go on, and a migration waits for them within a bound: the program that migrates says so and tries again.
TEST(MigrationsUnderLoad, give_up_within_the_lock_timeout_and_succeed_when_the_writer_is_through) {
    EmptyDatabase database(Engine::postgresql);
    Session writer(database.url());
    const Migration first[] = {one};
    ASSERT_TRUE(migrate(writer, first));
    const Migration both[] = {one, {2, "0002_more.sql", "alter table one add column more bigint not null default 0;"}};
    Session migrating(database.url(), {.lock_timeout = Milliseconds{50}});
    {
        auto transaction = Transaction::begin(writer);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(writer.execute("insert into one (id) values (1)"));
        const Status held_up = migrate(migrating, both);
        ASSERT_FALSE(held_up);
        EXPECT_EQ(held_up.error().kind, ErrorKind::unavailable) << held_up.error().message;
        EXPECT_EQ(schema_version(migrating).value(), 1);
        ASSERT_TRUE(writer.execute("insert into one (id) values (2)"))
            << "the writer is not held up by who waits for it";
        ASSERT_TRUE(transaction->commit());
    }
    ASSERT_TRUE(migrate(migrating, both));
    EXPECT_EQ(writer.query("select id from one where more = 0").value().size(), 2U);
}

TEST_P(Migrations, number_the_scripts_from_one_without_gaps) {
    int expected = 0;
    for (const Migration& migration : embedded_migrations()) {
        EXPECT_EQ(migration.number, ++expected) << migration.name;
        EXPECT_EQ(session.dialect().expand(migration.sql).find("{{"), std::string::npos) << migration.name;
    }
    EXPECT_GE(expected, 2);
}

// The tables and shared/job_state.h say the same about every state, number, worker and end.
TEST_P(Migrations, constraints_of_job_state_are_the_rules_of_the_state_machine) {
    ASSERT_TRUE(migrate(session));
    const auto known = [](int state) {
        return std::ranges::any_of(all_job_states, [&](JobState s) { return static_cast<int>(s) == state; });
    };
    for (int state = -1; state <= static_cast<int>(all_job_states.size()); ++state) {
        for (const bool worker : {false, true}) {
            for (const bool finished : {false, true}) {
                const auto s = static_cast<JobState>(state);
                const bool allowed = known(state) && worker == is_leased(s) && finished == is_final(s);
                const auto inserted = session.execute(
                    "insert into job_state (id, state, attempt, failures, losses, worker, cancel_requested, "
                    "finished_us, "
                    "event_seq) values (:id, :state, 1, 0, 0, :worker, 0, :finished, 1)",
                    1, state, worker ? std::optional<std::int64_t>(5) : std::nullopt,
                    finished ? std::optional<std::int64_t>(9) : std::nullopt);
                EXPECT_EQ(inserted.ok(), allowed)
                    << "state " << state << " worker " << worker << " finished " << finished;
                if (!inserted) {
                    EXPECT_EQ(inserted.error().kind, ErrorKind::invalid);
                }
                ASSERT_TRUE(session.execute("delete from job_state"));
            }
        }
    }
}

TEST_P(Migrations, give_ids_to_accounts_one_after_the_other) {
    ASSERT_TRUE(migrate(session));
    for (int expected = 1; expected <= 3; ++expected) {
        const auto rows =
            session.query("update id_counter set next = next + 1 where name = :name returning next - 1", "account");
        ASSERT_TRUE(rows) << rows.error().message;
        EXPECT_EQ(rows->at(0).integer(0), expected);
    }
}

}  // namespace
}  // namespace windlass
