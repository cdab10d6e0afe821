#include "admin/maildir.h"

#include "admin/export_sink.h"
#include "tests/admin/folder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::admin {
namespace {

using namespace std::chrono;

TEST(MaildirName, GivesFlags) {
  EXPECT_EQ(maildir_flags("1700000000.M1P2.host,S=12:2,FRS", {}).bits,
            schema::kFlagged | schema::kAnswered | schema::kSeen);
  EXPECT_EQ(maildir_flags("1:2,DPT", {}).bits, schema::kDraft | schema::kForwarded | schema::kDeleted);
  EXPECT_EQ(maildir_flags("1700000000.M1P2.host", {}).bits, 0U);
  EXPECT_EQ(maildir_flags("1700000000.M1P2.host:1,S", {}).bits, 0U);
}

TEST(MaildirName, GivesKeywordsByLetter) {
  const auto flags = maildir_flags("1:2,Sabz", {"Work", "$Junk"});
  EXPECT_EQ(flags.keywords, std::vector<std::string>{"Work"});
  EXPECT_EQ(flags.bits, schema::kSeen | schema::kJunk);
}

TEST(MaildirLetters, AreReadAgain) {
  std::vector<std::string> keywords;
  std::string letters;
  const schema::FlagSet flags{schema::kSeen | schema::kDraft | schema::kImportant, {"Work"}};
  ASSERT_TRUE(maildir_letters(flags, keywords, letters));
  EXPECT_EQ(letters, "DSab");
  const auto again = maildir_flags("1:2," + letters, parse_keyword_file(keyword_file(keywords)));
  EXPECT_EQ(again.bits, flags.bits);
  EXPECT_EQ(again.keywords, flags.keywords);
}

TEST(MaildirLetters, EndAt26) {
  std::vector<std::string> keywords;
  std::string letters;
  for (int i = 0; i < 26; ++i) ASSERT_TRUE(maildir_letters({0, {"k" + std::to_string(i)}}, keywords, letters));
  EXPECT_EQ(letters, "z");
  EXPECT_FALSE(maildir_letters({schema::kSeen, {"one more"}}, keywords, letters));
  EXPECT_EQ(letters, "S");
}

TEST(MaildirKeywords, IgnoresBadLines) {
  EXPECT_EQ(parse_keyword_file("1 b\nnonsense\n99 far\n0 a\r\n"), (std::vector<std::string>{"a", "b"}));
}

TEST(NaturalOrder, ComparesNumbersAsNumbers) {
  std::vector<std::string> names = {"10.eml", "2.eml", "1.eml", "a", "002.eml"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_EQ(names, (std::vector<std::string>{"1.eml", "002.eml", "2.eml", "10.eml", "a"}));
}

TEST(MaildirRead, TakesCurAndNewInOrderOfDelivery) {
  const test::Folder folder;
  folder.write("cur/1700000002.b:2,S", "Subject: two\n\nx\n");
  folder.write("new/1700000001.a", "Subject: one\n\nx\n");
  folder.write("cur/1700000003.c:2,", "");
  folder.write("tmp/1700000000.d", "Subject: not finished\n");
  ASSERT_EQ(detect_format(folder.path()).value(), ImportFormat::maildir);
  const Limits limits;
  auto source = open_source(folder.path(), ImportFormat::automatic, limits);
  ASSERT_TRUE(source);
  ImportItem item;
  ASSERT_TRUE((*source)->next(item));
  EXPECT_EQ(item.octets->text(), "Subject: one\r\n\r\nx\r\n");
  EXPECT_EQ(item.flags.bits, 0U);
  ASSERT_TRUE((*source)->next(item));
  EXPECT_EQ(item.flags.bits, schema::kSeen);
  EXPECT_TRUE(item.date);
  ASSERT_TRUE((*source)->next(item));
  EXPECT_EQ(item.skipped, "the file is empty");
  EXPECT_FALSE((*source)->next(item));
}

TEST(MaildirWrite, KeepsOctetsFlagsAndDate) {
  const test::Folder folder;
  const std::string box = folder.path("box");
  auto sink = open_sink(ExportFormat::maildir, box);
  ASSERT_TRUE(sink);
  const std::string text = "Subject: a\r\n\r\nbody\r\n";
  ASSERT_TRUE((*sink)->put({Uid{7},
                            UidValidity{3},
                            sys_seconds(1700000000s),
                            {schema::kSeen, {"Work"}},
                            "",
                            false,
                            std::make_shared<Spool>(text)}));
  ASSERT_TRUE((*sink)->finish());
  EXPECT_EQ(folder.read("box/cur/1700000000.V3U7.cpmstore:2,Sa"), "Subject: a\n\nbody\n");
  const Limits limits;
  auto source = open_source(box, ImportFormat::maildir, limits);
  ASSERT_TRUE(source);
  ImportItem item;
  ASSERT_TRUE((*source)->next(item));
  EXPECT_EQ(item.octets->text(), text);
  EXPECT_EQ(item.date, sys_seconds(1700000000s));
  EXPECT_EQ(item.flags.keywords, std::vector<std::string>{"Work"});
  EXPECT_EQ(open_sink(ExportFormat::maildir, box).error().failure, Failure::exists);
}

}  // namespace
}  // namespace cpm::admin
