// Reads the layer table in ARCHITECTURE.md and checks every #include of the project against it.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/paths.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = kSourceFolder;
const std::vector<std::string> kSiblings{"models", "formats", "data"};

std::vector<std::string> layers() {
  std::ifstream file(kRoot / "ARCHITECTURE.md");
  std::vector<std::string> rooms;
  const std::regex row(R"(^\| `([a-z]+)/` \|.*)");
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_match(line, match, row)) rooms.push_back(match[1]);
  }
  return rooms;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

// Every include of one of the project's rooms in a file.
std::vector<std::string> included_rooms(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> rooms;
  const std::regex include(R"(^\s*#\s*include\s+"(?:striate/)?([a-z]+)/.*)");
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_match(line, match, include)) rooms.push_back(match[1]);
  }
  return rooms;
}

bool allowed(const std::vector<std::string>& rooms, const std::string& from,
             const std::string& to) {
  const auto contains = [](const auto& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  if (from == to) return true;
  if (contains(kSiblings, from) && contains(kSiblings, to)) return false;
  return std::find(rooms.begin(), rooms.end(), to) < std::find(rooms.begin(), rooms.end(), from);
}

TEST(Layers, TheTableNamesEveryFolder) {
  const std::vector<std::string> rooms = layers();
  ASSERT_EQ(rooms.size(), 16U) << "the table in ARCHITECTURE.md could not be read";
  for (const char* side : {"src", "include/striate"}) {
    for (const auto& entry : fs::directory_iterator(kRoot / side)) {
      if (!entry.is_directory()) continue;
      EXPECT_NE(std::find(rooms.begin(), rooms.end(), entry.path().filename()), rooms.end())
          << entry.path() << " is in no line of the table";
    }
  }
}

TEST(Layers, NoIncludeGoesUpOrSideways) {
  const std::vector<std::string> rooms = layers();
  int files = 0;
  for (const std::string& room : rooms) {
    for (const fs::path& folder : {kRoot / "src" / room, kRoot / "include/striate" / room}) {
      if (!fs::exists(folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || !is_source(entry.path())) continue;
        ++files;
        for (const std::string& included : included_rooms(entry.path())) {
          EXPECT_TRUE(allowed(rooms, room, included))
              << entry.path() << " includes " << included << "/, which is not above " << room;
        }
      }
    }
  }
  EXPECT_GT(files, 50) << "the walk found too little to mean anything";
}

TEST(Layers, TheCheckItselfRefuses) {
  const std::vector<std::string> rooms = layers();
  EXPECT_FALSE(allowed(rooms, "ops", "graph"));
  EXPECT_FALSE(allowed(rooms, "models", "data"));
  EXPECT_FALSE(allowed(rooms, "data", "models"));
  EXPECT_TRUE(allowed(rooms, "cli", "base"));
}

}  // namespace
}  // namespace striate
