#include "shared/database/url.h"

#include <gtest/gtest.h>

namespace windlass {
namespace {

TEST(DatabaseUrl, names_a_sqlite_file_by_its_absolute_path) {
    for (const char* text : {"sqlite:/var/lib/windlass/w.db", "sqlite:///var/lib/windlass/w.db"}) {
        const auto url = DatabaseUrl::parse(text);
        ASSERT_TRUE(url) << text;
        EXPECT_EQ(url->engine(), Engine::sqlite);
        EXPECT_EQ(url->path(), "/var/lib/windlass/w.db");
        EXPECT_EQ(url->shown(), "sqlite:/var/lib/windlass/w.db");
    }
}

TEST(DatabaseUrl, names_a_postgresql_database_and_shows_it_without_secrets) {
    for (const char* text : {"postgresql://anna:hunter2@db.example:5433/windlass?sslpassword=hunter2",
                             "postgresql://db.example:5433/windlass?user=anna&password=hunter2"}) {
        const auto url = DatabaseUrl::parse(text);
        ASSERT_TRUE(url) << text;
        EXPECT_EQ(url->engine(), Engine::postgresql);
        EXPECT_EQ(url->uri(), text);
        EXPECT_EQ(url->shown(), "postgresql://db.example:5433/windlass");
    }
}

TEST(DatabaseUrl, that_is_wrong_is_refused_with_what_to_write_and_without_repeating_it) {
    for (const char* text :
         {"", "windlass.db", "mysql://anna:hunter2@db/windlass", "sqlite:hunter2.db", "sqlite:/dir/",
          "sqlite:/a\"hunter2", "postgresql://anna:hunter2@db/w?colour=blue", "postgresql://anna:hunter2@[db/w"}) {
        const auto url = DatabaseUrl::parse(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().kind, ErrorKind::invalid);
        EXPECT_NE(url.error().message.find("write sqlite:/absolute/path"), std::string::npos);
        EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos) << url.error().message;
    }
}

}  // namespace
}  // namespace windlass
