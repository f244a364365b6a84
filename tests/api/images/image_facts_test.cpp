#include "api/images/image_facts.h"

#include <gtest/gtest.h>

#include "tests/api/images/pictures.h"

namespace windlass::api::test {
namespace {

std::string refusal(const std::string& bytes) {
    const auto facts = read_image_facts(bytes);
    return facts ? "taken" : facts.error().message;
}

TEST(ImageFacts, are_read_from_the_header_of_a_png) {
    EXPECT_EQ(read_image_facts(png(301, 127)).value(), (ImageFacts{Media::png, 301, 127, 1, false}));
    EXPECT_TRUE(read_image_facts(png(3, 2, {.interlaced = 1}))->heavy);
}

TEST(ImageFacts, are_read_from_the_frame_of_a_jpeg) {
    EXPECT_EQ(read_image_facts(jpeg(640, 480)).value(), (ImageFacts{Media::jpeg, 640, 480, 1, false}));
    EXPECT_TRUE(read_image_facts(jpeg(640, 480, 0xc2))->heavy) << "progressive";
}

TEST(ImageFacts, an_image_on_its_side_has_width_and_height_as_it_is_seen) {
    const auto app1 = [](int orientation) {
        return jpeg_segment(0xe1, std::string("Exif\0\0", 6) + exif(orientation));
    };
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const auto facts = read_image_facts(jpeg(640, 480, 0xc0, app1(orientation))).value();
        EXPECT_EQ(facts.orientation, orientation);
        EXPECT_EQ(facts.width, orientation >= 5 ? 480 : 640) << orientation;
        const auto same =
            read_image_facts(png(640, 480, {.before_data = png_chunk("eXIf", exif(orientation))})).value();
        EXPECT_EQ(same.height, orientation >= 5 ? 640 : 480) << orientation;
    }
    EXPECT_EQ(read_image_facts(jpeg(640, 480, 0xc0, app1(9)))->orientation, 1) << "there are eight";
}

TEST(ImageFacts, of_any_cut_off_file_there_are_none) {
    for (const auto& whole : {png(301, 127), jpeg(640, 480), jpeg(640, 480, 0xc2)})
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_FALSE(read_image_facts(whole.substr(0, size)).ok()) << size << " of " << whole.size();
}

TEST(ImageFacts, a_png_with_one_changed_byte_is_refused) {
    const auto whole = png(301, 127);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        auto changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 0x20);
        EXPECT_FALSE(read_image_facts(changed).ok()) << at;
    }
}

TEST(ImageFacts, what_follows_the_end_is_somebody_elses) {
    EXPECT_TRUE(read_image_facts(png(3, 2, {.after = "PK\x03\x04 an archive"})).ok());
    EXPECT_TRUE(read_image_facts(jpeg(3, 2) + "<script>").ok());
}

TEST(ImageFacts, something_else_before_the_beginning_is_no_image) {
    for (const auto& bytes : {"<html>" + png(3, 2), "GIF89a" + jpeg(3, 2), std::string("%PDF-1.4"), std::string("BM"),
                              std::string("\xff\xd8"), std::string("RIFF....WEBP"), "\n" + png(3, 2)})
        EXPECT_EQ(refusal(bytes), "Upload a valid image. The file is neither a PNG nor a JPEG.");
    EXPECT_EQ(refusal(""), "The submitted file is empty.");
}

TEST(ImageFacts, an_image_without_an_extent_or_with_two_is_refused) {
    EXPECT_FALSE(read_image_facts(png(0, 5)).ok());
    EXPECT_FALSE(read_image_facts(png(5, 0)).ok());
    EXPECT_FALSE(read_image_facts(png(0x80000000U, 5)).ok());
    EXPECT_FALSE(read_image_facts(jpeg(0, 5)).ok());
    EXPECT_FALSE(read_image_facts(jpeg(5, 0)).ok());
    EXPECT_EQ(refusal(jpeg(5, 5, 0xc0, jpeg_segment(0xc0, std::string("\x08\0\x05\0\x05\x01\x01\x11\0", 9)))),
              "The JPEG has more than one picture in it.");
}

TEST(ImageFacts, kinds_of_jpeg_that_no_decoder_here_knows_are_refused) {
    for (const int frame : {0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf})
        EXPECT_FALSE(read_image_facts(jpeg(5, 5, frame)).ok()) << frame;
}

TEST(ImageFacts, the_largest_extents_are_read_and_left_to_the_limit_of_pixels) {
    EXPECT_EQ(read_image_facts(png(0x7fffffff, 0x7fffffff))->width, 0x7fffffff);
    EXPECT_EQ(read_image_facts(jpeg(65535, 65535))->height, 65535);
}

TEST(ImageFacts, a_directory_that_points_nowhere_says_nothing) {
    for (std::string broken : {std::string("MM\0*\xff\xff\xff\xff", 8), std::string("II*\0\x08\0\0\0\xff\xff", 10),
                               std::string("MM"), std::string("XX\0*\0\0\0\x08", 8)})
        EXPECT_EQ(
            read_image_facts(jpeg(6, 4, 0xc0, jpeg_segment(0xe1, std::string("Exif\0\0", 6) + broken)))->orientation,
            1);
}

TEST(ThumbnailWidth, keeps_the_shape_rounds_and_is_never_zero) {
    EXPECT_EQ(thumbnail_width(400, 300, 200), 267);
    EXPECT_EQ(thumbnail_width(300, 400, 200), 150);
    EXPECT_EQ(thumbnail_width(1, 10'000, 200), 1);
    EXPECT_EQ(thumbnail_width(10'000, 1, 200), 2'000'000);
    EXPECT_EQ(thumbnail_width(5, 10, 1), 1) << "half a pixel is rounded up";
}

}  // namespace
}  // namespace windlass::api::test
