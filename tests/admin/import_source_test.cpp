#include "admin/import_source.h"

#include "admin/export_sink.h"
#include "tests/admin/folder.h"

#include <gtest/gtest.h>

namespace cpm::admin {
namespace {

const Limits kLimits;

std::string converted(const std::vector<std::string>& pieces) {
  Spool spool(kLimits);
  LineEnds ends(spool);
  for (const std::string& piece : pieces) EXPECT_TRUE(ends.write(piece));
  return spool.text();
}

TEST(LineEndsWrite, MakesOnlyBareLineFeedsLonger) {
  EXPECT_EQ(converted({"a\nb\r\nc\rd\n\n"}), "a\r\nb\r\nc\rd\r\n\r\n");
  EXPECT_EQ(converted({"a\r", "\nb"}), "a\r\nb");
  EXPECT_EQ(converted({"\n"}), "\r\n");
  EXPECT_EQ(converted({"no end"}), "no end");
}

TEST(MessageFile, KeepsBinaryOctetsOfANetworkFile) {
  const test::Folder folder;
  const std::string binary = "A: 1\r\nContent-Transfer-Encoding: BINARY\r\n\r\na\nb";
  EXPECT_EQ((*read_message_file(folder.write("a.eml", binary), kLimits))->text(), binary);
  EXPECT_EQ(
      (*read_message_file(folder.write("b.eml", "A: 1\nContent-Transfer-Encoding: binary\n\na\nb"), kLimits))->text(),
      "A: 1\r\nContent-Transfer-Encoding: binary\r\n\r\na\r\nb");
  EXPECT_EQ((*read_message_file(folder.write("c.eml", "A: 1\r\n\r\na\nb"), kLimits))->text(), "A: 1\r\n\r\na\r\nb");
}

TEST(MessageFile, RefusesEmptyAndTooLargeOnes) {
  const test::Folder folder;
  Limits small;
  small.message_octets = 10;
  EXPECT_EQ(read_message_file(folder.write("e.eml", ""), small).error().failure, Failure::invalid);
  EXPECT_EQ(read_message_file(folder.write("l.eml", "12345678901"), small).error().failure, Failure::too_big);
  EXPECT_EQ(read_message_file(folder.write("g.eml", "12345678\n\n"), small).error().failure, Failure::too_big);
  EXPECT_EQ(read_message_file(folder.path("none.eml"), small).error().failure, Failure::denied);
}

TEST(FormatDetect, LooksAtThePath) {
  const test::Folder folder;
  EXPECT_EQ(detect_format(folder.write("box", "From a@b Thu Jan  1 00:00:10 1970\n")).value(), ImportFormat::mbox);
  EXPECT_EQ(detect_format(folder.write("a.eml", "From: a@b\n")).value(), ImportFormat::eml);
  EXPECT_EQ(detect_format(folder.path()).value(), ImportFormat::eml);
  EXPECT_EQ(detect_format(folder.path("nothing")).error().failure, Failure::not_found);
  EXPECT_EQ(open_source(folder.path("a.eml"), ImportFormat::mbox, kLimits).error().failure, Failure::invalid);
  EXPECT_EQ(open_source(folder.path(), ImportFormat::maildir, kLimits).error().failure, Failure::invalid);
}

TEST(EmlFolder, IsReadInNaturalOrderWithItsSubfolders) {
  const test::Folder folder;
  folder.write("10.eml", "A: 10\n\n");
  folder.write("2.eml", "A: 2\n\n");
  folder.write("notes.txt", "no message");
  folder.write("sub/1.EML", "A: 1\n\n");
  auto source = open_source(folder.path(), ImportFormat::automatic, kLimits);
  ASSERT_TRUE(source);
  std::vector<std::string> texts;
  for (ImportItem item; (*source)->next(item);) texts.push_back(item.octets->text());
  EXPECT_EQ(texts, (std::vector<std::string>{"A: 2\r\n\r\n", "A: 10\r\n\r\n", "A: 1\r\n\r\n"}));
  const test::Folder empty;
  EXPECT_EQ(open_source(empty.path(), ImportFormat::eml, kLimits).error().failure, Failure::not_found);
}

TEST(ExportPath, EscapesWhatWouldBeMisread) {
  EXPECT_EQ(export_path(ExportFormat::mbox, "r", "Work/2024"), "r/Work/2024.mbox");
  EXPECT_EQ(export_path(ExportFormat::maildir, "r", "cur/.hidden/50%"), "r/%63ur/%2Ehidden/50%25");
  EXPECT_EQ(export_path(ExportFormat::maildir, "r", "../x"), "r/%2E./x");
  EXPECT_EQ(export_path(ExportFormat::eml, "r", "1.eml"), "r/%31.eml");
}

}  // namespace
}  // namespace cpm::admin
