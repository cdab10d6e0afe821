// Identifiers of access control lists with what may follow them (RFC 4314 2, 3; MSS-32).
#include "imap/grammar/acl_identifier.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds kNow{seconds{1'800'000'000}};

std::string expiry(const std::string& text) {
  const auto read = read_acl_identifier("bob;expires=" + text, kNow);
  if (!read) return "refused";
  if (!read->expires) return "none";
  return *read->expires ? moment_text(**read->expires) : "never";
}

TEST(AclIdentifier, NamesAndNegativeRights) {
  const auto plain = read_acl_identifier("bob@example.net", kNow);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "bob@example.net");
  EXPECT_FALSE(plain->negative);
  EXPECT_FALSE(plain->expires);
  EXPECT_FALSE(plain->reason);
  const auto negative = read_acl_identifier("-group:staff", kNow);
  ASSERT_TRUE(negative);
  EXPECT_EQ(negative->name, "group:staff");
  EXPECT_TRUE(negative->negative);
  // Parameters of a SIP address are its own.
  EXPECT_EQ(read_acl_identifier("sip:a@b;transport=tcp", kNow)->name, "sip:a@b;transport=tcp");
  // SASLprep (RFC 4013): a soft hyphen is nothing, a control character refused.
  EXPECT_EQ(read_acl_identifier("b\u00adob", kNow)->name, "bob");
  for (const char* refused : {"", "-", "a\u0007b", ";reason=x"})
    EXPECT_FALSE(read_acl_identifier(refused, kNow)) << refused;
}

TEST(AclIdentifier, Expiry) {
  EXPECT_EQ(expiry("2026-12-31T23:59:59Z"), "2026-12-31T23:59:59Z");
  EXPECT_EQ(expiry("2026-12-31t23:59:59+01:30"), "2026-12-31T22:29:59Z");
  EXPECT_EQ(expiry("2028-02-29T00:00:00-00:30"), "2028-02-29T00:30:00Z");
  EXPECT_EQ(expiry("never"), "never");
  EXPECT_EQ(expiry("+60"), moment_text(kNow + seconds{60}));
  for (const char* refused :
       {"", "+", "+-1", "+1x", "+99999999999999999999", "tomorrow", "2026-12-31", "2026-02-30T00:00:00Z",
        "2026-12-31T24:00:00Z", "2026-12-31T23:59:59", "2026-12-31T23:59:59+1:00", "2026-12-31 23:59:59Z"}) {
    EXPECT_EQ(expiry(refused), "refused") << refused;
  }
}

TEST(AclIdentifier, TheReasonIsTheRest) {
  const auto read = read_acl_identifier("bob;expires=never;reason=a;b;expires=c", kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "bob");
  EXPECT_EQ(read->reason, "a;b;expires=c");
  ASSERT_TRUE(read->expires);
  EXPECT_FALSE(*read->expires);
}

}  // namespace
}  // namespace cpm::imap::grammar
