#include "schema/credentials.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

std::string hex(std::string_view octets) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : octets) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

// RFC 4013 3
TEST(Saslprep, FollowsTheExamplesOfTheRfc) {
  EXPECT_EQ(*saslprep("I\u00adX", Saslprep::stored), "IX");
  EXPECT_EQ(*saslprep("user", Saslprep::stored), "user");
  EXPECT_EQ(*saslprep("USER", Saslprep::stored), "USER");
  EXPECT_EQ(*saslprep("\u00aa", Saslprep::stored), "a");
  EXPECT_EQ(*saslprep("\u2168", Saslprep::stored), "IX");
  EXPECT_FALSE(saslprep("\x07", Saslprep::stored));
  EXPECT_FALSE(saslprep("\u0627\u0031", Saslprep::stored));
}

TEST(Saslprep, MapsBlanksAndComposes) {
  EXPECT_EQ(*saslprep("a\u00a0b", Saslprep::query), "a b");
  EXPECT_EQ(*saslprep("e\u0301", Saslprep::query), "\u00e9");
  EXPECT_EQ(*saslprep("", Saslprep::query), "");
  EXPECT_EQ(*saslprep("\u00ad", Saslprep::query), "");
}

TEST(Saslprep, AllowsUnassignedInQueriesOnly) {
  const std::string later = "\u0221";  // assigned after Unicode 3.2
  EXPECT_TRUE(saslprep(later, Saslprep::query));
  EXPECT_FALSE(saslprep(later, Saslprep::stored));
}

TEST(Saslprep, RefusesBrokenUtf8) {
  EXPECT_FALSE(saslprep("\xff\xfe", Saslprep::query));
  EXPECT_FALSE(saslprep("a\xc3", Saslprep::query));
}

TEST(Saslprep, HoldsTheLongestExpansion) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "\ufdfa";  // one character that NFKC makes 18
  const auto prepared = saslprep(many, Saslprep::query);
  ASSERT_TRUE(prepared);
  EXPECT_GT(prepared->size(), many.size());
}

// The keys behind RFC 7677 3, from its salt and password.
TEST(ScramKeys, MatchTheVectorOfRfc7677) {
  const std::string salt = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
  const ScramKeys keys = derive_scram_keys("pencil", salt, 4096);
  EXPECT_EQ(hex(keys.stored_key), "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
  EXPECT_EQ(hex(keys.server_key), "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5");
  EXPECT_EQ(keys.salt, salt);
}

TEST(ScramKeys, AcceptOnlyTheirPassword) {
  const auto keys = make_scram_keys("s\u00e9same", kLeastScramIterations);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->salt.size(), 16U);
  EXPECT_EQ(keys->iterations, kLeastScramIterations);
  EXPECT_TRUE(matches_password(*keys, "s\u00e9same"));
  EXPECT_FALSE(matches_password(*keys, "sesame"));
  EXPECT_FALSE(matches_password(*keys, ""));
}

TEST(ScramKeys, SaltEveryPasswordAnew) {
  const auto one = make_scram_keys("1234", kLeastScramIterations);
  const auto two = make_scram_keys("1234", kLeastScramIterations);
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->salt, two->salt);
  EXPECT_NE(one->stored_key, two->stored_key);
}

TEST(ScramKeys, RefuseUnusablePasswords) {
  EXPECT_FALSE(make_scram_keys(""));
  EXPECT_FALSE(make_scram_keys("\u00ad"));  // nothing is left of it
  EXPECT_FALSE(make_scram_keys("a\x01"));
  EXPECT_FALSE(make_scram_keys(std::string(kPasswordOctets + 1, 'x')));
  EXPECT_FALSE(make_scram_keys("x", kLeastScramIterations - 1));
  EXPECT_FALSE(make_scram_keys("x", kMostScramIterations + 1));
}

TEST(ScramKeys, NeverMatchALongerPasswordThanCanBeSet) {
  const auto keys = make_scram_keys(std::string(kPasswordOctets, 'x'), kLeastScramIterations);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(matches_password(*keys, std::string(kPasswordOctets, 'x')));
  EXPECT_FALSE(matches_password(*keys, std::string(kPasswordOctets + 1, 'x')));
}

TEST(Secrets, CompareByContentAndLength) {
  EXPECT_TRUE(equal_secrets("abc", "abc"));
  EXPECT_FALSE(equal_secrets("abc", "abd"));
  EXPECT_FALSE(equal_secrets("abc", "ab"));
}

}  // namespace
}  // namespace cpm::schema
