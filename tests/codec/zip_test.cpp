#include "striate/codec/zip.h"

#include <cstring>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "testing/paths.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string read_all(const Bytes& bytes) {
  const ZipArchive archive(bytes, "a.zip");
  std::string text;
  for (const auto& entry : archive.entries()) {
    const Bytes content = archive.read(entry);
    text += entry.first + "=" + std::string(content.begin(), content.end()) + ";";
  }
  return text;
}

std::string error_of(const Bytes& bytes) {
  try {
    read_all(bytes);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

Bytes two() {
  const std::vector<ZipMember> members{{"a", bytes_of("hello")}, {"b/c", bytes_of("you")}};
  return write_zip(members);
}

TEST(Zip, ReadsWhatItWrites) {
  const Bytes archive = two();
  EXPECT_EQ(read_all(archive), "a=hello;b/c=you;");
  EXPECT_TRUE(is_zip(archive));
  const ZipArchive read(archive, "a.zip");
  for (const auto& [name, entry] : read.entries()) {
    EXPECT_EQ(entry.begin % 64, 0U) << name;
  }
  EXPECT_EQ(read_all(write_zip({})), "");
}

// Made by Info-ZIP's zip: one deflated, one stored.
TEST(Zip, ReadsOthers) {
  const Bytes archive = read_file(std::string(kSourceFolder) + "/fuzz/corpus/zip/two.zip");
  EXPECT_EQ(read_all(archive), "ex_a.txt=" + std::string(56, 'a') + ";ex_b.txt=hi;");
}

// `at` counts from the list of files' entry of the file: 10 method, 16 checksum, 20 packed, 24 size,
// 42 place; `by` takes the place of its first bytes.
Bytes changed(Bytes archive, std::size_t entry, std::size_t at, const Bytes& by) {
  std::size_t place = 0;
  for (std::size_t seen = 0; seen <= entry; ++place) {
    if (std::memcmp(archive.data() + place, "PK\x01\x02", 4) == 0 && seen++ == entry) break;
  }
  std::copy(by.begin(), by.end(), archive.begin() + static_cast<std::ptrdiff_t>(place + at));
  return archive;
}

TEST(Zip, RefusesWhatCannotBe) {
  EXPECT_THAT(error_of(changed(two(), 0, 16, {0, 0})), HasSubstr("a: damaged: its checksum"));
  EXPECT_THAT(error_of(changed(two(), 0, 24, {6})),
              HasSubstr("stored, but 5 bytes are to become 6"));
  EXPECT_THAT(error_of(changed(two(), 0, 10, {9})), HasSubstr("packed by method 9"));
  EXPECT_THAT(error_of(changed(two(), 0, 8, {1, 8})), HasSubstr("a is encrypted"));
  EXPECT_THAT(error_of(changed(two(), 0, 42, {1})), HasSubstr("a is not where the list"));
  EXPECT_THAT(error_of(changed(two(), 0, 20, {0, 0, 1, 0, 0, 0, 1, 0})),
              HasSubstr("a goes beyond the archive's files"));
  Bytes twice = two();
  const std::vector<ZipMember> same{{"a", bytes_of("1")}, {"a", bytes_of("2")}};
  EXPECT_THAT(error_of(write_zip(same)), HasSubstr("two files in it are called a"));
  for (std::size_t length = 0; length < twice.size(); ++length) {
    EXPECT_NE(error_of(Bytes(twice.begin(), twice.begin() + static_cast<std::ptrdiff_t>(length))),
              "no error");
  }
}

// A file that says of itself that it becomes a terabyte.
TEST(Zip, RefusesBombs) {
  EXPECT_THAT(error_of(changed(changed(two(), 0, 10, {8}), 0, 24, {0, 0, 0, 0xf0})),
              HasSubstr("a would unpack from 5 to 4026531840 bytes: no weights do"));
}

// Two names for the same bytes.
TEST(Zip, RefusesFilesOverOneAnother) {
  const std::vector<ZipMember> members{{"a", bytes_of("hello")}, {"a", bytes_of("hello")}};
  Bytes archive = write_zip(members);
  Bytes overlapping = changed(archive, 1, 42, {0, 0, 0, 0});
  EXPECT_THAT(error_of(overlapping), HasSubstr("two files in it are called a"));
  // The first grows over the second: its content ends where the second's header begins.
  const std::vector<ZipMember> grown{{"a", bytes_of("hello")}, {"b", bytes_of("hello")}};
  overlapping = changed(write_zip(grown), 0, 20, {6, 0, 0, 0, 6});
  EXPECT_THAT(error_of(overlapping), HasSubstr("two of its files lie over one another"));
}

}  // namespace
}  // namespace striate
