#include "worker/images/image_config.h"

#include <gtest/gtest.h>

#include "shared/site_names.h"

namespace windlass::worker {
namespace {

TEST(ImageConfig, holds_what_a_job_needs_of_an_oci_configuration) {
    const auto config = parse_oci_config(R"({"architecture":"amd64","config":{"Env":["PATH=/bin","EMPTY=","A=b=c"],
        "Entrypoint":["tini","--"],"Cmd":["start","lab"],"WorkingDir":"/home/jovyan","User":"1000:100",
        "ExposedPorts":{"8888/tcp":{}}},"rootfs":{}})");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->env, (std::map<std::string, std::string>{{"PATH", "/bin"}, {"EMPTY", ""}, {"A", "b=c"}}));
    EXPECT_EQ(config->entry_point, (std::vector<std::string>{"tini", "--", "start", "lab"}));
    EXPECT_EQ(config->working_directory, "/home/jovyan");
    EXPECT_EQ(config->user, "1000:100");
    for (const char* nothing : {"{}", R"({"config":null})", R"({"config":{"Env":null,"Cmd":null}})"}) {
        const auto empty = parse_oci_config(nothing);
        ASSERT_TRUE(empty.ok()) << nothing;
        EXPECT_EQ(*empty, ImageConfig{}) << nothing;
    }
}

TEST(ImageConfig, that_cannot_be_is_refused) {
    const std::string large(70'000, 'x');
    for (const std::string& bad :
         {std::string("[]"), std::string("{"), std::string(R"({"config":[]})"),
          std::string(R"({"config":{"Env":["A"]}})"), std::string(R"({"config":{"Env":["=b"]}})"),
          std::string(R"({"config":{"Env":[1]}})"), std::string(R"({"config":{"Env":{"A":"b"}}})"),
          std::string(R"({"config":{"Cmd":"sh"}})"), std::string(R"({"config":{"Cmd":[""]}})"),
          std::string(R"({"config":{"WorkingDir":"srv"}})"), std::string(R"({"config":{"User":0}})"),
          R"({"config":{"Env":["A=)" + large + R"("]}})", R"({"config":{"WorkingDir":"/)" + large + R"("}})"})
        EXPECT_FALSE(parse_oci_config(bad).ok()) << bad.substr(0, 80);
}

TEST(ImageConfig, the_user_of_the_image_is_the_job_by_name_or_number) {
    const char* passwd =
        "root:x:0:0:root:/root:/bin/ash\nlearner:x:1000:100:L,,,:/home/learner:/bin/bash\nother:{uid}:1:1:::\n";
    for (const char* user : {"learner", "1000", "1000:100", "learner:users"}) {
        const ImageUser found = image_user(user, passwd, "root:x:0:\nlearner:x:1000:\n");
        EXPECT_EQ(found.home, "/home/learner");
        EXPECT_EQ(found.passwd, "learner:x:{uid}:{gid}::/home/learner:/bin/bash\nroot:x:0:0:root:/root:/bin/ash\n");
        EXPECT_EQ(found.group, "learner:x:{gid}:\nroot:x:0:\n");
    }
    for (const char* user : {"", "root", "0", "0:0", "nobody-here"}) {
        const ImageUser found = image_user(user, passwd, "");
        EXPECT_EQ(found.home, "/job") << user;
        EXPECT_TRUE(found.passwd.starts_with("job:x:{uid}:{gid}::/job:/bin/sh\nroot:x:0:0:")) << found.passwd;
    }
    EXPECT_EQ(image_user("x", "", "").passwd, "job:x:{uid}:{gid}::/job:/bin/sh\n");
}

TEST(ImageConfig, is_the_same_after_it_was_written_down) {
    ImageRecord record;
    record.digest = "sha256:" + std::string(64, 'a');
    record.source = "oci:/dir \"with\" ü";
    record.bytes = 5'000'000'000;
    record.files = 12;
    record.config = {{{"A", "1\n2"}}, {"sh", "-c", "echo $A"}, "/srv", "u"};
    record.user = image_user("u", "u:x:5:5::/home/u:/bin/sh\n", "");
    const auto read = parse_image_record(to_json(record));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(*read, record);
    for (const char* bad : {"", "[]", "{}", R"({"env":{"A":1}})"}) EXPECT_FALSE(parse_image_record(bad).ok()) << bad;
}

TEST(SiteNames, are_any_text_that_can_be_one_part_of_a_path) {
    for (const char* good : {"a", "Übung 3: Datenanalyse", "…", "日本語", ".hidden", "a\"b\\c"})
        EXPECT_EQ(fault_of_site_name(good), "") << good;
    for (const std::string& bad : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                   std::string("a\0b", 3), std::string("a\nb"), std::string("a\x7f"),
                                   std::string("\xc2\x85"), std::string("\xff"), std::string(201, 'a')})
        EXPECT_NE(fault_of_site_name(bad), "") << bad;
    EXPECT_EQ(fault_of_site_name("\xc2\xa0"), "") << "a space that does not break is no control character";
}

}  // namespace
}  // namespace windlass::worker
