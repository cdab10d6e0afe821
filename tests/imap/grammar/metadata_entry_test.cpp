#include "imap/grammar/metadata_entry.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

TEST(MetadataEntryParse, TakesWhatTheRfcAllows) {
  const Limits limits;
  for (const char* name :
       {"/private/comment", "/SHARED/Comment", "/shared/vendor/token/name", "/private/a b", "/private/x.y-z",
        "/private/filters/values/on-the-road", "/shared/vendors", "/private/a\"b"}) {
    EXPECT_EQ(entry_fault(name, true, limits), "") << name;
  }
  for (const char* name : {"/private", "/Shared", "/private/vendor", "/shared/vendor/token"}) {
    EXPECT_EQ(entry_fault(name, false, limits), "") << name;
    EXPECT_NE(entry_fault(name, true, limits), "") << name << " is only the beginning of names";
  }
}

TEST(MetadataEntryParse, RefusesTheRest) {
  const Limits limits;
  for (const std::string& name :
       {std::string(), std::string("/"), std::string("comment"), std::string("private/comment"),
        std::string("/comment"), std::string("/comment/private"), std::string("/privates/x"), std::string("/private/"),
        std::string("//private/x"), std::string("/private//x"), std::string("/private/x/"), std::string("/private/*"),
        std::string("/private/x%"), std::string("/private/x\ty"), std::string("/private/x\x1f"),
        std::string("/private/\x7f"), std::string("/private/\xc3\xa4"), std::string("/private/x\0y", 12)}) {
    EXPECT_NE(entry_fault(name, false, limits), "") << name;
  }
  EXPECT_EQ(entry_fault("/private/" + std::string(limits.metadata_entry_octets - 9, 'x'), true, limits), "");
  EXPECT_NE(entry_fault("/private/" + std::string(limits.metadata_entry_octets - 8, 'x'), true, limits), "");
}

TEST(MetadataEntryParse, ComparesWithoutCaseAndKeepsTheSpelling) {
  const schema::MetadataEntry entry("/Private/Comment");
  EXPECT_EQ(entry.key(), "/private/comment");
  EXPECT_EQ(entry.spelling(), "/Private/Comment");
  EXPECT_TRUE(entry.is_private());
  EXPECT_FALSE(schema::MetadataEntry("/SHARED/x").is_private());
}

}  // namespace
}  // namespace cpm::imap::grammar
