#include "schema/directory.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

TEST(CanonicalAddress, LowersSchemeAndHostOnly) {
  EXPECT_EQ(canonical_address("Alice@Example.NET").value(), "Alice@example.net");
  EXPECT_EQ(canonical_address("SIP:Alice@Example.NET;Tag=X").value(), "sip:Alice@example.net;Tag=X");
  EXPECT_EQ(canonical_address("TEL:+1555ABC").value(), "tel:+1555ABC");
  EXPECT_EQ(canonical_address("U1").value(), "U1");
  EXPECT_EQ(canonical_address("a@b@Host").value(), "a@b@host");
  EXPECT_EQ(canonical_address("J\xc3\xbcrgen@EX\xc3\x84").value(), "J\xc3\xbcrgen@ex\xc3\x84");
}

TEST(CanonicalAddress, RefusesWhatIsNoAddress) {
  for (const std::string bad : {"", "a b", "a\tb", "a\x7f", "a\xc2\x85z", "a\xc2\xa0z", "a\xe3\x80\x80z", "a\xff",
                                "a\xc0\xafz", "a\xed\xa0\x80", "a\xe2\x82"}) {
    const auto out = canonical_address(bad);
    ASSERT_FALSE(out) << bad;
    EXPECT_EQ(out.error().failure, Failure::invalid);
  }
  EXPECT_FALSE(canonical_address(std::string("a\0b", 3)));
  EXPECT_FALSE(canonical_address(std::string(513, 'a')));
}

TEST(ServicePattern, MatchesWholeAddresses) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("*@example.net", "alice@example.net"));
  EXPECT_FALSE(matches_pattern("*@example.net", "alice@example.net.evil"));
  EXPECT_FALSE(matches_pattern("*@example.net", "alice@sub.example.com"));
  EXPECT_TRUE(matches_pattern("tel:+1555????", "tel:+15550100"));
  EXPECT_FALSE(matches_pattern("tel:+1555????", "tel:+1555010"));
  EXPECT_TRUE(matches_pattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("a.c", "abc"));
  EXPECT_FALSE(matches_pattern(std::string(200, '*') + "x", std::string(5000, 'a')));
}

}  // namespace
}  // namespace cpm::schema
