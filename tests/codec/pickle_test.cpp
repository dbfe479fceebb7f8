#include "striate/codec/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "testing/paths.h"

namespace striate {
namespace {

using ::testing::HasSubstr;
using Kind = Pickle::Kind;

constexpr std::string_view kGlobals[] = {"collections.OrderedDict", "_codecs.encode"};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string error_of(std::string_view pickle) {
  try {
    read_pickle(bytes_of(pickle), "p", kGlobals);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

// A value as text, to a depth.
std::string shown(const Pickle& pickle, const Pickle::Value& value, int depth = 4) {
  if (depth == 0) return "…";
  std::string items;
  for (const Pickle::Id id : value.items) items += shown(pickle, pickle[id], depth - 1) + " ";
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.integer != 0 ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::number:
      return fmt::format("{}", value.number);
    case Kind::text:
    case Kind::global:
      return value.text;
    case Kind::tuple:
      return "( " + items + ")";
    case Kind::list:
      return "[ " + items + "]";
    case Kind::dict:
      return "{ " + items + "}";
    case Kind::call:
      return "call " + items;
    case Kind::persistent:
      return "elsewhere " + items;
  }
  return "?";
}

std::string shown(std::string_view text) {
  const Pickle pickle = read_pickle(bytes_of(text), "p", kGlobals);
  return shown(pickle, pickle.root());
}

// {'a': [1, 2.5, None, True, -3, 1 << 70], 'b': ('x', b'yyy'), 'c': OrderedDict([('k', 1)])}
TEST(Pickle, ReadsWhatPythonWrites) {
  for (const char* name : {"protocol0", "protocol2", "protocol4"}) {
    const Bytes bytes =
        read_file(std::string(kSourceFolder) + "/fuzz/corpus/pickle/" + name + ".pkl");
    const Pickle pickle = read_pickle(bytes, name, kGlobals);
    EXPECT_EQ(pickle.consumed(), bytes.size());
    const std::string text = shown(pickle, pickle.root());
    EXPECT_THAT(text, HasSubstr("{ a [ 1 2.5 None True -3 ")) << name;
    EXPECT_THAT(text, HasSubstr("b ( x ")) << name;
    EXPECT_THAT(text, HasSubstr("c { k 1 } }")) << name;
  }
}

TEST(Pickle, KnowsIntegersOfAllSizes) {
  constexpr std::string_view kPickle(
      "(K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x00\x8a\x01\xff\x8a\x02\xff\x00t.", 22);
  EXPECT_EQ(shown(kPickle), "( 255 65535 -1 0 -1 255 )");
}

// Nothing is imported or called, whatever it is and however it is spelt.
TEST(Pickle, NamesNothingButWhatIsAllowed) {
  EXPECT_EQ(error_of("cposix\nsystem\n(X\x02\x00\x00\x00idtR."),
            "p: pickle, byte 14: it names posix.system: only tensors are read, and nothing is ever "
            "called");
  EXPECT_THAT(error_of("\x80\x04\x8c\x08"
                       "builtins\x8c\x04"
                       "eval\x93."),
              HasSubstr("it names builtins.eval"));
  EXPECT_THAT(error_of("(iposix\nsystem\n."), HasSubstr("opcode 0x69 is not read"));
  EXPECT_THAT(error_of("ccollections\nOrderedDict\n)\x81."), HasSubstr("opcode 0x81 is not read"));
  EXPECT_THAT(error_of("K\x01)R."), HasSubstr("it calls what has no name"));
}

TEST(Pickle, RefusesWhatIsNoWholePickle) {
  EXPECT_THAT(error_of(""), HasSubstr("it ends after 0 bytes"));
  EXPECT_THAT(error_of("."), HasSubstr("takes a value that is not there"));
  EXPECT_THAT(error_of("(K\x01\x30\x30."), HasSubstr("takes a value that is not there"));
  EXPECT_THAT(error_of("t."), HasSubstr("up to a mark that is not there"));
  EXPECT_THAT(error_of("h\x05."), HasSubstr("it wants back value 5"));
  EXPECT_THAT(error_of(std::string_view("X\xff\xff\xff\xff", 5)), HasSubstr("4294967295 more"));
  EXPECT_THAT(error_of("}K\x01\x61."), HasSubstr("it adds to what is no list"));
  EXPECT_THAT(error_of("}(K\x01u."), HasSubstr("a key has no value"));
  EXPECT_THAT(error_of("\x80\x09."), HasSubstr("protocol 9"));
  EXPECT_THAT(error_of("Iabc\n."), HasSubstr("no number: abc"));
}

// A list in itself is a value like another.
TEST(Pickle, ReadsCycles) { EXPECT_EQ(shown("]q\x01h\x01\x61."), "[ [ [ [ … ] ] ] ]"); }

// A dictionary made of a long list again and again would be as long as the square of the file.
TEST(Pickle, DictionariesStayWithinTheFile) {
  std::string pickle = "(";
  for (int i = 0; i < 1000; ++i) pickle += "NN\x86";
  pickle += "lq";
  pickle += '\x01';
  for (int i = 0; i < 1000; ++i) pickle += "ccollections\nOrderedDict\nh\x01\x85R";
  EXPECT_THAT(error_of(pickle + "."), HasSubstr("larger than itself"));
}

}  // namespace
}  // namespace striate
